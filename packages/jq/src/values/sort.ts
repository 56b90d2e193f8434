/**
 * A stable merge sort by jq's order. Unlike the platform's it calls a comparison made for the kind
 * of the keys, takes no closure per sort, and is paid for by element and pass.
 */
import { charge } from "../budget/budget.ts";
import { compare } from "./compare.ts";
import type { Json } from "./json.ts";

type Order = (a: Json, b: Json) => number;

/** Longer strings are compared piecewise, so that their length is paid for. */
const MAX_SHORT = 64;
const SURROGATE = /[\ud800-\udfff]/;

function compareNumbers(a: Json, b: Json): number {
  return (a as number) - (b as number);
}

/** Units and code points have the same order where there are no surrogates. */
function compareShort(a: Json, b: Json): number {
  if (a === b) return 0;
  return (a as string) < (b as string) ? -1 : 1;
}

function isFinite(key: Json): boolean {
  return Number.isFinite(key);
}

function isShort(key: Json): boolean {
  return typeof key === "string" && key.length <= MAX_SHORT && !SURROGATE.test(key);
}

function orderOf(keys: readonly Json[]): Order {
  switch (typeof keys[0]) {
    case "number":
      return keys.every(isFinite) ? compareNumbers : compare;
    case "string":
      return keys.every(isShort) ? compareShort : compare;
    default:
      return compare;
  }
}

/** Elements sorted by insertion before runs are merged. */
const RUN = 8;

function insertRun(keys: readonly Json[], at: number[], from: number, to: number, by: Order): void {
  for (let i = from + 1; i < to; i += 1) {
    const moved = at[i] as number;
    const key = keys[moved] as Json;
    let j = i - 1;
    while (j >= from && by(keys[at[j] as number] as Json, key) > 0) {
      at[j + 1] = at[j] as number;
      j -= 1;
    }
    at[j + 1] = moved;
  }
}

interface Runs {
  readonly from: number;
  readonly middle: number;
  readonly to: number;
}

function merge(
  keys: readonly Json[],
  at: readonly number[],
  into: number[],
  { from, middle, to }: Runs,
  by: Order,
): void {
  let left = from;
  let right = middle;
  for (let i = from; i < to; i += 1) {
    const takeLeft =
      right >= to ||
      (left < middle &&
        by(keys[at[left] as number] as Json, keys[at[right] as number] as Json) <= 0);
    into[i] = at[takeLeft ? left++ : right++] as number;
  }
}

/** The positions of the keys in ascending order; equal keys stay in theirs. */
export function sortedOrder(keys: readonly Json[]): number[] {
  const { length } = keys;
  charge(length * 4);
  const by = orderOf(keys);
  let at: number[] = [];
  for (let i = 0; i < length; i += 1) at.push(i);
  for (let from = 0; from < length; from += RUN) {
    insertRun(keys, at, from, Math.min(from + RUN, length), by);
  }
  let spare = length > RUN ? at.slice() : at;
  for (let size = RUN; size < length; size *= 2) {
    charge(length);
    for (let from = 0; from < length; from += 2 * size) {
      const middle = Math.min(from + size, length);
      merge(keys, at, spare, { from, middle, to: Math.min(middle + size, length) }, by);
    }
    [at, spare] = [spare, at];
  }
  return at;
}
