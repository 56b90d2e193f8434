/**
 * Live progress on standard error: the tree of tasks with their times, drawn anew as it changes. Of a long tree the
 * newest part that fits on the screen is drawn. A standard error that is no terminal gets nothing.
 */
import { cursorTo, moveCursor } from "node:readline";
import type { WriteStream } from "node:tty";
import { elapsed, plain } from "../output.ts";
import { type TaskLog, timeTaken } from "./tasks.ts";

const MARKS = { running: "…", completed: "✓", faulted: "✗", cancelled: "–", skipped: "·" } as const;
/** Milliseconds between drawings: running times go on, and a burst of tasks is drawn once. */
const FRAME_MS = 100;

export interface Progress {
  /** Draws the last state and leaves it on the screen. */
  end(): void;
}

/** @param out where to draw; only a terminal is drawn on */
export function showProgress(log: TaskLog, out: WriteStream): Progress {
  if (!out.isTTY) return { end: () => {} };
  let drawn = 0;
  const draw = (): void => {
    const lines = treeLines(log, Date.now(), out.columns).slice(-Math.max(1, out.rows - 1));
    moveCursor(out, 0, -drawn);
    cursorTo(out, 0);
    // Each line is cleared to its end, and what is below the last one: less flicker than clearing all.
    out.write(lines.map((line) => `${line}\u001b[K\n`).join("") + "\u001b[J");
    drawn = lines.length;
  };
  const timer = setInterval(draw, FRAME_MS).unref();
  return {
    end() {
      clearInterval(timer);
      draw();
    },
  };
}

/** A line for each task, two spaces in for each level, none longer than `columns`. */
export function treeLines(log: TaskLog, now: number, columns: number): string[] {
  return log.tasks.map((task) => {
    const time = task.status === "skipped" ? "skipped" : elapsed(timeTaken(task, now));
    const line = `${"  ".repeat(log.depthOf(task))}${MARKS[task.status]} ${plain(task.name)}  ${time}`;
    return line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line;
  });
}
