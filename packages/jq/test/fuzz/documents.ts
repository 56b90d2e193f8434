/** Generated inputs: small, of a known kind, with a liking for what programs go wrong on. */
import type { Json } from "../../src/index.ts";
import type { Random } from "./random.ts";

/** What a value is made of, as far as the generator of programs cares. */
export type Kind =
  | "any"
  | "null"
  | "bool"
  | "num"
  | "str"
  | "arr"
  | "nums"
  | "strs"
  | "objs"
  | "obj";

export const KINDS: readonly Kind[] = [
  "null",
  "bool",
  "num",
  "str",
  "arr",
  "nums",
  "strs",
  "objs",
  "obj",
];

/** Keys that programs use, so that they often find something. */
export const KEYS = ["a", "b", "c", "d"] as const;
const ODD_KEYS = ["", "a b", "é", "__proto__", "0", "10", "A", "key", "value", "name"] as const;

export const STRINGS = [
  "",
  "a",
  "b",
  "abc",
  "ab",
  "aXbxc",
  "a,b, c",
  "aaa",
  "123",
  "-1.5",
  "1e3",
  "nan",
  "true",
  "null",
  "[1,2]",
  '{"a":1}',
  "é",
  "😀",
  "日本語",
  "e\u0301",
  "\u0000",
  "\u007f",
  "a\nb",
  " a\t",
  "x y  z",
  "&<>\"'",
  "100%",
  "a%20b%zz",
  "\\",
  "aGVsbG8=",
  "YQ",
  "2015-03-05T23:51:47Z",
  "ABC",
  "ſK",
] as const;

const NUMBERS = [
  0, 1, 2, 3, -1, 10, 0.5, -1.5, 2.75, 100, 1e3, 1425599621, 9007199254740992, 1e17, 1e18, 1e-5,
  1e300, -1e300, 5e-324, 255, 128512, 3.7,
] as const;

export function number(random: Random): number {
  return random.chance(0.7) ? random.below(9) - 2 : random.pick(NUMBERS);
}

export function string(random: Random): string {
  return random.chance(0.3) ? random.pick(KEYS) : random.pick(STRINGS);
}

export function key(random: Random): string {
  return random.chance(0.93) ? random.pick(KEYS) : random.pick(ODD_KEYS);
}

function list(random: Random, item: () => Json): Json[] {
  return Array.from({ length: random.below(5) }, item);
}

function object(random: Random, depth: number): Json {
  const value: Record<string, Json> = {};
  for (let n = random.below(5); n > 0; n -= 1) {
    // `__proto__` must become a key like any other.
    Object.defineProperty(value, key(random), {
      value: document(random, random.pick(KINDS), depth - 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return value;
}

/** A value of a kind, nested at most `depth` deep. */
export function document(random: Random, kind: Kind, depth: number): Json {
  switch (kind) {
    case "null":
      return null;
    case "bool":
      return random.chance(0.5);
    case "num":
      return number(random);
    case "str":
      return string(random);
    case "nums":
      return list(random, () => number(random));
    case "strs":
      return list(random, () => string(random));
    case "objs":
      return depth <= 0 ? [] : list(random, () => object(random, depth - 1));
    case "arr":
      return depth <= 0 ? [] : list(random, () => document(random, random.pick(KINDS), depth - 1));
    case "obj":
      return depth <= 0 ? {} : object(random, depth);
    default:
      return document(random, random.pick(KINDS), depth);
  }
}

/** Smaller values to try in place of one, when looking for the smallest that still shows a difference. */
export function* smaller(value: Json): Generator<Json> {
  if (value === null) return;
  yield null;
  if (typeof value === "string") {
    if (value.length > 1) yield Array.from(value).slice(1).join("");
    if (value.length > 1) yield Array.from(value).slice(0, -1).join("");
  } else if (typeof value === "number") {
    if (value !== 0) yield 0;
    if (value !== 1 && value !== 0) yield 1;
  } else if (Array.isArray(value)) {
    for (const item of value) yield item;
    for (const at of value.keys()) yield value.toSpliced(at, 1);
    for (const [at, item] of value.entries())
      for (const less of smaller(item)) yield value.with(at, less);
  } else if (typeof value === "object") {
    const entries = Object.entries(value);
    for (const [, item] of entries) yield item;
    for (const at of entries.keys()) yield Object.fromEntries(entries.toSpliced(at, 1));
    for (const [at, [name, item]] of entries.entries()) {
      for (const less of smaller(item)) yield Object.fromEntries(entries.with(at, [name, less]));
    }
  }
}
