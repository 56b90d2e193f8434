/** What can happen to an instance from outside. Every command is a plain JSON object. */
import type { Json, JsonObject } from "@millrace/language";
import type { WorkflowError } from "./error.ts";

/** The first command of an instance; meets `undefined` as state. */
export interface StartCommand {
  readonly kind: "start";
  readonly instanceId: string;
  /** Raw workflow input. */
  readonly input: Json;
  /** 0 (first) … 4 (last); the workflow's own when absent, and 2 when that has none. */
  readonly priority?: number | undefined;
  /** Present when another instance's `run: workflow` started this one. */
  readonly parent?: ParentLink;
  /** What the instance is part of, if whoever started it said so. */
  readonly trace?: TraceContext;
  /** Present when a schedule started this one. */
  readonly schedule?: ScheduleLink;
}

/** Of the caller's span (W3C Trace Context), passed on and never looked into. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Which schedule started an instance, and for which time. */
export interface ScheduleLink {
  readonly id: string;
  readonly occasion: {
    readonly origin: "time" | "trigger" | "backfill" | "event";
    /** Epoch milliseconds. */
    readonly nominal: number;
    readonly key?: string;
  };
  /** Epoch milliseconds at which it was to start. */
  readonly dueAt: number;
  /** The schedule is to be told of the end. */
  readonly report: boolean;
}

export interface ParentLink {
  readonly instanceId: string;
  /** The parent's local name of this child, as in its `child.start` effect. */
  readonly childId: string;
  /** 1 for a child of a top-level instance. */
  readonly depth: number;
}

/** The single terminal result of an activity. A result for an activity that is not live changes nothing. */
export interface ActivityCompletedCommand {
  readonly kind: "activity.completed";
  readonly activityId: string;
  readonly output: Json;
}
export interface ActivityFailedCommand {
  readonly kind: "activity.failed";
  readonly activityId: string;
  readonly error: WorkflowError;
}
/**
 * One of many values that an activity brings before it ends. It brings the next when it is asked to (effect
 * `activity.next`), and ends when it is cancelled or has no more.
 */
export interface ActivityItemCommand {
  readonly kind: "activity.item";
  readonly activityId: string;
  /** Tells a value that comes a second time from the next one. */
  readonly itemId: string;
  readonly item: Json;
}
/**
 * An event came for which a subscription of the instance is set. It is offered to every `listen` that waits; when none takes
 * it, nothing is applied and the event is as if it had not been delivered.
 */
export interface EventDeliveredCommand {
  readonly kind: "event.delivered";
  /** Which event: its number where it was received, unique among all that this instance is ever sent. */
  readonly seq: number;
  /** A CloudEvent in JSON. */
  readonly event: JsonObject;
}
export interface TimerFiredCommand {
  readonly kind: "timer.fired";
  readonly timerId: string;
}
/** A child instance reached a terminal status. */
export interface ChildFinishedCommand {
  readonly kind: "child.finished";
  readonly childId: string;
  readonly result:
    | { readonly status: "completed"; readonly output: Json }
    | { readonly status: "faulted" | "cancelled"; readonly error: WorkflowError };
}
export interface CancelCommand {
  readonly kind: "cancel";
  readonly reason?: string;
}
export interface SuspendCommand {
  readonly kind: "suspend";
  readonly reason?: string;
}
export interface ResumeCommand {
  readonly kind: "resume";
}

/**
 * A faulted instance goes on from the task that failed, or from another of its list or of a list around it. One that was
 * applied already meets nothing to act on.
 */
export interface RetryCommand {
  readonly kind: "retry";
  /** Unique to the command. */
  readonly retryId: string;
  /** A task's name or reference; absent: the tasks that were under way. */
  readonly from?: string;
  /** The raw input of the task it goes on from, in place of what that had. */
  readonly input?: Json;
}

export type Command =
  | StartCommand
  | ActivityCompletedCommand
  | ActivityFailedCommand
  | ActivityItemCommand
  | EventDeliveredCommand
  | TimerFiredCommand
  | ChildFinishedCommand
  | CancelCommand
  | SuspendCommand
  | ResumeCommand
  | RetryCommand;
