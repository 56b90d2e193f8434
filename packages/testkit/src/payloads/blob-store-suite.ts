/** What every store of large payloads is held to, whatever is behind it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { BlobError, type BlobStore, newKey } from "@millrace/server/ports";
import { chunked, failing, hanging, KIB, MIB, randomBody, readAll, sha256 } from "./bodies.ts";
import { heldWhile } from "./held.ts";

/** A store to be tested, and what can be done to it from outside. */
export interface BlobStand {
  /** Prepared. */
  readonly store: BlobStore;
  /** Opens a store over the same place, as another process has one; closed by whoever asked for it. */
  another(): Promise<BlobStore>;
  /** Leaves behind what an upload under this key does whose process is killed half-way. */
  leaveHalf(key: string): Promise<void>;
  /** Takes the place out of reach (stops the server, moves the folder). The function that it gives brings it back. */
  takeAway(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface BlobSuiteOptions {
  open(): Promise<BlobStand>;
  /** Sizes in bytes at which the store does something else than below: of a part, of a chunk. Each is tested with its neighbours. */
  readonly borders: readonly number[];
  /** The most bytes that the store may have in memory of one upload. */
  readonly holds: number;
  /** Why it cannot be tested here. */
  readonly skip?: string | false;
}

type Stand = () => BlobStand;

/** Defines the tests of one store. */
export function testBlobStore(name: string, options: BlobSuiteOptions): void {
  describe(name, { skip: options.skip ?? false }, () => {
    let opened: BlobStand | undefined;
    before(async () => {
      opened = await options.open();
    });
    after(() => opened?.close());
    const stand = (): BlobStand => {
      if (opened === undefined) throw new Error("the stand is not open");
      return opened;
    };
    sizes(stand, options);
    ranges(stand, options);
    refusals(stand);
    unfinished(stand, options);
    deletion(stand);
    concurrency(stand, options);
    leftovers(stand);
    outages(stand);
  });
}

function isRefused(error: unknown): boolean {
  return error instanceof BlobError && error.kind === "refused";
}

function isUnavailable(error: unknown): boolean {
  return error instanceof BlobError && error.kind === "unavailable";
}

async function contents(store: BlobStore, key: string): Promise<Buffer> {
  const stream = await store.get(key);
  assert.ok(stream !== undefined, `${key} is not there`);
  return await readAll(stream);
}

/** The sizes of all blobs by their keys. */
async function listed(store: BlobStore): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for await (const { key, size } of store.list()) {
    assert.ok(!found.has(key), `${key} is listed twice`);
    found.set(key, size);
  }
  return found;
}

/** Nothing of it is seen by anybody. */
async function assertAbsent({ store }: BlobStand, key: string): Promise<void> {
  assert.equal(await store.get(key), undefined);
  assert.ok(!(await listed(store)).has(key), `${key} is listed`);
}

async function put(store: BlobStore, size: number): Promise<{ key: string; bytes: Buffer }> {
  const [key, bytes] = [newKey(), randomBody(size)];
  await store.put(key, chunked(bytes));
  return { key, bytes };
}

function sizes(stand: Stand, { borders, holds }: BlobSuiteOptions): void {
  const all = [0, 1, ...borders.flatMap((at) => [at - 1, at, at + 1]), 20 * MIB];
  for (const size of new Set(all))
    test(`${size} bytes come back as they went, declared and not`, async () => {
      const { store } = stand();
      const bytes = randomBody(size);
      for (const options of [{ size }, {}]) {
        const key = newKey();
        await store.put(key, chunked(bytes), options);
        assert.equal(sha256(await contents(store, key)), sha256(bytes));
        assert.equal((await listed(store)).get(key), size);
        await store.delete(key);
      }
    });

  test("chunks of any length, also none, and views into larger buffers", async () => {
    const { store } = stand();
    const bytes = randomBody(3 * MIB);
    const around = new Uint8Array(bytes.length + 20);
    around.set(bytes, 10);
    async function* uneven(): AsyncGenerator<Uint8Array> {
      const whole = around.subarray(10, 10 + bytes.length);
      yield new Uint8Array(0);
      for (let at = 0; at < 5000; at++) yield whole.subarray(at, at + 1);
      yield new Uint8Array(0);
      yield whole.subarray(5000);
      yield new Uint8Array(0);
    }
    const key = newKey();
    await store.put(key, uneven(), { size: bytes.length });
    assert.ok((await contents(store, key)).equals(bytes));
    await store.delete(key);
  });

  test("an upload holds no more in memory than it may", async () => {
    const { store } = stand();
    const key = newKey();
    const over = new Error("the body is over");
    const held = await heldWhile(3 * holds, over, (body) =>
      assert.rejects(store.put(key, body), over),
    );
    assert.ok(held <= holds, `${(held / MIB).toFixed(1)} MiB were held`);
    await assertAbsent(stand(), key);
  });

  test("a reader that pauses is not sent everything meanwhile, and misses nothing", async () => {
    const { store } = stand();
    const { key, bytes } = await put(store, 20 * MIB);
    const stream = await store.get(key);
    assert.ok(stream !== undefined);
    await once(stream, "readable");
    // Whoever reads on by himself has the time for it while a second reader takes all.
    assert.ok((await contents(store, key)).equals(bytes));
    assert.ok(stream.readableLength <= holds, `${stream.readableLength} bytes were read ahead`);
    assert.equal(sha256(await readAll(stream)), sha256(bytes));
    await store.delete(key);
  });
}

function ranges(stand: Stand, { borders }: BlobSuiteOptions): void {
  test("ranges: of one byte, across borders, to the end and beyond it", async () => {
    const { store } = stand();
    const size = Math.max(...borders, MIB) + 10;
    const { key, bytes } = await put(store, size);
    const across = borders.map((at) => [at - 3, Math.min(at + 3, size - 1)] as const);
    const all = [[0, 0], [size - 1, size - 1], [0, size - 1], [5, size + 100], ...across] as const;
    for (const [first, last] of all) {
      const stream = await store.get(key, { first, last });
      assert.ok(stream !== undefined);
      const expected = bytes.subarray(first, last + 1);
      assert.ok((await readAll(stream)).equals(expected), `bytes ${first} to ${last}`);
    }
    assert.equal(await store.get(newKey(), { first: 0, last: 0 }), undefined);
    await store.delete(key);
  });

  test("readers that leave half-way keep nobody else from reading", async () => {
    const { store } = stand();
    const { key, bytes } = await put(store, 20 * MIB);
    for (let times = 0; times < 30; times++) {
      const stream = await store.get(key);
      assert.ok(stream !== undefined);
      await once(stream, "readable");
      stream.destroy();
      await once(stream, "close");
    }
    assert.ok((await contents(store, key)).equals(bytes));
    await store.delete(key);
  });
}

function refusals(stand: Stand): void {
  test("another number of bytes than declared is refused, and nothing of it is there", async () => {
    for (const [size, came] of [
      [10, 9],
      [9, 10],
      [0, 1],
      [1, 0],
      [9 * MIB, 9 * MIB + 1],
      [9 * MIB + 1, 9 * MIB],
    ] as const) {
      const key = newKey();
      const { store } = stand();
      await assert.rejects(store.put(key, chunked(randomBody(came)), { size }), isRefused);
      await assertAbsent(stand(), key);
    }
  });

  test("more than the store takes is refused before the body is read", async () => {
    const { store } = stand();
    const key = newKey();
    let isRead = false;
    async function* body(): AsyncGenerator<Uint8Array> {
      isRead = true;
      yield randomBody(1);
    }
    await assert.rejects(store.put(key, body(), { size: store.maxBytes + 1 }), isRefused);
    assert.equal(isRead, false);
    await assertAbsent(stand(), key);
  });

  test("what is no key is refused", async () => {
    const { store } = stand();
    const bad = ["", "..", "../x", "a/b", "A".repeat(32), "0".repeat(31), `${"0".repeat(31)}\0`];
    for (const key of bad) {
      await assert.rejects(store.put(key, chunked(randomBody(1))), isRefused);
      await assert.rejects(store.get(key), isRefused);
      await assert.rejects(store.delete(key), isRefused);
    }
  });

  test("the same key twice: one upload is there, whole", async () => {
    const { store } = stand();
    const { key, bytes } = await put(store, 9 * MIB);
    const other = randomBody(9 * MIB);
    const error = await store.put(key, chunked(other)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error === undefined || isRefused(error), String(error));
    const expected = error === undefined ? other : bytes;
    assert.ok((await contents(store, key)).equals(expected));
    await store.delete(key);
    await assertAbsent(stand(), key);
  });
}

function unfinished(stand: Stand, { borders }: BlobSuiteOptions): void {
  // Of one part, of several, and of what is sent in one piece.
  const lengths = [0, 100, MIB, Math.max(...borders, 8 * MIB) * 2 + 1];
  for (const length of lengths)
    test(`a body that fails after ${length} bytes leaves nothing, and its error is told`, async () => {
      const key = newKey();
      const error = new Error("the client is gone");
      const body = failing(randomBody(length), error);
      await assert.rejects(stand().store.put(key, body), (reason) => reason === error);
      await assertAbsent(stand(), key);
    });

  for (const length of lengths)
    test(`an upload that is aborted while its body hangs after ${length} bytes leaves nothing`, async () => {
      const key = newKey();
      const controller = new AbortController();
      const { body, hangs, released } = hanging(randomBody(length));
      const upload = stand().store.put(key, body, { signal: controller.signal });
      const reason = new Error("nobody wants it any more");
      const rejected = assert.rejects(upload, (error) => error === reason);
      await hangs;
      await assertAbsent(stand(), key);
      controller.abort(reason);
      await rejected;
      await released;
      await assertAbsent(stand(), key);
    });

  test("an upload that was aborted beforehand leaves nothing", async () => {
    const key = newKey();
    const signal = AbortSignal.abort(new Error("too late"));
    const upload = stand().store.put(key, chunked(randomBody(10)), { signal });
    await assert.rejects(upload, /too late/);
    await assertAbsent(stand(), key);
  });

  test("a signal that is aborted after the upload changes nothing", async () => {
    const { store } = stand();
    const controller = new AbortController();
    const [key, bytes] = [newKey(), randomBody(KIB)];
    await store.put(key, chunked(bytes), { signal: controller.signal });
    controller.abort();
    assert.ok((await contents(store, key)).equals(bytes));
    await store.delete(key);
  });

  test("nobody sees an upload before it is over; then everybody does", async () => {
    const { store } = stand();
    const other = await stand().another();
    const [key, bytes] = [newKey(), randomBody(17 * MIB)];
    const { body, hangs, finish } = hanging(bytes);
    const upload = store.put(key, body);
    await hangs;
    for (const each of [store, other]) {
      assert.equal(await each.get(key), undefined);
      assert.ok(!(await listed(each)).has(key));
    }
    finish();
    await upload;
    for (const each of [store, other]) {
      assert.ok((await contents(each, key)).equals(bytes));
      assert.equal((await listed(each)).get(key), bytes.length);
    }
    await store.delete(key);
    await other.close();
  });
}

function deletion(stand: Stand): void {
  test("what is deleted is gone for everybody, and deleting it again is no error", async () => {
    const { store } = stand();
    const other = await stand().another();
    const { key } = await put(store, 9 * MIB);
    await other.delete(key);
    for (const each of [store, other]) assert.equal(await each.get(key), undefined);
    await assertAbsent(stand(), key);
    await store.delete(key);
    await store.delete(newKey());
    await other.close();
  });

  test("a reader of what is deleted gets the whole of it or an error, never a part", async () => {
    const { store } = stand();
    const { key, bytes } = await put(store, 20 * MIB);
    const stream = await store.get(key);
    assert.ok(stream !== undefined);
    await once(stream, "readable");
    await store.delete(key);
    const got = await readAll(stream).catch((error: unknown) => error);
    if (got instanceof Buffer) assert.ok(got.equals(bytes), `${got.length} bytes`);
    else assert.ok(got instanceof BlobError, String(got));
    await assertAbsent(stand(), key);
  });
}

function concurrency(stand: Stand, { borders }: BlobSuiteOptions): void {
  test("many at the same time: each comes back as it went, and all are listed", async () => {
    const { store } = stand();
    const border = borders[0] ?? MIB;
    const lengths = Array.from({ length: 24 }, (_, n) => (n % 6 === 0 ? border + n : n * 4099));
    const all = await Promise.all(lengths.map((length) => put(store, length)));
    const found = await listed(store);
    await Promise.all(
      all.map(async ({ key, bytes }) => {
        assert.equal(found.get(key), bytes.length);
        assert.equal(sha256(await contents(store, key)), sha256(bytes));
        await store.delete(key);
      }),
    );
    const left = await listed(store);
    for (const { key } of all) assert.ok(!left.has(key));
  });

  test("prepare may be asked again, also while another has it open", async () => {
    const { key, bytes } = await put(stand().store, 10);
    const other = await stand().another();
    await other.prepare();
    await stand().store.prepare();
    assert.ok((await contents(other, key)).equals(bytes));
    await other.close();
    await stand().store.delete(key);
  });
}

function leftovers(stand: Stand): void {
  test("what a killed process left half-done is seen by nobody, and tidied up", async () => {
    const { store } = stand();
    const key = newKey();
    await stand().leaveHalf(key);
    await assertAbsent(stand(), key);
    assert.equal(await store.tidy(3_600_000), 0, "it is not so old");
    assert.ok((await store.tidy(0)) > 0, "there is something to tidy up");
    assert.equal(await store.tidy(0), 0, "nothing is left");
    await assertAbsent(stand(), key);
  });

  test("tidying up leaves this process's own uploads alone", async () => {
    const { store } = stand();
    const bytes = randomBody(17 * MIB);
    const { body, hangs, finish } = hanging(bytes);
    const key = newKey();
    const upload = store.put(key, body);
    await hangs;
    await store.tidy(0);
    finish();
    await upload;
    await store.tidy(0);
    assert.ok((await contents(store, key)).equals(bytes));
    await store.delete(key);
  });
}

function outages(stand: Stand): void {
  test("a store out of reach is unavailable, and works again when it is back", async () => {
    const { store } = stand();
    const { key, bytes } = await put(store, 9 * MIB);
    const { body, hangs, finish } = hanging(randomBody(MIB));
    const upload = store.put(newKey(), body).catch((error: unknown) => error);
    await hangs;
    const bringBack = await stand().takeAway();
    try {
      finish();
      assert.ok(isUnavailable(await upload), String(await upload));
      await assert.rejects(store.put(newKey(), chunked(bytes)), isUnavailable);
      await assert.rejects(store.get(key), isUnavailable);
      await assert.rejects(store.delete(key), isUnavailable);
      await assert.rejects(listed(store), isUnavailable);
      await assert.rejects(store.tidy(0), isUnavailable);
    } finally {
      await bringBack();
    }
    assert.ok((await contents(store, key)).equals(bytes));
    assert.ok((await put(store, 10)).bytes.length === 10);
    await store.delete(key);
  });
}
