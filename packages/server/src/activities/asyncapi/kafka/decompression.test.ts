import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { compressionsAlgorithms } from "@platformatic/kafka";
import { MAX_BATCH_BYTES } from "./decompression.ts";

const { gzip, zstd, snappy, lz4 } = compressionsAlgorithms;
const tooLong = /longer than \d+ bytes after decompression/;

for (const [name, algorithm] of Object.entries({ gzip, zstd, snappy, lz4 })) {
  test(`${name}: an ordinary batch is decompressed, a bomb is refused`, async () => {
    for (const data of [Buffer.from("hello"), randomBytes(1_000_000), Buffer.alloc(20_000_000)])
      assert.ok(algorithm.decompressSync(algorithm.compressSync(data)).equals(data));
    await Promise.resolve();
    const bomb = algorithm.compressSync(Buffer.alloc(MAX_BATCH_BYTES + 1));
    assert.throws(() => algorithm.decompressSync(bomb), tooLong);
  });

  test(`${name}: the batches of one response are counted together, those of two are not`, async () => {
    const half = algorithm.compressSync(Buffer.alloc(MAX_BATCH_BYTES / 2 - 4_000_000));
    const take = (): number => algorithm.decompressSync(half).length;
    assert.equal(take(), take());
    assert.throws(take, tooLong);
    await Promise.resolve();
    assert.equal(take(), take());
  });
}

test("snappy: parts of Java's container are counted together", async () => {
  const part = snappy.compressSync(Buffer.alloc(MAX_BATCH_BYTES / 2));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  const header = Buffer.from("82534e41505059000000000100000001", "hex");
  const two = Buffer.concat([header, length, part, length, part]);
  assert.equal(snappy.decompressSync(two).length, MAX_BATCH_BYTES);
  await Promise.resolve();
  const three = Buffer.concat([two, length, part]);
  assert.throws(() => snappy.decompressSync(three), tooLong);
});
