/** Bytes on their way: into one store or two, and out of one with their digest checked. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { BlobStore } from "./blob-store.ts";
import { type Digest, PayloadError } from "./payloads.ts";

export interface Target {
  readonly store: BlobStore;
  readonly key: string;
}

export interface TransferOptions {
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** As many bytes, or more, are `too-large`. */
  readonly below: number;
}

export interface Transferred {
  readonly digest: Digest;
  readonly size: number;
}

/** Resolves when the body is in all of them, durably; else it may be in some. */
export async function transfer(
  body: AsyncIterable<Uint8Array>,
  targets: readonly Target[],
  { size, signal, below }: TransferOptions,
): Promise<Transferred> {
  const sha = createHash("sha256");
  let seen = 0;
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      seen += chunk.byteLength;
      if (seen >= below) throw tooLarge(seen);
      sha.update(chunk);
      yield chunk;
    }
  }
  const failed = new AbortController();
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const options = { signal: either, ...(size === undefined ? {} : { size }) };
  const [first] = targets;
  if (first === undefined) throw new Error("no store to transfer to");
  if (targets.length === 1) await first.store.put(first.key, measured(), options);
  else {
    const copies = targets.map(() => new PassThrough({ highWaterMark: 1024 * 1024 }));
    // A store that refuses the upload before it reads does not hear its copy of the body fail.
    for (const copy of copies) copy.on("error", () => {});
    const work = [
      feed(measured(), copies, either),
      ...targets.map(({ store, key }, at) => store.put(key, copies[at]!, options)),
    ];
    for (const each of work) each.catch((error: unknown) => failed.abort(error));
    const failure = (await Promise.allSettled(work)).find(({ status }) => status === "rejected");
    // What failed first is why the others were aborted.
    if (failure !== undefined)
      throw signal?.aborted === true ? signal.reason : failed.signal.reason;
  }
  return { digest: sha.digest("hex"), size: seen };
}

/** No faster than the slowest of them. */
async function feed(
  body: AsyncIterable<Uint8Array>,
  copies: readonly PassThrough[],
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of body) {
      const full = copies.filter((copy) => !copy.write(chunk));
      await Promise.all(full.map((copy) => once(copy, "drain", { signal })));
      signal.throwIfAborted();
    }
    for (const copy of copies) copy.end();
  } catch (error) {
    for (const copy of copies) copy.destroy(error as Error);
    throw error;
  }
}

export function tooLarge(bytes: number): PayloadError {
  return new PayloadError("too-large", `no store takes a payload of ${bytes} bytes`);
}

/**
 * The bytes of a whole payload; the last of them come only when all of them have the digest.
 * @throws what `fault` gives when they have not: unless given, a {@link PayloadError} `corrupt`
 */
export async function* verified(
  body: AsyncIterable<Uint8Array>,
  digest: Digest,
  fault: () => Error = () => corrupt(digest),
): AsyncGenerator<Uint8Array> {
  const sha = createHash("sha256");
  let last: Uint8Array | undefined;
  for await (const chunk of body) {
    sha.update(chunk);
    if (last !== undefined) yield last;
    last = chunk;
  }
  if (sha.digest("hex") !== digest) throw fault();
  if (last !== undefined) yield last;
}

export function corrupt(digest: Digest): PayloadError {
  return new PayloadError("corrupt", `the stored bytes of ${digest} are damaged`, digest);
}

/** @throws what the body throws */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
