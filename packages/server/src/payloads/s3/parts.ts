/** How a body is cut into parts (S3: at most 10,000, each but the last of 5 MiB or more, 5 TiB together), and what memory they take. */
import { BlobError } from "../blob-store.ts";

const MIB = 1024 * 1024;
/** Bytes. */
export const PART_BYTES = 8 * MIB;
export const MAX_PARTS = 10_000;
export const MAX_OBJECT_BYTES = 5 * 1024 * 1024 * MIB;
/** Parts of a body of unknown size are alike up to here (7.8 GiB), as some servers want all of them to be; then they grow. */
const ALIKE = 1_000;
const GROWTH = 136 * 1024;

/**
 * Bytes of part `number` (from 1). Of a body of known size all are alike; of one of unknown size they grow so slowly that small
 * bodies do not notice and 5 TiB still fit.
 */
export function partBytes(number: number, size?: number): number {
  if (size === undefined) return PART_BYTES + Math.max(0, number - ALIKE) * GROWTH;
  return Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

export interface BodyPart {
  /** From 1. */
  readonly number: number;
  readonly bytes: Buffer;
  readonly isLast: boolean;
  /** What `bytes` are a view of. */
  readonly memory: Buffer;
}

/**
 * Fills each part when it is asked for. There is one at least, which may be empty.
 * @param spare memory of parts that are done with, to be used again
 */
export async function* parts(
  chunks: AsyncIterable<Uint8Array>,
  size: number | undefined,
  spare: Buffer[],
): AsyncGenerator<BodyPart, void, undefined> {
  let number = 1;
  let seen = 0;
  const newPart = (): Part => {
    const most = Math.min(partBytes(number, size), (size ?? Number.POSITIVE_INFINITY) - seen);
    return new Part(most, spare.pop());
  };
  let part = newPart();
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.byteLength > 0) {
      // Only what comes after it tells that a part is not the last.
      if (part.isFull) {
        yield { number, isLast: false, ...part.filled() };
        number += 1;
        if (number > MAX_PARTS) throw new BlobError("refused", `more than ${MAX_PARTS} parts`);
        part = newPart();
      }
      const taken = part.take(rest);
      seen += taken;
      rest = rest.subarray(taken);
    }
  }
  yield { number, isLast: true, ...part.filled() };
}

/** Copies what comes, however small the chunks are: they may be views of much larger memory, or of memory that is used again. */
class Part {
  readonly #most: number;
  #buffer: Buffer;
  #length = 0;

  constructor(most: number, spare?: Buffer) {
    this.#most = most;
    const isEnough = spare !== undefined && spare.length >= most;
    this.#buffer = isEnough ? spare : Buffer.allocUnsafeSlow(Math.min(most, 64 * 1024));
  }

  get isFull(): boolean {
    return this.#length === this.#most;
  }

  /** @returns how many bytes of the chunk had room */
  take(chunk: Uint8Array): number {
    const taken = Math.min(chunk.byteLength, this.#most - this.#length);
    this.#reserve(this.#length + taken);
    this.#buffer.set(chunk.subarray(0, taken), this.#length);
    this.#length += taken;
    return taken;
  }

  filled(): { readonly bytes: Buffer; readonly memory: Buffer } {
    return { bytes: this.#buffer.subarray(0, this.#length), memory: this.#buffer };
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    // The second kilobytes are often the last ones; whoever sends more sends much more.
    const larger = this.#buffer.length >= MIB ? this.#most : this.#buffer.length * 4;
    const buffer = Buffer.allocUnsafeSlow(Math.min(this.#most, Math.max(length, larger)));
    this.#buffer.copy(buffer, 0, 0, this.#length);
    this.#buffer = buffer;
  }
}

/**
 * Memory for parts that are on their way while others are filled. Each upload may always have one part without asking, so
 * that none waits for another; for more of them at a time it asks here, and without room it waits for its own.
 */
export class PartMemory {
  #free: number;
  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** @returns false, and takes nothing, when there is not so much */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}
