/**
 * One upload. A body of at most one part goes with a single request; a larger one as a *multipart upload*:
 *
 * - *begun* when the first part is full and more comes;
 * - *sending*: up to {@link PARALLEL} parts are on their way while the next one is filled from the body; the body is read no
 *   faster than that;
 * - *completed* by one request with the ETags of all parts: then, and not before, there is an object;
 * - *aborted* when the body fails or ends wrongly, the caller says so, or the server gives up: what is under way is waited for (and
 *   cut off when that takes long), so that no part arrives behind the abort.
 *
 * An abort that does not reach the server leaves parts that nobody sees; `tidy` clears them away.
 */
import type { PutOptions } from "../blob-store.ts";
import { checkedBody } from "../checked-body.ts";
import type { Bucket, Part } from "./bucket.ts";
import { type BodyPart, MAX_OBJECT_BYTES, type PartMemory, partBytes, parts } from "./parts.ts";

/** Parts of one upload on their way at a time. */
const PARALLEL = 3;
/** Milliseconds for what is under way to arrive after a failure, and as many for clearing away, while the caller waits. */
const CLEARING = 5_000;

/** What the uploads of a store share. */
export interface Uploads {
  readonly bucket: Bucket;
  readonly memory: PartMemory;
  /** Keys of the multipart uploads that are under way. */
  readonly own: Set<string>;
}

export async function upload(
  uploads: Uploads,
  key: string,
  body: AsyncIterable<Uint8Array>,
  options: PutOptions = {},
): Promise<void> {
  const stop = new AbortController();
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const checked = checkedBody(body, MAX_OBJECT_BYTES, { ...options, signal });
  const spare: Buffer[] = [];
  const cut = parts(checked, options.size, spare);
  const first = await cut.next();
  if (first.done === true) throw new Error("a body has one part at least");
  if (first.value.isLast) await putWhole(uploads.bucket, key, first.value.bytes, signal);
  else
    await new Multipart({ ...uploads, key, stop, signal, spare }).run(
      first.value,
      cut,
      options.size,
    );
}

async function putWhole(
  bucket: Bucket,
  key: string,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const late = lateSignal(signal);
  try {
    await bucket.put(key, bytes, late.signal);
    signal.throwIfAborted();
  } catch (error) {
    // It may have arrived although the answer did not. The key is this upload's alone.
    await bucket.remove(key, AbortSignal.timeout(CLEARING)).catch(() => {});
    throw error;
  } finally {
    late.end();
  }
}

/**
 * Of requests that are better waited for than cut off: a server may carry out what was cut off, after whatever clears it away.
 * @returns a signal that is aborted some time after the given one
 */
function lateSignal(signal: AbortSignal): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const late = new AbortController();
  let waiting: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    waiting = setTimeout(() => late.abort(signal.reason), CLEARING);
  };
  if (signal.aborted) late.abort(signal.reason);
  else signal.addEventListener("abort", onAbort, { once: true });
  const end = (): void => {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(waiting);
  };
  return { signal: late.signal, end };
}

interface Upload extends Uploads {
  readonly key: string;
  /** Aborted with the first failure. */
  readonly stop: AbortController;
  /** Of `stop` and of the caller: ends the body. */
  readonly signal: AbortSignal;
  /** Memory of parts that have arrived. */
  readonly spare: Buffer[];
}

type Parts = AsyncGenerator<BodyPart, void, undefined>;

class Multipart {
  readonly #upload: Upload;
  readonly #sent: Part[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #late: ReturnType<typeof lateSignal>;
  /** The one part that needs nothing of the common memory is filled or under way. */
  #hasOwn = true;
  #bytes = 0;

  constructor(parts: Upload) {
    this.#upload = parts;
    this.#late = lateSignal(parts.signal);
  }

  /** @param size of the whole, where it is known */
  async run(first: BodyPart, rest: Parts, size: number | undefined): Promise<void> {
    const { bucket, own, key, stop, signal } = this.#upload;
    own.add(key);
    let id: string | undefined;
    try {
      id = await bucket.startUpload(key, this.#late.signal);
      signal.throwIfAborted();
      this.#send(id, first, 0);
      await this.#sendAll(id, rest, size);
      await Promise.all(this.#underWay);
      signal.throwIfAborted();
      const inOrder = this.#sent.sort((one, other) => one.number - other.number);
      await bucket.completeUpload(key, id, inOrder, this.#bytes, this.#late.signal);
    } catch (error) {
      stop.abort(error);
      await Promise.all(this.#underWay);
      await rest.return().catch(() => {});
      await this.#clear(id).catch(() => {});
      throw error;
    } finally {
      own.delete(key);
      this.#late.end();
    }
  }

  async #sendAll(id: string, rest: Parts, size: number | undefined): Promise<void> {
    for (let number = 2; ; number++) {
      const taken = await this.#room(partBytes(number, size));
      const { done, value } = await rest.next().catch((error: unknown) => {
        this.#leave(taken);
        throw error;
      });
      if (done === true) throw new Error("the last part did not come");
      this.#send(id, value, taken);
      if (value.isLast) return;
    }
  }

  /** Waits until the next part may be filled. @returns what of the common memory it has; 0 when it is this upload's own part */
  async #room(bytes: number): Promise<number> {
    const { memory, signal } = this.#upload;
    for (;;) {
      signal.throwIfAborted();
      if (!this.#hasOwn) {
        this.#hasOwn = true;
        return 0;
      }
      if (this.#underWay.size < PARALLEL && memory.take(bytes)) return bytes;
      await Promise.race(this.#underWay);
    }
  }

  #leave(taken: number): void {
    if (taken === 0) this.#hasOwn = false;
    else this.#upload.memory.give(taken);
  }

  /** The part is under way until it has arrived or failed. */
  #send(id: string, { number, bytes, memory }: BodyPart, taken: number): void {
    const { bucket, key, stop, spare } = this.#upload;
    this.#bytes += bytes.length;
    const arrive = async (): Promise<void> => {
      try {
        this.#sent.push(await bucket.putPart(key, id, number, bytes, this.#late.signal));
        spare.push(memory);
      } catch (error) {
        stop.abort(error);
      } finally {
        this.#underWay.delete(sending);
        this.#leave(taken);
      }
    };
    const sending = arrive();
    this.#underWay.add(sending);
  }

  /** It may have begun, or been completed, although the answer did not come. */
  async #clear(id: string | undefined): Promise<void> {
    const { bucket, key } = this.#upload;
    const soon = AbortSignal.timeout(CLEARING);
    if (id !== undefined) await bucket.abortUpload(key, id, soon);
    else
      for await (const begun of bucket.uploads(key, soon))
        await bucket.abortUpload(begun.key, begun.id, soon);
    await bucket.remove(key, soon);
  }
}
