/** References inside a document (`$ref: "#/components/…"`). */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";

/** References that lead to references; more are a circle. */
export const MAX_HOPS = 32;

/** The object that `node` is or points to, through several references if need be; undefined when it is no object. */
export function dereference(root: JsonObject, node: Json | undefined): JsonObject | undefined {
  let current = node;
  for (let hops = 0; hops < MAX_HOPS; hops += 1) {
    if (!isObject(current)) return undefined;
    const reference: Json | undefined = current["$ref"];
    if (typeof reference !== "string") return current;
    current = lookUp(root, reference);
  }
  throw unresolved("a reference that leads to itself");
}

function lookUp(root: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith("#")) throw unresolved(`${reference}, which is in another document`);
  return atPointer(root, reference.slice(1), reference);
}

/**
 * What a JSON Pointer in URI fragment form (RFC 6901 §6) leads to; own properties only.
 * @param reference how it is called in the error
 * @throws {ActivityFailure} `configuration` when there is nothing
 */
export function atPointer(root: Json, pointer: string, reference: string): Json {
  let current: Json | undefined = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = decode(part).replaceAll("~1", "/").replaceAll("~0", "~");
    const container: unknown = current;
    if (Array.isArray(container)) current = container[Number(key)] as Json | undefined;
    else
      current = isObject(container) && Object.hasOwn(container, key) ? container[key] : undefined;
    if (current === undefined) throw unresolved(`${reference}, which does not exist`);
  }
  return current;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param what such as `#/x, which does not exist` */
export function unresolved(what: string): ActivityFailure {
  return new ActivityFailure("configuration", `The document refers to ${what}.`);
}
