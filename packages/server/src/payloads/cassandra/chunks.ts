/** The bodies of large blobs: cut into chunks and written a few at a time, read a few ahead. */
import { BlobError } from "../blob-store.ts";
import { CHUNK, PART, type Rows } from "./rows.ts";

/** Chunks on their way at a time: 1 MiB of memory for an upload or a reader. */
const AT_ONCE = 4;
/** Partitions that are deleted at a time. */
const DELETES = 8;

/** The same bytes in pieces of {@link CHUNK}, the last one shorter: none of them when there are no bytes. */
export async function* inChunks(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    let rest = piece;
    while (bytes + rest.byteLength >= CHUNK) {
      const taken = rest.subarray(0, CHUNK - bytes);
      yield Buffer.concat([...held, taken], CHUNK);
      rest = rest.subarray(taken.byteLength);
      [held, bytes] = [[], 0];
    }
    if (rest.byteLength > 0) held.push(rest);
    bytes += rest.byteLength;
  }
  if (bytes > 0) yield Buffer.concat(held, bytes);
}

/**
 * @returns bytes that were written
 * @throws what the body throws, or a {@link BlobError}; nothing is on its way then
 */
export async function writeChunks(
  rows: Rows,
  key: string,
  chunks: AsyncIterable<Buffer>,
): Promise<number> {
  const writes = limited(AT_ONCE);
  let [number, size] = [0, 0];
  try {
    for await (const chunk of chunks) {
      const at = number++;
      // Before the partition has anything.
      if (at % PART === 0) await rows.touch(key, at / PART + 1);
      await writes.start(() => rows.writeChunk(key, at, chunk));
      size += chunk.byteLength;
    }
  } finally {
    await writes.settled();
  }
  writes.check();
  return size;
}

/** Bytes `first` to `last`, both included, of a blob of `size` bytes. */
export async function* readChunks(
  rows: Rows,
  key: string,
  size: number,
  { first, last }: { readonly first: number; readonly last: number },
): AsyncGenerator<Buffer, void, undefined> {
  const end = Math.floor(last / CHUNK);
  const ahead: Promise<Buffer | undefined>[] = [];
  let next = Math.floor(first / CHUNK);
  for (let at = next; at <= end; at++) {
    while (next <= end && ahead.length < AT_ONCE) {
      const chunk = rows.chunk(key, next++);
      // Its failure counts when its turn comes, if it does.
      chunk.catch(() => {});
      ahead.push(chunk);
    }
    const chunk = await ahead.shift();
    if (chunk?.byteLength !== Math.min(CHUNK, size - at * CHUNK))
      throw new BlobError(
        "damaged",
        `Cassandra: chunk ${at} of blob ${key} is not there, or not whole`,
      );
    yield chunk.subarray(Math.max(0, first - at * CHUNK), last - at * CHUNK + 1);
  }
}

/** Of all partitions that may have some. */
export async function deleteChunks(rows: Rows, key: string, parts: number): Promise<void> {
  const deletes = limited(DELETES);
  for (let part = 0; part < parts; part++) await deletes.start(() => rows.deletePart(key, part));
  await deletes.settled();
  deletes.check();
}

export function partsOf(size: number): number {
  return Math.ceil(Math.ceil(size / CHUNK) / PART);
}

/** At most `most` at a time. */
function limited(most: number) {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  return {
    /** Resolves when it has begun. @throws when one before has failed */
    async start(work: () => Promise<void>): Promise<void> {
      while (running.size >= most) await Promise.race(running);
      check();
      const each = work()
        .catch((error: unknown) => void (failure ??= { error }))
        .finally(() => running.delete(each));
      running.add(each);
    },
    /** Resolves when nothing is on its way; never rejects. */
    async settled(): Promise<void> {
      await Promise.all(running);
    },
    /** @throws when one has failed */
    check,
  };
}
