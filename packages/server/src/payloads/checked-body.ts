/** What every store does with the body of a put: counts it, and lets go of it the moment nobody wants it any more. */
import { BlobError, type PutOptions } from "./blob-store.ts";

/**
 * The chunks of `body` that have bytes. Fails with the reason of the signal as soon as that is aborted, also while the body hangs;
 * the body is then asked to end (`return`), which is not waited for.
 * @throws {BlobError} `refused` when there are more bytes than `maxBytes`, or others than `size`; before the body is touched when
 *   `size` alone is too large
 */
export async function* checkedBody(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  { size, signal }: PutOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted();
  if (size !== undefined && size > maxBytes) throw tooLarge(maxBytes);
  const chunks = body[Symbol.asyncIterator]();
  const { next, end } = abortable(chunks, signal);
  let seen = 0;
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await next();
      if (done === true) break;
      seen += value.byteLength;
      if (size !== undefined && seen > size) throw wrongSize(size, "more");
      if (seen > maxBytes) throw tooLarge(maxBytes);
      if (value.byteLength > 0) yield value;
    }
    isOver = true;
    if (size !== undefined && seen < size) throw wrongSize(size, String(seen));
  } finally {
    end();
    // One that hangs would answer only when its next chunk comes.
    if (!isOver) void chunks.return?.().catch(() => {});
  }
}

/** `next` of the iterator that fails when the signal is aborted; one listener for all of them. */
function abortable<T>(
  chunks: AsyncIterator<T>,
  signal: AbortSignal | undefined,
): { readonly next: () => Promise<IteratorResult<T>>; readonly end: () => void } {
  if (signal === undefined) return { next: () => chunks.next(), end: () => {} };
  let fail: (reason: unknown) => void = () => {};
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    next: () => {
      const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T>>();
      fail = reject;
      if (signal.aborted) reject(signal.reason as Error);
      else chunks.next().then(resolve, reject);
      return promise;
    },
    end: () => signal.removeEventListener("abort", onAbort),
  };
}

function tooLarge(maxBytes: number): BlobError {
  return new BlobError("refused", `more than the ${maxBytes} bytes that this store takes`);
}

function wrongSize(size: number, came: string): BlobError {
  return new BlobError("refused", `${size} bytes were declared, and ${came} came`);
}
