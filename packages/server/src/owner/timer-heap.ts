/** A binary heap of timers by time. A timer that is set again or removed leaves a stale node, skipped when it comes up. */
import type { TimerRow } from "../store/store.ts";

export class TimerHeap {
  readonly #nodes: TimerRow[] = [];
  /** The row that counts, by name. */
  readonly #current = new Map<string, TimerRow>();

  get size(): number {
    return this.#current.size;
  }

  set(row: TimerRow): void {
    const name = nameOf(row);
    if (this.#current.get(name)?.fireAt === row.fireAt) return;
    this.#current.set(name, row);
    this.#nodes.push(row);
    this.#up(this.#nodes.length - 1);
  }

  /** As {@link set}, unless the timer is known: what a reading of the database says may be older. */
  setIfAbsent(row: TimerRow): void {
    if (!this.#current.has(nameOf(row))) this.set(row);
  }

  remove(key: { readonly instanceId: string; readonly timerId: string }): void {
    this.#current.delete(nameOf(key));
  }

  /** Forgets the timers of these partitions. */
  drop(partitions: ReadonlySet<number>): void {
    for (const [name, { partition }] of this.#current)
      if (partitions.has(partition)) this.#current.delete(name);
  }

  /** The earliest timer. */
  peek(): TimerRow | undefined {
    for (;;) {
      const [top] = this.#nodes;
      if (top === undefined || this.#current.get(nameOf(top)) === top) return top;
      this.#removeTop();
    }
  }

  pop(): TimerRow | undefined {
    const top = this.peek();
    if (top === undefined) return undefined;
    this.#current.delete(nameOf(top));
    this.#removeTop();
    return top;
  }

  #removeTop(): void {
    const last = this.#nodes.pop();
    if (last === undefined || this.#nodes.length === 0) return;
    this.#nodes[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#nodes.length && this.#before(child, least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(a: number, b: number): boolean {
    return (this.#nodes[a]?.fireAt ?? 0) < (this.#nodes[b]?.fireAt ?? 0);
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#nodes[a], this.#nodes[b]];
    if (left === undefined || right === undefined) return;
    this.#nodes[a] = right;
    this.#nodes[b] = left;
  }
}

function nameOf({ instanceId, timerId }: { instanceId: string; timerId: string }): string {
  return `${instanceId}/${timerId}`;
}
