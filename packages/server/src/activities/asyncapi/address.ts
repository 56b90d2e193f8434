/**
 * A channel's address with its parameters filled in. The DSL has no arguments for them, so a value is looked for in
 * `server.variables`, then where the document says that the message has it (`location`), then in the document's default.
 */
import { isObject, type JsonObject } from "@millrace/language";
import { badArgument } from "../arguments.ts";
import { ActivityFailure } from "../failure.ts";
import { encodeStrict, isDotSegment } from "../http/uri.ts";
import type { AsyncApiDocument } from "./document.ts";
import { locate, type MessageContent } from "./message.ts";
import { type Operation } from "./operation.ts";
import { valueOf } from "./server.ts";

export interface AddressRequest {
  readonly variables: JsonObject;
  /** What is published; absent for a subscription. */
  readonly content?: MessageContent;
  /** The protocol's family: what separates the levels of an address. */
  readonly family: string;
}

/** What has a meaning of its own in an address, so that no value may bring it along. */
const SPECIAL: Readonly<Record<string, RegExp>> = {
  amqp: /[\s.#*/]/,
  mqtt: /[\s/+#$]/,
  mqtt5: /[\s/+#$]/,
  nats: /[\s.*>$]/,
};
const SPECIAL_ELSEWHERE = /[\s/*?#+\\]/;

/** @throws {ActivityFailure} `configuration` for a parameter without a value, `expression` for a value that leaves its place */
export async function fillAddress(
  document: AsyncApiDocument,
  { address, channel }: Operation,
  request: AddressRequest,
): Promise<string> {
  const values = new Map<string, string>();
  for (const [, name = ""] of address.matchAll(/\{([^{}]+)\}/g)) {
    const declared = await document.resolver.object(channel, "parameters", name);
    values.set(name, valueFor(name, declared?.node ?? {}, request));
  }
  return address.replace(/\{([^{}]+)\}/g, (_, name: string) => values.get(name) ?? "");
}

function valueFor(name: string, declared: JsonObject, request: AddressRequest): string {
  const { variables, content, family } = request;
  const { location, schema } = declared;
  // 2.x keeps enum and default in a schema.
  const limits = isObject(schema) ? { ...schema, ...declared } : declared;
  const found =
    typeof location === "string" && content !== undefined ? locate(location, content) : undefined;
  const given =
    found === undefined || Object.hasOwn(variables, name) ? variables : { [name]: found };
  const value = valueOf(name, limits, given, "server.variables");
  if (value === undefined || value === "") {
    const hint = "the channel's address needs it";
    throw badArgument(`server.variables.${name}`, `required: ${hint}`);
  }
  if (family === "http" || family === "ws") {
    if (!isDotSegment(value)) return encodeStrict(value);
  } else if (!(SPECIAL[family] ?? SPECIAL_ELSEWHERE).test(value) && !hasControl(value))
    return value;
  const detail = `The value of the channel's parameter ${name} holds characters that mean something in an address.`;
  throw new ActivityFailure("expression", detail);
}

function hasControl(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f]/.test(text);
}
