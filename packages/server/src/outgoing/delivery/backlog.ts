/**
 * What a courier has in memory of its endpoint's queue: some of the first events, in line by key. At the head of a line stands the one
 * that may be sent; it is *ready*, *sent* (under way) or *blocked* (failed, until its time comes). Behind a blocked head nothing is
 * kept, so that one key's long line does not crowd out the others: the rest is read again when the head is through.
 */
import type { Queued } from "../outgoing-store.ts";

export type Item = Omit<Queued, "attempts" | "firstAt" | "nextAt"> & {
  attempts: number;
  firstAt: number | undefined;
  nextAt: number;
  /** Of the event, in UTF-8. */
  readonly bytes: number;
};

export class Backlog {
  /** Events by number: those in line, and those settled but not yet written down. */
  readonly #known = new Map<number, Item>();
  readonly #lines = new Map<string, Item[]>();
  readonly #ready = new Set<Item>();
  readonly #blocked = new Map<string, Item>();

  #bytes = 0;
  #blockedBytes = 0;

  /** Bytes of events besides the blocked ones; those settled count until they are written down. */
  get bytes(): number {
    return this.#bytes - this.#blockedBytes;
  }
  get blockedBytes(): number {
    return this.#blockedBytes;
  }
  get size(): number {
    return this.#known.size - this.#blocked.size;
  }
  get hasReady(): boolean {
    return this.#ready.size > 0;
  }
  get known(): readonly number[] {
    return [...this.#known.keys()];
  }
  get blockedKeys(): readonly string[] {
    return [...this.#blocked.keys()];
  }

  /** @returns false when it was left out, because its key is blocked or it is known */
  add(queued: Queued): boolean {
    if (this.#known.has(queued.seq)) return false;
    const blocked = this.#blocked.get(queued.key);
    if (blocked !== undefined) return false;
    const item: Item = {
      ...queued,
      firstAt: queued.firstAt,
      bytes: Buffer.byteLength(queued.event),
    };
    this.#known.set(item.seq, item);
    this.#bytes += item.bytes;
    const line = this.#lines.get(item.key);
    if (line !== undefined) {
      line.push(item);
      return true;
    }
    this.#lines.set(item.key, [item]);
    if (item.nextAt > 0) this.#block(item);
    else this.#ready.add(item);
    return true;
  }

  /** The first that is ready: from now on it is under way. */
  take(): Item | undefined {
    for (const item of this.#ready) {
      this.#ready.delete(item);
      return item;
    }
    return undefined;
  }

  /** The first of all that could be sent, blocked or not: the one to see with whether an endpoint works again. */
  takeFirst(): Item | undefined {
    let first: Item | undefined;
    for (const item of [...this.#ready, ...this.#blocked.values()])
      if (first === undefined || item.seq < first.seq) first = item;
    if (first === undefined) return undefined;
    this.#ready.delete(first);
    this.#release(first);
    return first;
  }

  /** It is through, one way or the other; its number stays known until {@link written}. */
  settled(item: Item): void {
    const line = this.#lines.get(item.key);
    line?.shift();
    const next = line?.[0];
    if (next === undefined) this.#lines.delete(item.key);
    else this.#ready.add(next);
  }

  /** It stays at the head until `nextAt`. */
  failed(item: Item): void {
    for (const other of this.#lines.get(item.key)?.splice(1) ?? []) this.#forget(other.seq);
    this.#block(item);
  }

  /** It was not tried after all. */
  putBack(item: Item): void {
    if (item.nextAt > 0) this.#block(item);
    else this.#ready.add(item);
  }

  /** Settled, and written down: a later reading cannot bring it back. */
  written(seqs: Iterable<number>): void {
    for (const seq of seqs) this.#forget(seq);
  }

  /** Blocked ones whose time has come are ready. @returns the earliest time of the others */
  release(now: number): number | undefined {
    let earliest: number | undefined;
    for (const item of this.#blocked.values())
      if (item.nextAt <= now) this.#unblock(item);
      else if (earliest === undefined || item.nextAt < earliest) earliest = item.nextAt;
    return earliest;
  }

  /** Everything blocked is ready. */
  releaseAll(): void {
    for (const item of this.#blocked.values()) this.#unblock(item);
  }

  #forget(seq: number): void {
    this.#bytes -= this.#known.get(seq)?.bytes ?? 0;
    this.#known.delete(seq);
  }

  #release(item: Item): void {
    if (this.#blocked.delete(item.key)) this.#blockedBytes -= item.bytes;
  }

  #unblock(item: Item): void {
    this.#release(item);
    item.nextAt = 0;
    this.#ready.add(item);
  }

  #block(item: Item): void {
    this.#blocked.set(item.key, item);
    this.#blockedBytes += item.bytes;
  }
}
