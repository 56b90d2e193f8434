/**
 * The whole state of an instance as plain JSON. It is the checkpoint: recovery loads it and nothing is replayed.
 *
 * An instance is a tree of **frames**, one for each occurrence of a task that has started and not ended. Leaves wait
 * for the outside world (an activity, a timer, a child); inner frames hold the position inside a list, a loop, a fork
 * or a try. When no frame is left the instance is terminal.
 */
import type { Json } from "@millrace/language";
import type { Command, ParentLink, ScheduleLink, TraceContext } from "./command.ts";
import type { WorkflowError } from "./error.ts";
import type { Frame } from "./frame.ts";
import type { Kept, TooLarge } from "./kept.ts";

/** DSL "Status Phases". */
export type Status =
  | "pending"
  | "running"
  | "waiting"
  | "suspended"
  | "cancelled"
  | "faulted"
  | "completed";

/** The version of the state's shape; raise it together with an upgrade function in `upgrade.ts`. */
export const STATE_VERSION = 1;

/** Of an instance that names no other. */
export const DEFAULT_PRIORITY = 2;

export interface State {
  readonly v: typeof STATE_VERSION;
  readonly id: string;
  /** 0 (first) … 4 (last); {@link DEFAULT_PRIORITY} when absent. */
  readonly priority?: number;
  readonly status: Status;
  /** The last history sequence number used. */
  readonly seq: number;
  /** Raw workflow input. */
  readonly input: Json;
  /** `$context`. */
  readonly context: Json;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Present when completed. */
  readonly output?: Json;
  /** Present when faulted. */
  readonly error?: WorkflowError;
  readonly parent?: ParentLink;
  /** As the start gave it. */
  readonly trace?: TraceContext;
  readonly schedule?: ScheduleLink;
  /** The next frame id. */
  readonly next: number;
  /** Frames by id (decimal strings). */
  readonly frames: Readonly<Record<string, Frame>>;
  /**
   * Large parts of frames (a loop's collection, the outputs of a wide fork) by key. A value never changes under its key,
   * so a store may keep each apart and write it once.
   */
  readonly values?: Readonly<Record<string, Json>>;
  /** Epoch milliseconds of the workflow's timeout, if it has one; its timer is `W`. */
  readonly timeoutAt?: number;
  /** Commands that arrived while suspended, applied in order at resume. */
  readonly held?: readonly HeldCommand[];
  /** Of a faulted one: what a retry goes on from. Absent in states from before there were retries. */
  readonly kept?: Kept | TooLarge;
  /** The retries applied last. */
  readonly retryIds?: readonly string[];
}

/** A result or timer that arrived while the instance was suspended. */
export type HeldCommand = Extract<
  Command,
  {
    kind:
      | "activity.completed"
      | "activity.failed"
      | "activity.item"
      | "event.delivered"
      | "timer.fired"
      | "child.finished";
  }
>;

/** True when the instance has ended: it never changes again, unless it is faulted and retried. */
export function isTerminal(status: Status): boolean {
  return status === "completed" || status === "faulted" || status === "cancelled";
}
