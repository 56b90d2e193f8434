/**
 * Reading an object. An object never changes under its key, so when the connection breaks half-way, reading goes on where it
 * stopped; so it does after a reader's pause that was longer than the server, or we, keep a silent connection.
 */
import type { Readable } from "node:stream";
import { BlobError, type ByteRange } from "../blob-store.ts";
import { readableOf } from "../readable.ts";
import type { Bucket, OpenObject } from "./bucket.ts";
import { blobError } from "./errors.ts";

/** Times in a row that it is taken up again and gives no byte. */
const FRUITLESS = 3;

/** Undefined when there is no such object. */
export async function download(
  bucket: Bucket,
  key: string,
  range: ByteRange | undefined,
): Promise<Readable | undefined> {
  const gone = new AbortController();
  const object = await bucket.open(key, range, undefined, gone.signal);
  if (object === undefined) return undefined;
  const chunks = read(bucket, key, range?.first ?? 0, object, gone.signal);
  return readableOf(chunks, () => gone.abort());
}

async function* read(
  bucket: Bucket,
  key: string,
  first: number,
  { body: opened, size, etag }: OpenObject,
  gone: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { settings } = bucket;
  const end = first + size;
  let at = first;
  let fruitless = 0;
  let body = opened;
  for (;;) {
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        fruitless = 0;
        at += chunk.byteLength;
        yield chunk;
      }
      return;
    } catch (error) {
      gone.throwIfAborted();
      if (at === end) return;
      fruitless += 1;
      if (fruitless > FRUITLESS) throw blobError(error, "s3:GetObject", settings);
    }
    const next = await bucket.open(key, { first: at, last: end - 1 }, etag, gone);
    if (next === undefined)
      throw new BlobError(
        "refused",
        `S3 bucket ${settings.bucket}: the object was deleted while it was read`,
      );
    ({ body } = next);
  }
}
