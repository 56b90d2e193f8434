import { fail } from "../errors.ts";
import { isObject } from "./json.ts";
import type { Json } from "./json.ts";
import { describe } from "./print.ts";
import { pointLength } from "./strings.ts";

/** `length`: elements, keys, code points, or the absolute value of a number. */
export function length(value: Json): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value === "string") return pointLength(value);
  if (value === null) return 0;
  if (isObject(value)) return Object.keys(value).length;
  if (typeof value === "number") return Math.abs(value);
  return fail(`${describe(value)} has no length`);
}
