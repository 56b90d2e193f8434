/**
 * Timers: those due within the horizon are in memory, in a heap; a pass reads the next ones from the database.
 *
 * A timer fires when the database's clock has reached its time, never before: our reading of that clock is never ahead of
 * it, and the transaction that consumes the timer checks once more.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { OwnerStore, TimerRow } from "../store/store.ts";
import type { Owner } from "./owner.ts";
import { type Service, service } from "./service.ts";
import { TimerHeap } from "./timer-heap.ts";

export interface TimersConfig {
  readonly store: Pick<OwnerStore, "dueTimers">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly databaseNow: () => number;
  readonly owner: () => Owner;
}

/** Milliseconds ahead that timers are held in memory, and between two readings. */
const HORIZON = 60_000;
const INTERVAL = 20_000;
const MOST = 100_000;

export class Timers {
  readonly service: Service;
  readonly #config: TimersConfig;
  readonly #heap = new TimerHeap();
  #cancel = (): void => {};
  #stopped = false;

  constructor(config: TimersConfig) {
    this.#config = config;
    const { clock, log, random } = config;
    const pass = (): Promise<void> => this.#load();
    this.service = service({ name: "timers", clock, log, random, interval: INTERVAL, pass });
  }

  get loaded(): number {
    return this.#heap.size;
  }

  add(rows: readonly TimerRow[]): void {
    const horizon = this.#config.databaseNow() + HORIZON;
    for (const row of rows)
      if (row.fireAt <= horizon) this.#heap.set(row);
      else this.#heap.remove(row);
    this.#arm();
  }

  remove(key: { readonly instanceId: string; readonly timerId: string }): void {
    this.#heap.remove(key);
  }

  /** Forgets what was known of partitions at an earlier epoch: another owner may have changed it. */
  drop(partitions: Iterable<number>): void {
    this.#heap.drop(new Set(partitions));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.service.stop();
  }

  async #load(): Promise<void> {
    const partitions = this.#config.owner().owned.map((e) => e.partition);
    if (partitions.length === 0) return;
    const until = this.#config.databaseNow() + HORIZON;
    const rows = await this.#config.store.dueTimers(partitions, until, MOST);
    for (const row of rows) this.#heap.setIfAbsent(row);
    this.#arm();
  }

  #arm(): void {
    this.#cancel();
    const next = this.#heap.peek();
    if (next === undefined || this.#stopped) return;
    const wait = Math.max(0, next.fireAt - this.#config.databaseNow());
    this.#cancel = this.#config.clock.after(wait, () => this.#fire());
  }

  #fire(): void {
    const now = this.#config.databaseNow();
    const owner = this.#config.owner();
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      if (next.fireAt > now) break;
      this.#heap.pop();
      owner.counters.measure("timerLatenessMs", now - next.fireAt);
      const { partition, instanceId, timerId } = next;
      owner.submit({
        instanceId,
        partition,
        command: { kind: "timer.fired", timerId },
        timer: next,
      });
    }
    this.#arm();
  }
}
