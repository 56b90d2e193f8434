/** What became of each task, gathered from the facts of an instance. */
import type { HistoryEvent } from "@millrace/engine";

export type TaskStatus = "running" | "completed" | "faulted" | "cancelled" | "skipped";

export interface TaskRun {
  readonly reference: string;
  readonly name: string;
  readonly status: TaskStatus;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt?: string;
}

type Growing = { -readonly [K in keyof TaskRun]: TaskRun[K] };

/** Collects the tasks of one instance in the order they started. */
export class TaskLog {
  readonly #runs = new Map<string, Growing>();

  get tasks(): readonly TaskRun[] {
    return [...this.#runs.values()];
  }

  /** Takes a fact in; gives the task it is about, if it is about one. */
  add(event: HistoryEvent): TaskRun | undefined {
    if (!("occurrence" in event)) return undefined;
    const at = new Date(event.at).toISOString();
    if (event.kind === "task.started" || event.kind === "task.skipped") {
      const run: Growing = {
        reference: event.task,
        name: event.name,
        status: "running",
        startedAt: at,
      };
      if (event.kind === "task.skipped") Object.assign(run, { status: "skipped", endedAt: at });
      this.#runs.set(event.occurrence, run);
      return run;
    }
    const run = this.#runs.get(event.occurrence);
    if (run === undefined || event.kind === "task.retried") return run;
    run.status = STATUS[event.kind];
    run.endedAt = at;
    return run;
  }
}

const STATUS = {
  "task.completed": "completed",
  "task.faulted": "faulted",
  "task.cancelled": "cancelled",
} as const;
