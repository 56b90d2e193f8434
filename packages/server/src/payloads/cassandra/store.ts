/**
 * Payloads in Cassandra (`schema.ts` says in which tables). An upload is in one of these states, and each crash leaves it in one:
 *
 *   begun      `unfinished` has its key. Chunks come, a few at a time; before the first of each partition, `unfinished` says so.
 *   whole      `blobs` has its key and size: readers see it. The row is made only if there is none (Paxos).
 *   given up   `blobs` has its key without a size, for ten days. That, too, is made only if there is no row: so an upload that is
 *              given up cannot become whole, and one that is whole cannot be given up. Then the chunks go, then `unfinished`.
 *
 * A deletion begins with `unfinished`, then the head goes, then the chunks, then `unfinished`. Up to 64 KiB, a blob is one row in
 * `blobs` and nothing else.
 */
import { Readable } from "node:stream";
import {
  BlobError,
  type BlobStore,
  type ByteRange,
  checkKey,
  type PutOptions,
  type StoredBlob,
} from "../blob-store.ts";
import { checkedBody } from "../checked-body.ts";
import { deleteChunks, inChunks, partsOf, readChunks, writeChunks } from "./chunks.ts";
import { CHUNK, PART, Rows, SMALL } from "./rows.ts";
import { prepareSchema } from "./schema.ts";
import { openSession, type Timeouts } from "./session.ts";
import type { CassandraSettings } from "./settings.ts";

/** 8,192 partitions. */
const MAX_BYTES = 8_192 * PART * CHUNK;

/** Connects when it is first used. */
export function openCassandraStore(settings: CassandraSettings, timeouts?: Timeouts): BlobStore {
  const session = openSession(settings, timeouts);
  const rows = new Rows(session);
  const underWay = new Set<string>();
  return {
    name: "cassandra",
    maxBytes: MAX_BYTES,
    async put(key, body, options) {
      checkKey(key);
      underWay.add(key);
      try {
        await put(rows, key, body, options);
      } finally {
        underWay.delete(key);
      }
    },
    async get(key, range) {
      checkKey(key);
      return get(rows, key, range);
    },
    async delete(key) {
      checkKey(key);
      await remove(rows, key);
    },
    list: (): AsyncIterable<StoredBlob> => rows.list(),
    async prepare() {
      await session.connect();
      await prepareSchema(session);
    },
    async tidy(age) {
      let cleared = 0;
      for await (const upload of rows.allUnfinished()) {
        if (upload.age < age || underWay.has(upload.key)) continue;
        if (await clear(rows, upload.key, upload.parts)) cleared += 1;
      }
      return cleared;
    },
    close: () => session.close(),
  };
}

async function put(
  rows: Rows,
  key: string,
  body: AsyncIterable<Uint8Array>,
  options?: PutOptions,
): Promise<void> {
  const chunks = inChunks(checkedBody(body, MAX_BYTES, options));
  const first = await chunks.next();
  const start = first.done === true ? Buffer.alloc(0) : first.value;
  // A chunk that is shorter than a chunk is the last.
  const isSmall = start.byteLength <= SMALL;
  if (!isSmall && (await rows.head(key)) !== undefined) {
    await chunks.return();
    throw new BlobError("refused", `there is a blob ${key} already`);
  }
  try {
    if (isSmall) {
      await rows.small(key, start);
      return;
    }
    const size = await writeChunks(rows, key, after(start, chunks));
    await rows.large(key, size);
  } catch (error) {
    // Whether or not anything of it got there. What cannot be cleared away now is for `tidy`.
    await remove(rows, key).catch(() => {});
    throw error;
  }
  // It is whole. `tidy` forgets it otherwise.
  await rows.forget(key).catch(() => {});
}

async function* after<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield first;
  yield* rest;
}

async function get(rows: Rows, key: string, range?: ByteRange): Promise<Readable | undefined> {
  const head = await rows.head(key);
  if (head === undefined) return undefined;
  const { size, body } = head;
  const first = range?.first ?? 0;
  const last = Math.min(range?.last ?? size - 1, size - 1);
  const bytes = (): AsyncIterable<Buffer> | readonly Buffer[] => {
    if (first > last) return [];
    if (body !== undefined) return [body.subarray(first, last + 1)];
    return readChunks(rows, key, size, { first, last });
  };
  return Readable.from(bytes(), { objectMode: false });
}

/** Whatever there is under the key, also when it is half there. */
async function remove(rows: Rows, key: string): Promise<void> {
  const [head, upload] = await Promise.all([rows.head(key), rows.unfinished(key)]);
  if (head === undefined && upload === undefined) return;
  if (head === undefined) {
    // It may have become whole just now.
    if (!(await clear(rows, key, upload?.parts ?? 0))) await remove(rows, key);
    return;
  }
  const parts = head.body === undefined ? partsOf(head.size) : 0;
  if (parts > 0) await rows.touch(key, parts);
  await rows.deleteHead(key);
  await deleteChunks(rows, key, parts);
  if (parts > 0) await rows.forget(key);
}

/** Clears an unfinished upload away. @returns false when it was whole: then it stays */
async function clear(rows: Rows, key: string, parts: number): Promise<boolean> {
  const givenUp = await rows.giveUp(key);
  if (givenUp) await deleteChunks(rows, key, parts);
  await rows.forget(key);
  return givenUp;
}
