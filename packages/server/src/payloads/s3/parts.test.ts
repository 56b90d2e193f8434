import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_OBJECT_BYTES, MAX_PARTS, PART_BYTES, partBytes, parts } from "./parts.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** The sizes of all parts of a body of `size` bytes. */
function cut(size: number, declared?: number): readonly number[] {
  const sizes: number[] = [];
  for (let left = size; left > 0; left -= sizes.at(-1) ?? 0)
    sizes.push(Math.min(left, partBytes(sizes.length + 1, declared)));
  return sizes;
}

test("every size is cut into at most 10,000 parts that S3 takes, declared or not", () => {
  for (const size of [PART_BYTES + 1, 100 * MIB, 5 * GIB, 79 * GIB, 1024 * GIB, MAX_OBJECT_BYTES])
    for (const declared of [size, undefined]) {
      const sizes = cut(size, declared);
      assert.ok(sizes.length <= MAX_PARTS, `${sizes.length} parts of ${size}`);
      // All but the last: 5 MiB at least; all: 5 GiB at most.
      assert.ok(sizes.slice(0, -1).every((part) => part >= 5 * MIB && part <= 5 * GIB));
    }
});

test("parts stay small where that is possible, and are alike where some servers need it", () => {
  assert.equal(Math.max(...cut(79_000 * MIB, 79_000 * MIB)), PART_BYTES);
  assert.equal(Math.max(...cut(7 * GIB)), PART_BYTES);
  assert.ok(Math.max(...cut(MAX_OBJECT_BYTES, MAX_OBJECT_BYTES)) <= 525 * MIB);
  assert.ok(Math.max(...cut(MAX_OBJECT_BYTES)) <= 1200 * MIB);
});

test("parts are filled to the last byte, whatever the chunks, and only the last one is called so", async () => {
  const bytes = Buffer.alloc(2 * PART_BYTES + 5, "abcdefg");
  for (const size of [undefined, bytes.length]) {
    for (const length of [1 + 64 * 1024, PART_BYTES, bytes.length]) {
      // The chunks' memory is used again, as some sources do.
      const chunk = Buffer.alloc(length);
      const chunks = (async function* () {
        for (let at = 0; at < bytes.length; at += length)
          yield chunk.subarray(0, bytes.copy(chunk, 0, at, Math.min(at + length, bytes.length)));
      })();
      const all = await Array.fromAsync(parts(chunks, size, []));
      assert.deepEqual(
        all.map((part) => [part.number, part.bytes.length, part.isLast]),
        [
          [1, PART_BYTES, false],
          [2, PART_BYTES, false],
          [3, 5, true],
        ],
      );
      assert.ok(Buffer.concat(all.map((part) => part.bytes)).equals(bytes));
    }
  }
});

test("a body of whole parts has no empty last one; one of nothing has one", async () => {
  const of = (...chunks: Buffer[]) => {
    const body = (async function* () {
      yield* chunks;
    })();
    return parts(body, undefined, []);
  };
  const whole = await Array.fromAsync(of(Buffer.alloc(PART_BYTES), Buffer.alloc(PART_BYTES)));
  assert.deepEqual(
    whole.map(({ isLast }) => isLast),
    [false, true],
  );
  const empty = await Array.fromAsync(of());
  assert.deepEqual(
    empty.map(({ bytes, isLast }) => [bytes.length, isLast]),
    [[0, true]],
  );
});
