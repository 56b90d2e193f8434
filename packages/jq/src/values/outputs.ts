/** Last looks at outputs before they leave. */
import { charge } from "../budget/budget.ts";
import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { putKey } from "./objects.ts";

function finite(value: number): Json {
  if (Number.isNaN(value)) return null;
  if (value === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  return value === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : value;
}

/** A copy, where needed, without NaN (null, as jq prints it) and infinities (the largest number). */
export function finiteOutput(value: Json): Json {
  charge(1);
  if (typeof value === "number") return finite(value);
  if (Array.isArray(value)) {
    const items = value.map(finiteOutput);
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  let changed = false;
  for (const key of Object.keys(value)) {
    const item = finiteOutput(value[key] as Json);
    changed ||= item !== value[key];
    putKey(copy, key, item);
  }
  return changed ? copy : value;
}

/**
 * Size of a value's JSON text, near enough. Shared parts count each time they are printed, which is
 * what makes this necessary: a small graph of them can stand for endless text.
 */
export function outputSize(value: Json, enough: number): number {
  const stack: Json[] = [value];
  let size = 0;
  while (stack.length > 0 && size <= enough) {
    const item = stack.pop() as Json;
    charge(1);
    if (typeof item === "string") size += item.length + 2;
    else if (typeof item !== "object" || item === null) size += 5;
    else if (Array.isArray(item)) {
      size += item.length + 1;
      for (const child of item) stack.push(child);
    } else {
      const keys = Object.keys(item);
      for (const key of keys) {
        size += key.length + 4;
        stack.push(item[key] as Json);
      }
    }
  }
  return size;
}
