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

/** Nesting up to which JavaScript's stack does. */
const MAX_RECURSION = 200;

/** What is left of `room` characters after a value's text; negative once it is too much. */
function measure(value: Json, depth: number, room: number): number {
  if (typeof value === "string") return room - value.length - 2;
  if (typeof value !== "object" || value === null) return room - 5;
  if (depth > MAX_RECURSION) return measureDeep(value, room);
  if (Array.isArray(value)) {
    charge(value.length);
    let left = room - value.length - 1;
    for (let i = 0; i < value.length && left >= 0; i += 1) {
      left = measure(value[i] as Json, depth + 1, left);
    }
    return left;
  }
  const keys = Object.keys(value);
  charge(keys.length);
  let left = room;
  for (let i = 0; i < keys.length && left >= 0; i += 1) {
    const key = keys[i] as string;
    left = measure(value[key] as Json, depth + 1, left - key.length - 4);
  }
  return left;
}

function measureDeep(value: Json, room: number): number {
  const stack: Json[] = [value];
  let left = room;
  while (stack.length > 0 && left >= 0) {
    const item = stack.pop() as Json;
    charge(1);
    if (typeof item !== "object" || item === null) left = measure(item, 0, left);
    else if (Array.isArray(item)) {
      left -= item.length + 1;
      for (const child of item) stack.push(child);
    } else {
      for (const key of Object.keys(item)) {
        left -= key.length + 4;
        stack.push(item[key] as Json);
      }
    }
  }
  return left;
}

/**
 * Size of a value's JSON text, near enough; more than `enough` as soon as it is. Shared parts count
 * each time they are printed, which is what makes this necessary: a small graph of them can stand
 * for endless text.
 */
export function outputSize(value: Json, enough: number): number {
  charge(1);
  return enough - measure(value, 0, enough);
}
