/** The merge sort against the plainest sort there is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compare } from "../src/values/compare.ts";
import type { Json } from "../src/index.ts";
import { sortedOrder } from "../src/values/sort.ts";

/** Stable insertion sort of positions. */
function slowly(keys: readonly Json[]): number[] {
  const order: number[] = [];
  for (let i = 0; i < keys.length; i += 1) {
    let at = order.length;
    while (at > 0 && compare(keys[order[at - 1] as number] as Json, keys[i] as Json) > 0) at -= 1;
    order.splice(at, 0, i);
  }
  return order;
}

const number = fc.constantFrom(0, 1, -1, 2.5, 1e300, -1e300, 7);
const text = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.constantFrom("\ud83d\ude00", "\uffee", "a", "ab", "x".repeat(70), `${"x".repeat(70)}y`),
);
const mixed = fc.oneof(
  number,
  text,
  fc.constantFrom<Json>(null, true, false, [], {}),
  fc.array(number, { maxLength: 2 }),
  fc.record({ a: number }),
);

const KINDS: readonly (readonly [string, fc.Arbitrary<Json>])[] = [
  ["numbers", number],
  ["infinities", fc.constantFrom(1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)],
  ["strings", text],
  ["values of all kinds", mixed],
];

for (const [name, kind] of KINDS) {
  test(`sorts ${name}, keeping equals in order`, () => {
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 70 }), (keys) => {
        assert.deepEqual(sortedOrder(keys), slowly(keys));
      }),
    );
  });
}
