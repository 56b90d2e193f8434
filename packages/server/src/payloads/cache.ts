/**
 * Payloads in memory, bounded by their bytes. Bytes under a digest never change; whether a user keeps them does, and on other
 * nodes too, so each entry says when that was known last.
 *
 * What goes first is what was not read since it came, or since it was passed over for that reason (second chance): a hit
 * costs one look-up and no more.
 */
import type { PayloadInfo } from "./payloads.ts";

export interface Cached {
  readonly info: PayloadInfo;
  readonly bytes: Buffer;
  /** Kept or referred to, as of `at`. */
  readonly visible: boolean;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  /** Read since it came. */
  used: boolean;
  /** Somebody asks the database for it already. */
  asking: boolean;
}

/** What an entry takes besides its bytes: objects, keys, and its place in the table. */
const OVERHEAD = 600;

export class PayloadCache {
  readonly #entries = new Map<string, Cached>();
  readonly #limit: number;
  #bytes = 0;

  /** @param limit bytes; 0 keeps nothing */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Cached | undefined {
    const found = this.#entries.get(key);
    if (found !== undefined) found.used = true;
    return found;
  }

  /** What would take more than an eighth of the room is not remembered. */
  set(key: string, info: PayloadInfo, bytes: Buffer, visible: boolean, at: number): void {
    const before = this.#entries.get(key);
    const cost = bytes.length + OVERHEAD;
    if (cost > this.#limit / 8) return;
    // A slice of a large buffer would keep the whole of it.
    const own = bytes.buffer.byteLength > 2 * bytes.length + 8_192 ? Buffer.from(bytes) : bytes;
    const entry = { info, bytes: own, visible, at, used: false, asking: false };
    this.#entries.set(key, entry);
    if (before === undefined) this.#bytes += cost;
    if (this.#bytes > this.#limit) this.#evict();
  }

  delete(key: string): void {
    const found = this.#entries.get(key);
    if (found === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= found.bytes.length + OVERHEAD;
  }

  /** An eighth at a time: each pass begins with a walk over what was deleted at the front of the table. */
  #evict(): void {
    const enough = (this.#limit / 8) * 7;
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= enough) return;
      if (entry.used) {
        entry.used = false;
        this.#entries.delete(key);
        this.#entries.set(key, entry);
      } else this.delete(key);
    }
  }
}
