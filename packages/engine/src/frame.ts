/**
 * Frames: the occurrences of tasks that have started and not ended.
 *
 * What a frame's task was given is stored once: `raw` is left out when it is its parent's transformed input, `input` when
 * it equals `raw`. So a fork of hundreds of branches keeps one copy of their common input.
 */
import type { Flow, Json, JsonObject } from "@millrace/language";
import type { WorkflowError } from "./error.ts";
import type { StrategyState } from "./events/strategy.ts";

interface FrameBase {
  /** Unique in the instance and never reused; also the occurrence in the history and the activity's or child's id. */
  readonly id: string;
  /** The task's reference in the definition; `/do` for the root. */
  readonly ref: string;
  /** Absent on the root. */
  readonly parent?: string;
  /** Position among the parent's tasks (the branch of a fork). */
  readonly slot: number;
  /**
   * The logical position of this occurrence: the path of step counters from the root. It is the same when an enclosing
   * `try` runs again and differs between iterations, which is what an idempotency key needs.
   */
  readonly key: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  raw?: Json;
  input?: Json;
  /** Epoch milliseconds of the task's timeout; its timer is `t<id>`. */
  timeoutAt?: number;
}

/** Where a list of tasks stands: the task at `at` is running as the `steps`-th step. */
export interface ListPosition {
  at: number;
  steps: number;
}

export interface RootFrame extends FrameBase, ListPosition {
  readonly kind: "root";
}
export interface DoFrame extends FrameBase, ListPosition {
  readonly kind: "do";
}
export interface ForFrame extends FrameBase, ListPosition {
  readonly kind: "for";
  /** The collection, or absent when it stands in the state's `values` under the frame's id. */
  readonly items?: readonly Json[];
  /** The iteration running, from 0. */
  index: number;
}
export interface ForkFrame extends FrameBase {
  readonly kind: "fork";
  /** Branches still running. */
  left: number;
  /** Outputs of ended branches by branch number, where they are kept inline. */
  outputs?: Record<string, Json>;
}
export interface TryFrame extends FrameBase, ListPosition {
  readonly kind: "try";
  /** `body`: the tasks run; `delay`: waits for the next attempt (timer `r<id>`); `handler`: `catch.do` runs. */
  phase: "body" | "delay" | "handler";
  /** 1 for the first run. */
  attempt: number;
  /** The error caught last; the catch variable's value. */
  error?: WorkflowError;
  /** Epoch milliseconds of the timer `a<id>` that limits the running attempt. */
  attemptUntil?: number;
  /** In `delay`: epoch milliseconds of the timer `r<id>`. A firing from before it was set again comes too early. */
  retryAt?: number;
}
export interface FunctionFrame extends FrameBase {
  readonly kind: "function";
}
/** A task with extensions around it: their `before` lists, the task itself, their `after` lists. */
export interface ExtendedFrame extends FrameBase, ListPosition {
  readonly kind: "extended";
  /** Indices of the extensions that apply. */
  readonly applies: readonly number[];
  phase: "before" | "task" | "after";
  /** Index into `applies` during `before` and `after`. */
  turn: number;
  /** What the task gave, once it ended. */
  output?: Json;
  flow?: Flow;
}

export interface WaitFrame extends FrameBase {
  readonly kind: "wait";
  /** Epoch milliseconds of the timer `w<id>`. */
  readonly until?: number;
}
export interface ActivityFrame extends FrameBase {
  readonly kind: "activity";
}
/** A subscription (tasks/subscribe.ts). Its activity has the frame's id; `consume.for` is the timer `s<id>`. */
export interface SubscriptionFrame extends FrameBase, ListPosition {
  readonly kind: "subscription";
  /** Messages taken so far, less one. */
  index: number;
  /** The message at hand; absent while the next is waited for. */
  item?: Json;
  /** The id of the message that came last. */
  last?: string;
  /** The outputs so far. */
  gathered: readonly Json[];
  /** Epoch milliseconds. */
  closesAt?: number;
  /** True when the message at hand is the last. */
  closing?: true;
  /** True when the activity has ended. */
  over?: true;
}
/** A `listen` (tasks/listen.ts). Its subscription has the frame's id. */
export interface ListenFrame extends FrameBase, ListPosition {
  readonly kind: "listen";
  strategy: StrategyState;
  /** Events listed so far, less one. */
  index: number;
  /** What was read of the event that `foreach` is at work on; absent while the next is waited for. */
  item?: Json;
  /** The outputs so far. */
  gathered: readonly Json[];
  /** Events that came while `foreach` was at work, in order. */
  queue?: readonly QueuedEvent[];
  /** True when nothing more is listened for: the subscription is cleared, the event at hand is the last. */
  closed?: true;
  /** True when that is because all has come that it waited for. */
  satisfied?: true;
  /** True when, while suspended, more came than is kept. */
  overflowed?: true;
}
export interface QueuedEvent {
  readonly seq: number;
  readonly event: JsonObject;
  /** True when another `listen` of the instance has used it. */
  readonly taken?: true;
}
export interface ChildFrame extends FrameBase {
  readonly kind: "child";
}
/** A task that has been opened and not yet got a body of its own. */
export interface TaskFrame extends FrameBase {
  readonly kind: "task";
  /** Put in its place by a retry, to be entered later in the same decision. */
  readonly pending?: true;
}

export type Frame =
  | RootFrame
  | DoFrame
  | ForFrame
  | ForkFrame
  | TryFrame
  | FunctionFrame
  | ExtendedFrame
  | WaitFrame
  | ActivityFrame
  | SubscriptionFrame
  | ListenFrame
  | ChildFrame
  | TaskFrame;
