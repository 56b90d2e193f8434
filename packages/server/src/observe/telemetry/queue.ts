/**
 * What waits to be exported: bounded, so that a collector that is slow or away costs memory up to a limit and nobody's time.
 * What finds no room is counted and gone. One batch is under way at a time.
 */
import type { Clock } from "../../clock.ts";

export interface ExportQueueConfig<T> {
  readonly clock: Pick<Clock, "after">;
  /** Items that wait at most. */
  readonly most: number;
  /** Items of one batch at most. */
  readonly batch: number;
  /** Milliseconds from an item until a batch that is not full goes. */
  readonly delay: number;
  /** Rejects when the batch did not arrive. */
  readonly send: (items: readonly T[]) => Promise<void>;
  readonly onFailure: (error: unknown, items: number) => void;
}

export class ExportQueue<T> {
  readonly #config: ExportQueueConfig<T>;
  #waiting: T[] = [];
  #sending: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;
  /** Since the start: handed over, without room, handed over in vain. */
  readonly counts = { exported: 0, dropped: 0, failed: 0 };

  constructor(config: ExportQueueConfig<T>) {
    this.#config = config;
  }

  get size(): number {
    return this.#waiting.length;
  }

  get full(): boolean {
    return this.#stopped || this.#waiting.length >= this.#config.most;
  }

  /** Counts what was not even offered. */
  drop(items: number): void {
    this.counts.dropped += items;
  }

  /** Never throws, and never waits. */
  offer(item: T): void {
    if (this.full) return this.drop(1);
    this.#waiting.push(item);
    this.#arm();
  }

  /** Sends what waits; resolves when it is out, or has failed. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sending !== undefined) await this.#send();
  }

  /** Takes nothing more, and sends what waits, for so many milliseconds at most. */
  async stop(patience: number): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    const late = Promise.withResolvers<void>();
    const cancel = this.#config.clock.after(patience, late.resolve);
    await Promise.race([this.flush(), late.promise]);
    cancel();
    this.counts.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #arm(): void {
    if (this.#sending !== undefined) return;
    const { clock, batch, delay } = this.#config;
    if (this.#waiting.length >= batch) {
      this.#cancel?.();
      this.#cancel = undefined;
      void this.#send();
      return;
    }
    this.#cancel ??= clock.after(delay, () => {
      this.#cancel = undefined;
      void this.#send();
    });
  }

  #send(): Promise<void> {
    this.#sending ??= this.#batch();
    return this.#sending;
  }

  async #batch(): Promise<void> {
    const { batch, send, onFailure } = this.#config;
    // Not now: whoever offers is in the middle of something.
    await Promise.resolve();
    const items = this.#waiting.splice(0, batch);
    try {
      if (items.length > 0) await send(items);
      this.counts.exported += items.length;
    } catch (error) {
      this.counts.failed += items.length;
      onFailure(error, items.length);
    } finally {
      this.#sending = undefined;
      if (this.#waiting.length > 0 && !this.#stopped) this.#arm();
    }
  }
}
