/** What the workers' side counts, as metrics. No label names a pool or function: names are the users' own, as many as they like. */
import type { WorkerCounters } from "../workers/counters.ts";
import { type Family, inSeconds, single } from "./families.ts";

export interface WorkerFigures {
  readonly counters: WorkerCounters;
  /** Tasks that wait, and that workers have; polls that wait. */
  readonly waiting: number;
  readonly leased: number;
  readonly polls: number;
  /** Milliseconds. */
  readonly oldest: number;
}

type Counted = Exclude<keyof WorkerCounters, "checkpoints" | "waited">;

const COUNTERS: { readonly [Key in Counted]: readonly [name: string, help: string] } = {
  delivered: ["tasks_delivered_total", "Tasks given to remote workers."],
  redelivered: [
    "tasks_redelivered_total",
    "Of those, tasks that this node gave to a worker before.",
  ],
  completed: ["tasks_completed_total", "Outputs that remote workers gave."],
  failed: ["tasks_failed_total", "Errors that remote workers gave."],
  released: ["tasks_released_total", "Tasks that remote workers gave back."],
  expired: ["tasks_expired_total", "Leases that ended without a sign of life."],
  givenUp: [
    "tasks_given_up_total",
    "Tasks that failed because too many leases of theirs ended without a sign of life.",
  ],
  withdrawn: ["tasks_withdrawn_total", "Tasks that a worker had and nobody waited for any more."],
  refused: ["tasks_refused_total", "Requests about a task that was not in the worker's hands."],
  checkpointCommits: ["checkpoint_commits_total", "Transactions that wrote checkpoints."],
};

export function workerFamilies(figures: WorkerFigures): readonly Family[] {
  const { counters, waiting, leased, polls, oldest } = figures;
  const gauge = (name: string, help: string, value: number): Family =>
    single("gauge", `millrace_worker_${name}`, help, value);
  const levels = Object.entries(counters.checkpoints);
  return [
    ...(Object.keys(COUNTERS) as Counted[]).map((key) => {
      const [name, help] = COUNTERS[key];
      return single("counter", `millrace_worker_${name}`, help, counters[key]);
    }),
    {
      name: "millrace_worker_checkpoints_total",
      help: "Checkpoints that were stored.",
      type: "counter",
      samples: levels.map(([level, value]) => ({ labels: { level }, value })),
    },
    gauge("tasks_waiting", "Tasks that wait for a remote worker here.", waiting),
    gauge("tasks_leased", "Tasks that remote workers have.", leased),
    gauge("tasks_age_seconds", "How long the first waiting one has waited.", oldest / 1_000),
    gauge("polls_waiting", "Requests for tasks that wait here.", polls),
    {
      name: "millrace_worker_tasks_waited_seconds",
      help: "Time that tasks waited for their first worker.",
      type: "histogram",
      samples: [{ labels: {}, histogram: inSeconds(counters.waited.view()) }],
    },
  ];
}
