/**
 * Timers: those due within the horizon are in memory, in a heap; a pass reads the next ones from the database.
 *
 * A timer fires when the database's clock has reached its time, never before: our reading of that clock is never ahead of
 * it, and the transaction that consumes the timer checks once more.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { SCHEDULE_TIMER } from "../scheduler/schedule.ts";
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
const INTERVAL = 5_000;
/** Rows of one reading; it goes on where the last one ended. */
const MOST = 10_000;
/**
 * Firings of schedules in the owner's hands at a time. Of a hundred thousand that are due in the same second the others wait
 * here, where starts by callers do not wait behind them.
 */
const MOST_SCHEDULES = 100;

export class Timers {
  readonly service: Service;
  readonly #config: TimersConfig;
  readonly #heap = new TimerHeap();
  #cancel = (): void => {};
  #stopped = false;
  /** Firings of schedules under way, by id, with their partition. */
  readonly #firing = new Map<string, number>();
  /** Due schedules that wait for those: from `#dueFrom` on. */
  #due: TimerRow[] = [];
  #dueFrom = 0;
  /** All timers before this instant are known. */
  #known = 0;

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
    // What was read goes further than the horizon when the clock was set back since.
    const horizon = Math.max(this.#config.databaseNow() + HORIZON, this.#known);
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
    const dropped = new Set(partitions);
    this.#heap.drop(dropped);
    for (const [id, partition] of this.#firing) if (dropped.has(partition)) this.#firing.delete(id);
    this.#due = this.#due.slice(this.#dueFrom).filter(({ partition }) => !dropped.has(partition));
    this.#dueFrom = 0;
    this.#known = 0;
    this.#fireSchedules();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.service.stop();
  }

  async #load(): Promise<void> {
    const { store, owner, databaseNow } = this.#config;
    const partitions = owner().owned.map((e) => e.partition);
    if (partitions.length === 0) return;
    const until = databaseNow() + HORIZON;
    // What is set while this reads is told to `add`.
    for (let limit = MOST; this.#known < until; ) {
      const from = this.#known;
      const rows = await store.dueTimers(partitions, from, until, limit);
      // Taken over meanwhile: what was read may be old, and a pass comes after it.
      if (this.#known !== from) return;
      for (const row of rows) this.#heap.setIfAbsent(row);
      const last = rows.at(-1)?.fireAt ?? until;
      this.#known = rows.length < limit ? until : last;
      // More are due at one instant than were asked for.
      limit = last === from ? 2 * limit : MOST;
    }
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
      if (timerId === SCHEDULE_TIMER) this.#due.push(next);
      else
        owner.submit({
          instanceId,
          partition,
          command: { kind: "timer.fired", timerId },
          timer: next,
        });
    }
    this.#fireSchedules();
    this.#arm();
  }

  #fireSchedules(): void {
    const owner = this.#config.owner();
    while (this.#firing.size < MOST_SCHEDULES) {
      const next = this.#due[this.#dueFrom];
      if (next === undefined) {
        this.#due = [];
        this.#dueFrom = 0;
        return;
      }
      this.#dueFrom += 1;
      const { partition, instanceId, timerId } = next;
      this.#firing.set(instanceId, partition);
      owner.submit({
        instanceId,
        partition,
        command: { kind: "timer.fired", timerId },
        schedule: true,
        background: true,
        timer: next,
        done: () => {
          this.#firing.delete(instanceId);
          this.#fireSchedules();
        },
      });
    }
  }
}
