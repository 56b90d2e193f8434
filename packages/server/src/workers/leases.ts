/** Tasks in workers' hands: who has which, until when, and what becomes of those whose worker is not heard of. */
import type { Clock } from "../clock.ts";
import type { WorkerCounters } from "./counters.ts";
import { type Handed, handedAs, maxDeliveriesReached, nameOfWorker } from "./handed.ts";
import type { Queues } from "./queues.ts";
import { type Lease, newToken, pauseOf, type Task } from "./task.ts";
import { type Work, workOf } from "./work.ts";

export interface LeasesParts {
  readonly clock: Pick<Clock, "monotonic" | "after">;
  readonly counters: WorkerCounters;
  /** Where tasks wait for the next worker. */
  readonly queues: Queues;
  /** Leases of a task that may end without a sign of life, where the task does not say; 0 for any number. */
  readonly maxDeliveries: number;
  readonly onExpired: (task: Task) => void;
}

export class Leases {
  readonly #parts: LeasesParts;
  readonly #byToken = new Map<string, Task>();

  constructor(parts: LeasesParts) {
    this.#parts = parts;
  }

  /** Tasks that workers have. */
  get size(): number {
    return this.#byToken.size;
  }

  of(token: string): Task | undefined {
    return this.#byToken.get(token);
  }

  forget(token: string): void {
    this.#byToken.delete(token);
  }

  /** @param worker with its tenant */
  begin(task: Task, worker: string): void {
    const { clock, counters } = this.#parts;
    const token = newToken(task.partition);
    const { lease } = task.work;
    const now = clock.monotonic();
    task.deliveries += 1;
    counters.delivered += 1;
    if (task.deliveries > 1) counters.redelivered += 1;
    else if (task.queued !== undefined) counters.waited.observe(now - task.queued.queuedAt);
    const until = now + lease;
    const state: Lease = { kind: "leased", token, worker, handed: false, until, cancelTimer() {} };
    const look = (): void => {
      const left = state.until - clock.monotonic();
      if (left > 0) state.cancelTimer = clock.after(left, look);
      else this.#expire(task, state);
    };
    state.cancelTimer = clock.after(lease, look);
    task.state = state;
    this.#byToken.set(token, task);
  }

  /**
   * The work with its large values, which are not kept here: of many tasks that wait, they are more than there is room for.
   * Undefined when they cannot be had; then the task goes aside.
   */
  async load(task: Task, token: string): Promise<Work | undefined> {
    const { request, work } = task;
    if (request.whole === undefined) return work;
    try {
      const whole = workOf(await request.whole());
      task.failures = 0;
      return whole;
    } catch {
      this.#putAside(task, token);
      return undefined;
    }
  }

  /** The worker is about to be sent the task: nothing when it was withdrawn meanwhile, or its lease or its leases are over. */
  hand(task: Task, token: string, work: Work | undefined): readonly Handed[] {
    const { state } = task;
    if (work === undefined || state.kind !== "leased" || state.token !== token) return [];
    // Earlier owners counted as well.
    if (this.#isSpent(task)) {
      this.#giveUp(task, state, undefined);
      return [];
    }
    // The time until now is not the worker's: the database and the stores took it.
    this.renew(state, work);
    state.handed = true;
    return [handedAs(task, token, work)];
  }

  #putAside(task: Task, token: string): void {
    const { clock, queues } = this.#parts;
    if (task.state.kind !== "leased" || task.state.token !== token) return;
    task.state.cancelTimer();
    this.#byToken.delete(token);
    task.deliveries -= 1;
    task.failures += 1;
    const cancelTimer = clock.after(pauseOf(task), () => {
      task.state = { kind: "waiting" };
      queues.add(task);
    });
    task.state = { kind: "aside", cancelTimer };
  }

  renew(state: Lease, { lease }: Pick<Work, "lease">): void {
    state.until = this.#parts.clock.monotonic() + lease;
  }

  /** The lease ends; the task is the next of its queue. */
  giveBack(token: string): void {
    const task = this.#byToken.get(token);
    if (task?.state.kind !== "leased") return;
    task.state.cancelTimer();
    this.#byToken.delete(token);
    task.state = { kind: "waiting" };
    this.#parts.queues.add(task);
  }

  #expire(task: Task, state: Lease): void {
    const { counters, onExpired } = this.#parts;
    counters.expired += 1;
    // Of one that was not sent yet, no worker has died.
    if (state.handed) {
      task.expiries += 1;
      onExpired(task);
    }
    if (state.handed && this.#isSpent(task)) this.#giveUp(task, state, nameOfWorker(state.worker));
    else this.giveBack(state.token);
  }

  #isSpent({ expiries, work: { maxDeliveries = this.#parts.maxDeliveries } }: Task): boolean {
    return maxDeliveries > 0 && expiries >= maxDeliveries;
  }

  /** Its error is on its way into the instance. @param last who had it last */
  #giveUp(task: Task, { token, cancelTimer }: Lease, last: string | undefined): void {
    cancelTimer();
    this.#byToken.delete(token);
    task.state = { kind: "given-up" };
    this.#parts.counters.givenUp += 1;
    task.reject(maxDeliveriesReached(task, last));
  }
}
