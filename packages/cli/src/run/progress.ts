/** Live progress on standard error: a line per task as it ends, indented by its depth. Nothing when it is no terminal. */
import type { HistoryEvent } from "@millrace/engine";
import type { TaskRun } from "./tasks.ts";

const MARKS = {
  running: "…",
  completed: "✓",
  faulted: "✗",
  cancelled: "-",
  skipped: "·",
} as const;

export interface Progress {
  show(event: HistoryEvent, task: TaskRun | undefined): void;
}

/** @param out where to write; only a terminal gets the tree */
export function progress(out: NodeJS.WriteStream): Progress {
  if (!out.isTTY) return { show: () => {} };
  return {
    show(event, task) {
      if (event.kind === "task.retried") {
        const why = event.error.title ?? event.error.type;
        out.write(`${indent(event.task)}↻ attempt ${event.attempt} in ${event.delay} ms: ${why}\n`);
      } else if (task !== undefined) {
        out.write(`${indent(task.reference)}${MARKS[task.status]} ${task.name}${duration(task)}\n`);
      }
    },
  };
}

/** Two spaces for each task around it: a reference has an index for each level. */
function indent(reference: string): string {
  const depth = reference.split("/").filter((part) => /^\d+$/.test(part)).length;
  return "  ".repeat(Math.max(0, depth - 1));
}

function duration(task: TaskRun): string {
  if (task.endedAt === undefined) return "";
  return ` ${Date.parse(task.endedAt) - Date.parse(task.startedAt)} ms`;
}
