/** Containment (manual: contains). */
import { charge, chargeScan } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { equal } from "./compare.ts";
import { isObject, typeName } from "./json.ts";
import type { Json } from "./json.ts";
import { describe } from "./print.ts";

const MAX_DEPTH = 10_000;

/**
 * Follows chains of containers with a single child in a loop, so that deep but narrow values need
 * no stack; only branching recurses.
 */
function inside(outer: Json, inner: Json, startDepth: number): boolean {
  let a = outer;
  let b = inner;
  for (let depth = startDepth; ; depth += 1) {
    if (depth > MAX_DEPTH) fail("Containment check too deep");
    charge(1);
    if (typeof a === "string" && typeof b === "string") {
      chargeScan(a.length);
      return a.includes(b);
    }
    if (Array.isArray(a) && Array.isArray(b)) {
      if (a.length !== 1 || b.length !== 1) return arrayInside(a, b, depth + 1);
      [a, b] = [a[0] as Json, b[0] as Json];
    } else if (isObject(a) && isObject(b)) {
      const keys = Object.keys(b);
      const [only] = keys;
      if (only === undefined) return true;
      if (!keys.every((key) => Object.hasOwn(a as object, key))) return false;
      if (keys.length > 1) {
        const [x, y] = [a, b];
        return keys.every((key) => inside(x[key] as Json, y[key] as Json, depth + 1));
      }
      [a, b] = [a[only] as Json, b[only] as Json];
    } else return equal(a, b);
  }
}

function arrayInside(a: Json[], b: Json[], depth: number): boolean {
  return b.every((wanted) => a.some((item) => inside(item, wanted, depth)));
}

/** `contains(b)`: values of different types cannot be compared. */
export function contains(a: Json, b: Json): boolean {
  if (typeName(a) !== typeName(b) || (typeof a === "boolean" && a !== b)) {
    return fail(`${describe(a)} and ${describe(b)} cannot have their containment checked`);
  }
  return inside(a, b, 0);
}
