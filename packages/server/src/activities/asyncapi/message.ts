/** What a document says of a message (AsyncAPI "Message Object", 2.x and 3.x, with its traits), and whether one is of it. */
import { isObject, type Json, type JsonObject, type Schema } from "@millrace/language";
import type { Located, LocatedObject } from "../documents/resolver.ts";
import { schemaAt } from "../documents/schema.ts";
import type { AsyncApiDocument } from "./document.ts";
import { bindingOf } from "./operation.ts";

/** A message as workflows have it. */
export interface MessageContent {
  readonly payload: Json | undefined;
  readonly headers: JsonObject;
}

export interface MessageDefinition {
  /** As it stands in errors. */
  readonly name: string;
  readonly contentType?: string;
  /** A location expression, such as `$message.header#/correlationId`. */
  readonly correlationId?: string;
  readonly bindings: JsonObject;
  readonly payload?: Schema;
  readonly headers?: Schema;
}

/** Formats that the language's validator reads: AsyncAPI's own and JSON Schema. What is in any other is not checked. */
const CHECKED_FORMAT =
  /^application\/(vnd\.aai\.asyncapi|schema)(\+(json|yaml))?\s*(;\s*version="?[^;"]*"?\s*)?$/i;

/** Compiled schemas by their object in the document, which is kept for as long as its document is. */
const compiled = new WeakMap<object, Schema>();

export async function describeMessage(
  document: AsyncApiDocument,
  message: LocatedObject,
  bindingNames: readonly string[],
): Promise<MessageDefinition> {
  const sources = await withTraits(document, message);
  const field = (key: string) => fieldOf(document, sources, key);
  const text = async (key: string): Promise<string | undefined> => {
    const value = (await field(key))?.node;
    return typeof value === "string" ? value : undefined;
  };
  const format = await text("schemaFormat");
  const correlation = (await field("correlationId"))?.node;
  const location = isObject(correlation) ? correlation["location"] : undefined;
  const contentType = await text("contentType");
  const payload = await schemaOf(document, await field("payload"), format);
  const headers = await schemaOf(document, await field("headers"), undefined);
  return {
    name: (await text("name")) ?? (await text("title")) ?? "the message",
    ...(contentType === undefined ? {} : { contentType }),
    ...(typeof location === "string" ? { correlationId: location } : {}),
    bindings: await firstBinding(document, sources, bindingNames),
    ...(payload === undefined ? {} : { payload }),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** In order of precedence: in 3.x a trait gives what the message does not, in 2.x it overrides the message. */
async function withTraits(
  { resolver, version }: AsyncApiDocument,
  message: LocatedObject,
): Promise<readonly LocatedObject[]> {
  const traits: LocatedObject[] = [];
  const list = message.node["traits"];
  for (const node of Array.isArray(list) ? list : []) {
    const trait = await resolver.object({ node: node as Json, document: message.document });
    if (trait !== undefined) traits.unshift(trait);
  }
  return version === 3 ? [message, ...traits] : [...traits, message];
}

async function fieldOf(
  { resolver }: AsyncApiDocument,
  sources: readonly LocatedObject[],
  key: string,
): Promise<Located | undefined> {
  for (const source of sources) {
    const found = await resolver.find(source, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function firstBinding(
  document: AsyncApiDocument,
  sources: readonly LocatedObject[],
  names: readonly string[],
): Promise<JsonObject> {
  for (const source of sources) {
    const binding = await bindingOf(document, source, names);
    if (Object.keys(binding).length > 0) return binding;
  }
  return {};
}

async function schemaOf(
  { resolver }: AsyncApiDocument,
  located: Located | undefined,
  format: string | undefined,
): Promise<Schema | undefined> {
  if (located === undefined || !isObject(located.node)) return undefined;
  const { node, document } = located;
  // Multi Format Schema Object of 3.x.
  const inner = Object.hasOwn(node, "schemaFormat") ? node["schema"] : undefined;
  const stated = inner === undefined ? format : node["schemaFormat"];
  if (stated !== undefined && !(typeof stated === "string" && CHECKED_FORMAT.test(stated)))
    return undefined;
  const known = compiled.get(node);
  if (known !== undefined) return known;
  const schema = await schemaAt(resolver, { node: inner ?? node, document });
  compiled.set(node, schema);
  return schema;
}

/** What is wrong with a message, or undefined when it is of this definition: `payload/petId: is required`. */
export function mismatch(
  definition: MessageDefinition,
  content: MessageContent,
): string | undefined {
  const of = (part: "payload" | "headers", value: Json): string | undefined => {
    const issue = definition[part]?.validate(value)[0];
    return issue && `${part}${issue.pointer}: ${issue.message}`;
  };
  return of("payload", content.payload ?? null) ?? of("headers", content.headers);
}

/**
 * What a location expression (AsyncAPI "Runtime Expression") finds in a message, as text; undefined when there is nothing, or
 * no text, number or boolean.
 */
export function locate(
  expression: string,
  { payload, headers }: MessageContent,
): string | undefined {
  const match = /^\$message\.(header|payload)#((?:\/[^/]*)*)$/.exec(expression);
  if (match === null) return undefined;
  let current: Json | undefined = match[1] === "header" ? headers : payload;
  for (const part of (match[2] ?? "").split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const holder: unknown = current;
    const inside = typeof holder === "object" && holder !== null && Object.hasOwn(holder, key);
    current = inside ? (holder as JsonObject)[key] : undefined;
  }
  return typeof current === "object" || current === undefined ? undefined : String(current);
}
