/** Bodies for uploads: in chunks of any kind, and those that never end well. */
import { createHash, randomFillSync } from "node:crypto";
import type { Readable } from "node:stream";

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Bytes that no compression or deduplication makes fewer. */
export function randomBody(size: number): Buffer {
  return randomFillSync(Buffer.alloc(size));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** In chunks of `length` bytes, each after a turn of the event loop's microtasks. */
export async function* chunked(bytes: Uint8Array, length = 64 * KIB): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length);
}

/** The whole of a stream. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

export interface Hanging {
  readonly body: AsyncIterable<Uint8Array>;
  /** Resolves when all chunks were taken and the next one is waited for. */
  readonly hangs: Promise<void>;
  /** Resolves when whoever read the body has let go of it. */
  readonly released: Promise<void>;
  /** Ends the body. */
  readonly finish: () => void;
}

/** A body that gives its bytes and then hangs, as one of a client does that stops half-way without going away. */
export function hanging(bytes: Uint8Array, length?: number): Hanging {
  const chunks = chunked(bytes, length);
  const hangs = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const end = Promise.withResolvers<IteratorResult<Uint8Array>>();
  const finish = (): void => end.resolve({ done: true, value: undefined });
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      const result = await chunks.next();
      if (result.done !== true) return result;
      hangs.resolve();
      return end.promise;
    },
    async return() {
      released.resolve();
      return { done: true, value: undefined };
    },
  };
  const body = { [Symbol.asyncIterator]: () => iterator };
  return { body, hangs: hangs.promise, released: released.promise, finish };
}

/** Gives its bytes and then throws. */
export async function* failing(bytes: Uint8Array, error: Error): AsyncGenerator<Uint8Array> {
  yield* chunked(bytes);
  throw error;
}

const SEAL = 32;

/** Random bytes that end with the digest of those before: so it is told from a part of it, whoever made it. */
export function sealed(size: number): Buffer {
  const bytes = randomBody(size + SEAL);
  createHash("sha256").update(bytes.subarray(0, size)).digest().copy(bytes, size);
  return bytes;
}

export function isWhole(bytes: Buffer): boolean {
  const size = bytes.length - SEAL;
  if (size < 0) return false;
  const digest = createHash("sha256").update(bytes.subarray(0, size)).digest();
  return digest.equals(bytes.subarray(size));
}
