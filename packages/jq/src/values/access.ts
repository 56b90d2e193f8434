/** Reading inside values: `.[k]`, `.[a:b]` and `getpath` (manual: Basic filters). */
import { chargeCopy } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { equal } from "./compare.ts";
import { isObject, typeName } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { toInt } from "./numbers.ts";
import { getKey } from "./objects.ts";
import { describe } from "./print.ts";
import { pointLength, slicePoints } from "./strings.ts";

/** Paths longer than this are refused, as in jq. */
export const MAX_PATH = 10_000;

export interface Range {
  readonly from: number;
  readonly to: number;
}

function bound(value: Json, absent: number): number {
  if (value === null) return absent;
  if (typeof value !== "number") return fail("Array/string slice indices must be integers");
  return Number.isNaN(value) ? absent : value;
}

/** Start and end of a slice: negatives count from the end, the start rounds down, the end up. */
export function sliceRange(length: number, start: Json, end: Json): Range {
  if (typeof end !== "number" && end !== null) fail("Array/string slice indices must be integers");
  let low = bound(start, 0);
  let high = bound(end, length);
  if (low < 0) low += length;
  const from = Math.floor(Math.min(Math.max(low, 0), length));
  if (high < 0) high += length;
  if (high < 0) high = from;
  const to = Math.min(Math.ceil(high), length);
  return { from, to: Math.max(from, to) };
}

export function slice(value: Json, start: Json, end: Json): Json {
  if (value === null) return null;
  if (typeof value === "string") {
    const { from, to } = sliceRange(pointLength(value), start, end);
    return slicePoints(value, from, to);
  }
  if (Array.isArray(value)) {
    const { from, to } = sliceRange(value.length, start, end);
    chargeCopy(to - from);
    return value.slice(from, to);
  }
  return fail(`Cannot index ${typeName(value)} with ${describe({ start, end })}`);
}

/** Positions at which one array occurs in another (manual: indices). */
export function arrayIndices(array: Json[], part: Json[]): number[] {
  const found: number[] = [];
  if (part.length === 0) return found;
  chargeCopy(array.length * 16);
  for (let i = 0; i + part.length <= array.length; i += 1) {
    let same = true;
    for (let j = 0; same && j < part.length; j += 1) {
      same = equal(array[i + j] as Json, part[j] as Json);
    }
    if (same) found.push(i);
  }
  return found;
}

function arrayItem(array: Json[], index: number): Json {
  if (Number.isNaN(index)) return null;
  let at = toInt(index);
  if (at < 0) at += array.length;
  const item = array[at];
  return item === undefined ? null : item;
}

function sliceByObject(value: Json, key: JsonObject): Json {
  for (const name of ["start", "end"]) {
    if (!Object.hasOwn(key, name)) fail("Array/string slice indices must be integers");
  }
  return slice(value, getKey(key, "start"), getKey(key, "end"));
}

/** `.[key]` */
export function index(value: Json, key: Json): Json {
  if (typeof key === "string") {
    if (isObject(value)) return getKey(value, key);
    if (value === null) return null;
  } else if (typeof key === "number") {
    if (Array.isArray(value)) return arrayItem(value, key);
    if (value === null) return null;
  } else if (isObject(key)) {
    if (value === null) return null;
    if (Array.isArray(value) || typeof value === "string") return sliceByObject(value, key);
  } else if (Array.isArray(key) && Array.isArray(value)) {
    return arrayIndices(value, key);
  }
  return fail(`Cannot index ${typeName(value)} with ${describe(key)}`);
}

export function cannotIterate(value: Json): never {
  return fail(`Cannot iterate over ${describe(value)}`);
}

function checkPath(path: Json): asserts path is Json[] {
  if (!Array.isArray(path)) fail("Path must be specified as an array");
  if (path.length > MAX_PATH) fail("Path too deep");
}

/** `getpath(path)` */
export function getPath(value: Json, path: Json): Json {
  checkPath(path);
  let at = value;
  for (const key of path) {
    at = index(at, key);
  }
  return at;
}

/** `has(key)` */
export function has(value: Json, key: Json): boolean {
  if (typeof key === "string" && isObject(value)) return Object.hasOwn(value, key);
  if (typeof key === "number" && Array.isArray(value)) {
    return Math.trunc(key) >= 0 && Math.trunc(key) < value.length;
  }
  if (value === null) return false;
  return fail(`Cannot check whether ${typeName(value)} has a ${typeName(key)} key`);
}
