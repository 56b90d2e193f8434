/** The binary operators (manual: Basic operators and functions, Conditionals and comparisons). */
import { charge, chargeCopy, chargeString, number } from "../budget/budget.ts";
import { fail, failTooLarge } from "../errors.ts";
import { compare, equal } from "./compare.ts";
import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { merge, putKey } from "./objects.ts";
import { describe } from "./print.ts";
import { toPoints } from "./strings.ts";

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=";

function mismatch(a: Json, b: Json, verb: string): never {
  return fail(`${describe(a)} and ${describe(b)} ${verb}`);
}

export function add(a: Json, b: Json): Json {
  if (typeof a === "number" && typeof b === "number") return number(a + b);
  if (typeof a === "string" && typeof b === "string") {
    chargeString(a.length + b.length);
    return a + b;
  }
  if (a === null) return b;
  if (b === null) return a;
  if (Array.isArray(a) && Array.isArray(b)) {
    chargeCopy(a.length + b.length);
    return a.concat(b);
  }
  if (isObject(a) && isObject(b)) return merge(a, b);
  return mismatch(a, b, "cannot be added");
}

function without(a: Json[], b: Json[]): Json[] {
  charge(a.length);
  const scalars = new Set<Json>();
  const others: Json[] = [];
  for (const item of b) {
    if (typeof item === "object" && item !== null) others.push(item);
    else if (item === item) scalars.add(item);
  }
  return a.filter((item) => {
    if (typeof item !== "object" || item === null) return !scalars.has(item);
    charge(others.length);
    return !others.some((other) => equal(item, other));
  });
}

export function subtract(a: Json, b: Json): Json {
  if (typeof a === "number" && typeof b === "number") return number(a - b);
  if (Array.isArray(a) && Array.isArray(b)) return without(a, b);
  return mismatch(a, b, "cannot be subtracted");
}

/** jq 1.8 repeats a string floor(n) times; a negative or NaN count gives null. */
export function repeatString(text: string, times: number): Json {
  if (times < 0 || Number.isNaN(times)) return null;
  const count = Math.trunc(Math.min(times, 2147483647));
  const length = text.length * count;
  if (length >= 2147483647) failTooLarge("Repeat string result too long");
  chargeString(length);
  return text.repeat(length === 0 ? 0 : count);
}

const MAX_MERGE_DEPTH = 10_000;

interface MergeStep {
  readonly into: JsonObject;
  readonly from: JsonObject;
  readonly depth: number;
}

/** `a * b` for objects: merges recursively where both sides are objects. */
function mergeDeep(a: JsonObject, b: JsonObject): JsonObject {
  const root = { ...a };
  const todo: MergeStep[] = [{ into: root, from: b, depth: 0 }];
  while (todo.length > 0) {
    const { into, from, depth } = todo.pop() as MergeStep;
    if (depth > MAX_MERGE_DEPTH) fail("Object merge too deep");
    const keys = Object.keys(from);
    chargeCopy(8 * (keys.length + Object.keys(into).length));
    for (const key of keys) {
      const value = from[key] as Json;
      const old = Object.hasOwn(into, key) ? (into[key] as Json) : null;
      if (isObject(value) && isObject(old)) {
        const copy = { ...old };
        putKey(into, key, copy);
        todo.push({ into: copy, from: value, depth: depth + 1 });
      } else putKey(into, key, value);
    }
  }
  return root;
}

export function multiply(a: Json, b: Json): Json {
  if (typeof a === "number") {
    if (typeof b === "number") return number(a * b);
    if (typeof b === "string") return repeatString(b, a);
  } else if (typeof a === "string" && typeof b === "number") return repeatString(a, b);
  else if (isObject(a) && isObject(b)) return mergeDeep(a, b);
  return mismatch(a, b, "cannot be multiplied");
}

/** `split(separator)`: no pieces of an empty string, single characters for an empty separator. */
export function splitString(text: string, separator: string): string[] {
  if (text === "") return [];
  const pieces =
    separator === ""
      ? toPoints(text).map((point) => String.fromCodePoint(point))
      : text.split(separator);
  charge((text.length >> 4) + pieces.length);
  return pieces;
}

export function divide(a: Json, b: Json): Json {
  if (typeof a === "number" && typeof b === "number") {
    if (b === 0) mismatch(a, b, "cannot be divided because the divisor is zero");
    return number(a / b);
  }
  if (typeof a === "string" && typeof b === "string") return splitString(a, b);
  return mismatch(a, b, "cannot be divided");
}

/** The largest 64-bit integer, as near as a double comes. */
const INTMAX = 2 ** 63;

function toIntMax(value: number): number {
  if (value >= INTMAX) return INTMAX;
  return value <= -INTMAX ? -INTMAX : Math.trunc(value);
}

/** Remainder of the operands cut to 64-bit integers, with the sign of the dividend. */
export function remainder(a: Json, b: Json): Json {
  if (typeof a !== "number" || typeof b !== "number") {
    return mismatch(a, b, "cannot be divided (remainder)");
  }
  if (Number.isNaN(a) || Number.isNaN(b)) return number(Number.NaN);
  const divisor = toIntMax(b);
  if (divisor === 0) mismatch(a, b, "cannot be divided (remainder) because the divisor is zero");
  const dividend = toIntMax(a);
  // The largest values are not exact as doubles; jq computes them as 64-bit integers.
  if (Math.abs(dividend) === INTMAX || Math.abs(divisor) === INTMAX) return bigRemainder(a, b);
  const result = dividend % divisor;
  return result === 0 ? 0 : result;
}

function toBig(value: number): bigint {
  if (value >= INTMAX) return 9223372036854775807n;
  return value <= -INTMAX ? -9223372036854775808n : BigInt(Math.trunc(value));
}

function bigRemainder(a: number, b: number): number {
  const divisor = toBig(b);
  return divisor === -1n ? 0 : Number(toBig(a) % divisor);
}

export function negate(value: Json): Json {
  if (typeof value === "number") return -value;
  return fail(`${describe(value)} cannot be negated`);
}

export function binary(operator: BinaryOperator): (a: Json, b: Json) => Json {
  switch (operator) {
    case "+":
      return add;
    case "-":
      return subtract;
    case "*":
      return multiply;
    case "/":
      return divide;
    case "%":
      return remainder;
    case "==":
      return equal;
    case "!=":
      return (a, b) => !equal(a, b);
    case "<":
      return (a, b) => compare(a, b) < 0;
    case "<=":
      return (a, b) => compare(a, b) <= 0;
    case ">":
      return (a, b) => compare(a, b) > 0;
    case ">=":
      return (a, b) => compare(a, b) >= 0;
    default:
      return operator;
  }
}
