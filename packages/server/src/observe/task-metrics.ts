/**
 * How long tasks and instances took, and how often was tried again: counted from the facts of each commit. There is no
 * label for the workflow: names are the users' own, as many as they like, of tenants that are not to see each other's.
 */
import type { HistoryEvent, Status } from "@millrace/engine";
import type { TaskNode } from "@millrace/language";
import type { Committed } from "../owner/facts.ts";
import { Histogram, LONG_MILLISECONDS } from "../owner/histogram.ts";
import { type Family, inSeconds, type Labels, single } from "./families.ts";

const OUTCOMES = {
  "task.completed": "completed",
  "task.faulted": "faulted",
  "task.cancelled": "cancelled",
} as const;
type Ended = Extract<HistoryEvent, { readonly kind: keyof typeof OUTCOMES }>;
type Outcome = (typeof OUTCOMES)[Ended["kind"]];

export class TaskMetrics {
  /** By type, then by outcome. */
  readonly #tasks = new Map<string, Map<Outcome, Histogram>>();
  readonly #instances = new Map<Status, Histogram>();
  #retries = 0;

  readonly onFacts = ({ facts, before, program, state }: Committed): void => {
    for (const fact of facts) {
      switch (fact.kind) {
        case "task.retried":
          this.#retries += 1;
          break;
        case "task.completed":
        case "task.faulted":
        case "task.cancelled": {
          // What began in this very commit took no time: one instant is all that a batch knows.
          const began = before?.frames[fact.occurrence]?.startedAt ?? fact.at;
          this.#task(taskType(program?.nodes.get(fact.task)), OUTCOMES[fact.kind], fact.at - began);
          break;
        }
        case "workflow.completed":
        case "workflow.faulted":
        case "workflow.cancelled":
          histogramIn(this.#instances, state.status).observe(fact.at - state.startedAt);
          break;
        default:
          break;
      }
    }
  };

  #task(type: string, outcome: Outcome, ms: number): void {
    let outcomes = this.#tasks.get(type);
    if (outcomes === undefined) {
      outcomes = new Map();
      this.#tasks.set(type, outcomes);
    }
    histogramIn(outcomes, outcome).observe(ms);
  }

  families(): readonly Family[] {
    const tasks = [...this.#tasks].flatMap(([type, outcomes]) =>
      [...outcomes].map(([outcome, each]) => sample({ type, outcome }, each)),
    );
    const instances = [...this.#instances].map(([status, each]) => sample({ status }, each));
    return [
      {
        name: "millrace_task_duration_seconds",
        help: "Time from the start of a task to its end, waiting included.",
        type: "histogram",
        samples: tasks,
      },
      {
        name: "millrace_instance_duration_seconds",
        help: "Time from the start of an instance to its end.",
        type: "histogram",
        samples: instances,
      },
      single(
        "counter",
        "millrace_task_retries_total",
        "Errors that were caught to try again.",
        this.#retries,
      ),
    ];
  }
}

function histogramIn<Key>(histograms: Map<Key, Histogram>, key: Key): Histogram {
  let histogram = histograms.get(key);
  if (histogram === undefined) {
    histogram = new Histogram(LONG_MILLISECONDS);
    histograms.set(key, histogram);
  }
  return histogram;
}

function sample(labels: Labels, histogram: Histogram) {
  return { labels, histogram: inSeconds(histogram.view()) };
}

/** One of a few: `set`, `for`, `call:http`, `run:shell` …; `unknown` without a program. */
export function taskType(node: TaskNode | undefined): string {
  if (node === undefined) return "unknown";
  switch (node.kind) {
    case "call":
      return `call:${node.call}`;
    case "subscribe":
      return "call:asyncapi";
    case "function":
      return "call:function";
    case "process":
      return `run:${node.process}`;
    case "workflow":
      return "run:workflow";
    default:
      return node.kind;
  }
}
