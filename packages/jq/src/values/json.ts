/** A JSON value: the only kind of value a program reads or gives. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A plain JSON object. Keys are always own properties; the prototype is never consulted. */
export type JsonObject = { [key: string]: Json };

/** The six jq type names (manual: `type`). */
export type TypeName = "null" | "boolean" | "number" | "string" | "array" | "object";

export function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function typeName(value: Json): TypeName {
  switch (typeof value) {
    case "string":
      return "string";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    default:
      if (value === null || value === undefined) return "null";
      return Array.isArray(value) ? "array" : "object";
  }
}

/** jq's truth: everything but `false` and `null` is true. */
export function isTrue(value: Json): boolean {
  return value !== false && value !== null;
}
