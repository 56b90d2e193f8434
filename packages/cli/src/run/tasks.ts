/** What became of each task, gathered from the facts of an instance. */

export type TaskStatus = "running" | "completed" | "faulted" | "cancelled" | "skipped";

/** One occurrence of a task: iterations and retries each have their own. */
export interface TaskRun {
  /** Such as `/do/0/getPet`. */
  readonly reference: string;
  readonly name: string;
  readonly status: TaskStatus;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly endedAt?: string;
}

/** A fact as the engine states it (instants in epoch milliseconds) or as the API does (RFC 3339). */
export interface TaskFact {
  readonly kind: string;
  readonly at: number | string;
  readonly task?: string;
  readonly occurrence?: string;
  readonly name?: string;
}

type Growing = { -readonly [K in keyof TaskRun]: TaskRun[K] };

const STATUS: Readonly<Record<string, TaskStatus>> = {
  "task.completed": "completed",
  "task.faulted": "faulted",
  "task.cancelled": "cancelled",
};

/** Collects the tasks of one instance in the order they started. */
export class TaskLog {
  readonly #runs = new Map<string, Growing>();
  readonly #depths = new Map<TaskRun, number>();
  /** The task that started last. */
  #last: TaskRun | undefined;

  get tasks(): readonly TaskRun[] {
    return [...this.#runs.values()];
  }

  /** Takes a fact in; gives the task it is about, if it is about one. */
  add(fact: TaskFact): TaskRun | undefined {
    const { kind, task, occurrence } = fact;
    if (task === undefined || occurrence === undefined) return undefined;
    const at = new Date(fact.at).toISOString();
    if (kind === "task.started" || kind === "task.skipped") {
      const run: Growing = {
        reference: task,
        name: fact.name ?? "",
        status: "running",
        startedAt: at,
      };
      if (kind === "task.skipped") Object.assign(run, { status: "skipped", endedAt: at });
      this.#depths.set(run, this.#depthAt(task));
      this.#runs.set(occurrence, run);
      this.#last = run;
      return run;
    }
    const run = this.#runs.get(occurrence);
    const status = STATUS[kind];
    if (run === undefined || status === undefined) return run;
    run.status = status;
    run.endedAt = at;
    return run;
  }

  /** How deep a task of this log is in the tree, 0 for the outermost. */
  depthOf(task: TaskRun): number {
    return this.#depths.get(task) ?? 0;
  }

  /**
   * A reference has an index for each level, but one inside a function says nothing of its caller. The caller started
   * just before the function's task, and that one before the tasks inside it.
   */
  #depthAt(reference: string): number {
    const [own] = FUNCTION.exec(reference) ?? [];
    if (own === undefined) return Math.max(0, levelsOf(reference) - 1);
    if (own === reference) return this.#last === undefined ? 0 : this.depthOf(this.#last) + 1;
    const around = this.tasks.findLast((run) => run.reference === own && run.status === "running");
    const outside = around === undefined ? 0 : this.depthOf(around);
    return outside + levelsOf(reference.slice(own.length));
  }
}

const FUNCTION = /^\/use\/functions\/[^/]+/;

/** Lists around a task's reference: each has an index, and a name behind it that may be digits too. */
function levelsOf(reference: string): number {
  let levels = 0;
  const steps = reference.split("/");
  for (let at = 0; at < steps.length; at += 1) {
    if (!/^\d+$/.test(steps[at] ?? "")) continue;
    levels += 1;
    at += 1;
  }
  return levels;
}

/** Milliseconds that a task took, or has taken until `now`. */
export function timeTaken({ startedAt, endedAt }: TaskRun, now: number): number {
  return (endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt);
}
