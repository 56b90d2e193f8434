/**
 * Who waits for whom: tasks for workers, and workers' polls for tasks. Tasks of one tenant, pool and function stand in a
 * {@link FairQueue}; a poll names several functions, and gets what has waited longest by the queues' reckoning.
 */
import type { Clock } from "../clock.ts";
import { AGE, BACKGROUND, FairQueue, type Queued } from "../owner/fair-queue.ts";
import { type Task, taskName } from "./task.ts";

export interface Wanted {
  readonly tenant: string;
  readonly worker: string;
  readonly pool: string;
  readonly functions: readonly string[];
  /** Tasks at most. */
  readonly max: number;
}

/** What a waiting poll is answered with: there are tasks for it, or there is something to tell its worker. */
export interface Waiter {
  readonly wanted: Wanted;
  /** Makes it leave, and take its tasks. */
  readonly wake: () => void;
}

export class Queues {
  readonly #clock: Pick<Clock, "monotonic" | "defer">;
  readonly #queues = new Map<string, FairQueue<Task>>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** Queues that got something since the last match. */
  readonly #stirred = new Set<string>();
  #waiting = 0;
  #polls = 0;

  constructor(clock: Pick<Clock, "monotonic" | "defer">) {
    this.#clock = clock;
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#waiting;
  }
  /** Polls that wait. */
  get polls(): number {
    return this.#polls;
  }

  /** Puts a task at the end of its queue, or, when it was taken before, at the front. */
  add(task: Task): void {
    const { tenant, priority } = task.request;
    const key = keyOf(tenant, task.work.pool, task.work.function);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new FairQueue();
      this.#queues.set(key, queue);
    }
    if (task.queued === undefined)
      task.queued = queue.push(task, { tenant, priority }, this.#clock.monotonic());
    else queue.putBack(task.queued);
    this.#waiting += 1;
    this.#stir(key);
  }

  remove(task: Task): void {
    const key = keyOf(task.request.tenant, task.work.pool, task.work.function);
    const queue = this.#queues.get(key);
    if (task.queued === undefined || queue?.remove(task.queued) !== true)
      throw new Error(`task ${taskName(task.request)} does not wait`);
    this.#left(key, queue);
  }

  /** Takes the tasks whose turn it is, at most `wanted.max`. */
  take({ tenant, pool, functions, max }: Wanted): Task[] {
    const keys = [...new Set(functions)].map((name) => keyOf(tenant, pool, name));
    const taken: Task[] = [];
    while (taken.length < max) {
      let first: { readonly key: string; readonly head: Queued<Task> } | undefined;
      for (const key of keys) {
        const head = this.#queues.get(key)?.peek();
        if (head === undefined) continue;
        if (first === undefined || deadlineOf(head) < deadlineOf(first.head)) first = { key, head };
      }
      if (first === undefined) return taken;
      const queue = this.#queues.get(first.key);
      const task = queue?.take(first.head);
      if (queue === undefined || task === undefined) throw new Error("a queue without its head");
      this.#left(first.key, queue);
      taken.push(task);
    }
    return taken;
  }

  wait(waiter: Waiter): void {
    for (const key of keysOf(waiter.wanted)) {
      const waiters = this.#waiters.get(key) ?? new Set();
      this.#waiters.set(key, waiters.add(waiter));
    }
    this.#polls += 1;
  }

  /** False when it does not wait. */
  leave(waiter: Waiter): boolean {
    let there = false;
    for (const key of keysOf(waiter.wanted)) {
      const waiters = this.#waiters.get(key);
      if (waiters?.delete(waiter) !== true) continue;
      there = true;
      if (waiters.size === 0) this.#waiters.delete(key);
    }
    if (there) this.#polls -= 1;
    return there;
  }

  /** Milliseconds that the oldest task has waited; 0 when none does. */
  oldest(): number {
    const now = this.#clock.monotonic();
    let oldest = 0;
    for (const queue of this.#queues.values()) oldest = Math.max(oldest, ...queue.ages(now));
    return oldest;
  }

  /** What is asked for in one commit goes to a worker in one answer. */
  #stir(key: string): void {
    if (this.#stirred.size === 0) this.#clock.defer(() => this.#match());
    this.#stirred.add(key);
  }

  /** Wakes as many polls as there is work for, those that wait longest first. */
  #match(): void {
    for (const key of this.#stirred) {
      for (const waiter of this.#waiters.get(key) ?? []) {
        if (!this.#queues.has(key)) break;
        waiter.wake();
      }
    }
    this.#stirred.clear();
  }

  #left(key: string, queue: FairQueue<Task>): void {
    this.#waiting -= 1;
    if (queue.size === 0) this.#queues.delete(key);
  }
}

function keysOf({ tenant, pool, functions }: Wanted): readonly string[] {
  return functions.map((name) => keyOf(tenant, pool, name));
}

/** Names hold no line feed. */
function keyOf(tenant: string, pool: string, name: string): string {
  return `${tenant}\n${pool}\n${name}`;
}

function deadlineOf({ queuedAt, lane }: Queued<Task>): number {
  return queuedAt + (lane >> 1) * AGE + (lane & 1) * BACKGROUND;
}
