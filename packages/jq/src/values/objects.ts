/** Own-property access for JSON objects: no key is special, not even `__proto__`. */
import { chargeCopy } from "../budget/budget.ts";
import type { Json, JsonObject } from "./json.ts";

const hasOwn = Object.hasOwn;

export function getKey(object: JsonObject, key: string): Json {
  if (!hasOwn(object, key)) return null;
  const value = object[key];
  return value === undefined ? null : value;
}

/** Sets a key of an object this evaluation made itself. */
export function putKey(object: JsonObject, key: string, value: Json): void {
  if (key === "__proto__") {
    // A plain assignment would call the prototype setter.
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    object[key] = value;
  }
}

/** A copy that may be changed. Spread defines properties, so `__proto__` stays an ordinary key. */
export function copyObject(object: JsonObject): JsonObject {
  return { ...object };
}

/** `a + b` for objects: b's values win, a's positions stay (manual: Addition). */
export function merge(a: JsonObject, b: JsonObject): JsonObject {
  const copy = { ...a, ...b };
  chargeCopy(Object.keys(copy).length * 4);
  return copy;
}
