/** Finds the method that a call names, and the messages it is called with. */
import type { Json } from "@millrace/language";
import { badArgument } from "../arguments.ts";
import type { Encoder } from "./encode.ts";
import type { MethodShape, Schema, ServiceShape } from "./schema.ts";

/** How many names an error lists. */
const LISTED = 12;

/**
 * @param service with its package or without
 * @throws {ActivityFailure} `configuration` that lists what there is
 */
export function findMethod(
  schema: Schema,
  service: string,
  method: string,
): { readonly service: ServiceShape; readonly method: MethodShape } {
  const found = findService(schema, service.replace(/^\./, ""));
  const shape = found.methods.find(({ name }) => name === method);
  if (shape !== undefined) return { service: found, method: shape };
  const known = listed(found.methods.map(({ name }) => name));
  throw badArgument("method", `${found.name} has no method ${method}; it has ${known}`);
}

function findService(schema: Schema, name: string): ServiceShape {
  const exact = schema.services.get(name);
  if (exact !== undefined) return exact;
  const all = [...schema.services.values()];
  const [first, second] = all.filter((service) => service.name.endsWith(`.${name}`));
  if (first === undefined) {
    const known = listed(all.map((service) => service.name));
    throw badArgument("service.name", `the proto document has no service ${name}; it has ${known}`);
  }
  if (second === undefined) return first;
  throw badArgument("service.name", `is it ${first.name} or ${second.name}? Give the package too`);
}

/**
 * The messages to send. A method that takes a stream takes them as a list: `arguments: { messages: [ … ] }`, because the DSL
 * wants `arguments` to be an object, or the list itself where an expression gives one.
 */
export function requestMessages(
  encoder: Encoder,
  { requestType, requestStream }: MethodShape,
  given: Json | undefined,
): Uint8Array[] {
  const value = given ?? {};
  if (!requestStream) return [encoder.encode(requestType, value, "arguments")];
  const [list, path] = streamOf(value);
  return list.map((item, index) => encoder.encode(requestType, item, `${path}[${index}]`));
}

function streamOf(value: Json): readonly [list: readonly Json[], path: string] {
  if (Array.isArray(value)) return [value as readonly Json[], "arguments"];
  const { messages, ...others } = value as Readonly<Record<string, Json>>;
  if (Array.isArray(messages) && Object.keys(others).length === 0) {
    return [messages as readonly Json[], "arguments.messages"];
  }
  throw badArgument("arguments", "this method takes a stream: give { messages: [ … ] } alone");
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : "";
  return `${names.slice(0, LISTED).join(", ")}${more}`;
}
