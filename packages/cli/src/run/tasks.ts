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
      this.#runs.set(occurrence, run);
      return run;
    }
    const run = this.#runs.get(occurrence);
    const status = STATUS[kind];
    if (run === undefined || status === undefined) return run;
    run.status = status;
    run.endedAt = at;
    return run;
  }
}

/** How deep a task is in the tree: a reference has an index for each level. */
export function depthOf({ reference }: TaskRun): number {
  const levels = reference.split("/").filter((part) => /^\d+$/.test(part)).length;
  return Math.max(0, levels - 1);
}

/** Milliseconds that a task took, or has taken until `now`. */
export function timeTaken({ startedAt, endedAt }: TaskRun, now: number): number {
  return (endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt);
}
