/** Who asks for tasks here: workers by name, in memory, as long as they are heard of. */
import type { Clock } from "../clock.ts";
import { workerKey } from "./handed.ts";
import type { Wanted } from "./queues.ts";
import type { Task } from "./task.ts";

/** Milliseconds without a word after which a worker without tasks is forgotten. */
const FORGET = 600_000;
/** Workers that are remembered; those that were silent for longest are forgotten first. */
const MOST = 10_000;
/** Tasks of one worker that are listed. */
const MOST_TASKS = 100;

export interface WorkerView {
  readonly name: string;
  readonly pool: string;
  readonly functions: readonly string[];
  /** It waits for tasks at this moment. */
  readonly polling: boolean;
  /** Epoch milliseconds. */
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** How many it has; of those, the first hundred. */
  readonly taskCount: number;
  readonly tasks: readonly Task[];
}

interface Known {
  readonly firstSeenAt: number;
  lastSeenAt: number;
  wanted: Wanted;
}

export interface Listed {
  readonly tenant: string;
  /** Names that sort after this. */
  readonly after: string;
  readonly limit: number;
}

export class Roster {
  readonly #clock: Pick<Clock, "now">;
  /** In the order in which they were heard of last. */
  readonly #known = new Map<string, Known>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  asks(wanted: Wanted): void {
    const key = workerKey(wanted);
    const now = this.#clock.now();
    const { firstSeenAt = now } = this.#known.get(key) ?? {};
    this.#known.delete(key);
    this.#known.set(key, { firstSeenAt, lastSeenAt: now, wanted });
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > MOST) this.#known.delete(oldest);
  }

  /** @param key of the worker, which spoke of a task */
  seen(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.lastSeenAt = this.#clock.now();
    this.#known.delete(key);
    this.#known.set(key, known);
  }

  /** By name. @param tasks of all workers @param polls whether one of the worker's polls waits */
  list(
    { tenant, after, limit }: Listed,
    tasks: Iterable<Task>,
    polls: (key: string) => boolean,
  ): readonly WorkerView[] {
    const inHand = new Map<string, Task[]>();
    for (const task of tasks) {
      if (task.state.kind !== "leased" && task.state.kind !== "reported") continue;
      const { worker } = task.state;
      const its = inHand.get(worker) ?? [];
      inHand.set(worker, its);
      its.push(task);
    }
    const now = this.#clock.now();
    for (const [key, { lastSeenAt }] of this.#known)
      if (lastSeenAt < now - FORGET && !inHand.has(key) && !polls(key)) this.#known.delete(key);
    return [...this.#known]
      .filter(([, { wanted }]) => wanted.tenant === tenant && wanted.worker > after)
      .sort(([, a], [, b]) => (a.wanted.worker < b.wanted.worker ? -1 : 1))
      .slice(0, limit)
      .map(([key, { wanted, firstSeenAt, lastSeenAt }]) => {
        const its = inHand.get(key) ?? [];
        const { worker: name, pool, functions } = wanted;
        return {
          name,
          pool,
          functions,
          polling: polls(key),
          firstSeenAt,
          lastSeenAt: polls(key) ? now : lastSeenAt,
          taskCount: its.length,
          tasks: its.slice(0, MOST_TASKS),
        };
      });
  }
}
