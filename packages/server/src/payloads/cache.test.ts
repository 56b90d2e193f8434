import assert from "node:assert/strict";
import { test } from "node:test";
import { PayloadCache } from "./cache.ts";
import type { PayloadInfo } from "./payloads.ts";

const info = (size: number): PayloadInfo => ({
  digest: "0".repeat(64),
  size,
  mediaType: "text/plain",
  store: "database",
  kept: true,
  createdAt: 0,
});

function put(cache: PayloadCache, key: string, bytes: number): void {
  cache.set(key, info(bytes), Buffer.alloc(bytes), true, 0);
}

test("the cache holds no more bytes than it may, and what was read stays longest", () => {
  const cache = new PayloadCache(100_000);
  for (let n = 0; n < 1_000; n++) {
    put(cache, `key ${n}`, 1_000);
    assert.ok(cache.bytes <= 100_000, `${cache.bytes} bytes`);
    cache.get("key 0");
  }
  assert.ok(cache.get("key 0") !== undefined, "it was read all the time");
  assert.ok(cache.get("key 999") !== undefined, "it came last");
  assert.equal(cache.get("key 1"), undefined);
  for (let n = 0; n < 1_000; n++) cache.delete(`key ${n}`);
  assert.deepEqual([cache.bytes, cache.size], [0, 0]);
});

test("an entry that comes again counts once; one that is too large is not remembered", () => {
  const cache = new PayloadCache(100_000);
  put(cache, "a", 100);
  const { bytes } = cache;
  put(cache, "a", 100);
  assert.equal(cache.bytes, bytes);
  put(cache, "b", 50_000);
  assert.equal(cache.get("b"), undefined);
  put(new PayloadCache(0), "a", 0);
  assert.equal(new PayloadCache(0).size, 0);
});

test("a slice of a large buffer does not keep the whole of it in memory", () => {
  const cache = new PayloadCache(1_000_000);
  const large = Buffer.allocUnsafeSlow(5_000_000);
  cache.set("a", info(100), large.subarray(10, 110), true, 0);
  assert.ok(cache.get("a")!.bytes.buffer.byteLength < 100_000);
});
