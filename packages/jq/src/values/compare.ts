/** Equality and order of values (manual: `==`, `sort`), without recursion. */
import { charge } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import type { Json, JsonObject } from "./json.ts";
import { compareStrings } from "./strings.ts";

const MAX_DEPTH = 10_000;

function rank(value: Json): number {
  switch (typeof value) {
    case "boolean":
      return value ? 3 : 2;
    case "number":
      return 4;
    case "string":
      return 5;
    default:
      if (value === null) return 1;
      return Array.isArray(value) ? 6 : 7;
  }
}

interface Pair {
  readonly left: Json;
  readonly right: Json;
  readonly depth: number;
}

/** Pushes the children two containers of the same shape still have to agree on. */
function equalShape(a: Json[] | JsonObject, b: Json[] | JsonObject, depth: number, todo: Pair[]) {
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    charge(a.length);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      const left = a[i] as Json;
      const right = b[i] as Json;
      if (left !== right) todo.push({ left, right, depth: depth + 1 });
    }
    return true;
  }
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  charge(keys.length);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    const left = a[key] as Json;
    const right = b[key] as Json;
    if (left !== right) todo.push({ left, right, depth: depth + 1 });
  }
  return true;
}

/** `==`. NaN equals nothing, itself included. */
export function equal(a: Json, b: Json): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const todo: Pair[] = [{ left: a, right: b, depth: 0 }];
  while (todo.length > 0) {
    const { left, right, depth } = todo.pop() as Pair;
    if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
      if (left !== right) return false;
      continue;
    }
    if (depth > MAX_DEPTH) fail("Equality check too deep");
    if (!equalShape(left, right, depth, todo)) return false;
  }
  return true;
}

/** Keys of an object in code point order (manual: `keys`). */
export function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object);
  charge(keys.length);
  return keys.length < 2 ? keys : keys.sort(compareStrings);
}

function compareScalars(a: Json, b: Json): number {
  if (typeof a === "number") {
    const other = b as number;
    if (a < other) return -1;
    if (a === other) return 0;
    // NaN is below every number, also below itself.
    return a !== a ? -1 : 1;
  }
  return typeof a === "string" ? compareStrings(a, b as string) : 0;
}

/** A step of a comparison: two values, or two lengths to settle a tie. */
interface Step {
  readonly left: Json;
  readonly right: Json;
  readonly depth: number;
}

function pushArrays(a: Json[], b: Json[], depth: number, todo: Step[]): void {
  const length = Math.min(a.length, b.length);
  charge(length + 1);
  if (a.length !== b.length) todo.push({ left: a.length, right: b.length, depth });
  for (let i = length - 1; i >= 0; i -= 1) {
    const left = a[i] as Json;
    const right = b[i] as Json;
    if (left !== right || left !== left || typeof left === "object")
      todo.push({ left, right, depth });
  }
}

/** Objects are ordered by their sorted key arrays, then key by key. */
function pushObjects(a: JsonObject, b: JsonObject, depth: number, todo: Step[]): void {
  const keys = sortedKeys(a);
  for (let i = keys.length - 1; i >= 0; i -= 1) {
    const key = keys[i] as string;
    todo.push({ left: a[key] as Json, right: b[key] ?? null, depth });
  }
  todo.push({ left: keys, right: sortedKeys(b), depth });
}

/** Order of any two values: negative, zero or positive. */
export function compare(a: Json, b: Json): number {
  if (typeof a === "number" && typeof b === "number") return compareScalars(a, b);
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  const todo: Step[] = [{ left: a, right: b, depth: 0 }];
  while (todo.length > 0) {
    const { left, right, depth } = todo.pop() as Step;
    const order = rank(left) - rank(right);
    if (order !== 0) return order;
    if (typeof left !== "object" || left === null) {
      const result = compareScalars(left, right);
      if (result !== 0) return result;
      continue;
    }
    if (depth > MAX_DEPTH) fail("Comparison too deep");
    if (Array.isArray(left)) pushArrays(left, right as Json[], depth + 1, todo);
    else pushObjects(left, right as JsonObject, depth + 1, todo);
  }
  return 0;
}
