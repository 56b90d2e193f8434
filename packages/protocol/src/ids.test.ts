import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isId, MAX_PARTITIONS, newId, partitionOf, timeOf } from "./ids.ts";

const arguments_ = fc.tuple(
  fc.integer({ min: 0, max: MAX_PARTITIONS - 1 }),
  fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  fc.uint8Array({ minLength: 10, maxLength: 10 }),
);

test("an id carries its partition and its time", () => {
  fc.assert(
    fc.property(arguments_, ([partition, now, random]) => {
      const id = newId(partition, now, random);
      assert.ok(isId(id), id);
      assert.equal(partitionOf(id), partition);
      assert.equal(timeOf(id), now);
    }),
  );
});

test("ids sort by time", () => {
  fc.assert(
    fc.property(arguments_, arguments_, ([p, now, random], [q, later, other]) => {
      fc.pre(now < later);
      assert.ok(newId(p, now, random) < newId(q, later, other));
    }),
  );
});

test("the random bytes reach the id and are not changed", () => {
  const random = new Uint8Array(10).fill(0xff);
  assert.equal(newId(0xfff, 0, random), `${"0".repeat(10)}${"Z".repeat(16)}`);
  assert.equal(newId(0, 0, random), `${"0".repeat(10)}${"Z".repeat(13)}W00`);
  assert.deepEqual(random, new Uint8Array(10).fill(0xff));
  assert.equal(newId(0x801, 0, new Uint8Array(10)), `${"0".repeat(23)}201`);
});

test("what is out of range is refused", () => {
  const random = new Uint8Array(10);
  assert.throws(() => newId(4096, 0, random), RangeError);
  assert.throws(() => newId(-1, 0, random), RangeError);
  assert.throws(() => newId(0, 2 ** 48, random), RangeError);
  assert.throws(() => newId(0, 0, new Uint8Array(9)), RangeError);
});

test("only upper-case ULIDs are ids", () => {
  assert.ok(isId("01JC7Z6V5M3B8Q4X2N9R0T1WYA"));
  for (const bad of [
    "",
    "01jc7z6v5m3b8q4x2n9r0t1wya",
    "81JC7Z6V5M3B8Q4X2N9R0T1WYA",
    "U".repeat(26),
    7,
    null,
  ])
    assert.ok(!isId(bad), String(bad));
});
