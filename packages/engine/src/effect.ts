/** What the engine asks of the world. The owner commits these with the state and lets them out after the commit. */
import type { Deferred, Json, JsonObject } from "@millrace/language";

/**
 * Outside work. `activityId` is unique within the instance. The executor sends `idempotencyKey` along: it is stable
 * across redeliveries *and* across the retries of an enclosing `try`, and differs between loop iterations.
 */
export interface ScheduleActivity {
  readonly kind: "activity.schedule";
  readonly activityId: string;
  readonly idempotencyKey: string;
  /** The task's name and reference, for logs and error instances. */
  readonly name: string;
  readonly reference: string;
  /** Which executor: `call:http`, `call:openapi`, `run:shell`, … */
  readonly type: ActivityType;
  /** The evaluated `with`; what is deferred stands there as it is written. */
  readonly input: JsonObject;
  readonly deferred?: DeferredInput;
  /** The task's transformed input: what simple URI-template names resolve against. */
  readonly data: Json;
  /** For `run:*`: which part of the process's result becomes the output. */
  readonly return?: "stdout" | "stderr" | "code" | "all" | "none";
  /** Epoch milliseconds after which nobody waits for the result (the nearest enclosing timeout), if any. */
  readonly deadline?: number;
}

/**
 * Parts of an activity's input that the executor evaluates, because they name secrets or the call's authorization. Where
 * they are is said here and not in the input, so that no data can pass for one.
 */
export interface DeferredInput {
  readonly parts: readonly Deferred[];
  /** What their expressions see besides `$secrets`, `$authorization` and `.` (the activity's `data`). */
  readonly variables: JsonObject;
  /** Epoch milliseconds: jq's `now`. */
  readonly now: number;
}

export type ActivityType =
  | "call:http"
  | "call:openapi"
  | "call:grpc"
  | "call:asyncapi"
  | "call:mcp"
  | "call:a2a"
  | "call:worker"
  | "run:container"
  | "run:script"
  | "run:shell";

/** The activity may bring its next value: what it brought as `itemId` is done with. */
export interface NextOfActivity {
  readonly kind: "activity.next";
  readonly activityId: string;
  readonly itemId: string;
}
/** The result of this activity is no longer wanted. */
export interface CancelActivity {
  readonly kind: "activity.cancel";
  readonly activityId: string;
}
/** Fire `timer.fired` with this id at or after `at` (epoch milliseconds). Setting an id again replaces its time. */
export interface SetTimer {
  readonly kind: "timer.set";
  readonly timerId: string;
  readonly at: number;
}
export interface ClearTimer {
  readonly kind: "timer.clear";
  readonly timerId: string;
}
/** Start another instance. With `detached` nobody waits for it (`await: false`) and cancelling does not reach it. */
export interface StartChild {
  readonly kind: "child.start";
  readonly childId: string;
  readonly namespace: string;
  readonly name: string;
  /** A version, or `latest`. */
  readonly version: string;
  readonly input: Json;
  readonly detached: boolean;
  readonly depth: number;
}
export interface CancelChild {
  readonly kind: "child.cancel";
  readonly childId: string;
}
/** Publish a CloudEvent (all required attributes present). */
export interface EmitEvent {
  readonly kind: "event.emit";
  readonly event: JsonObject;
  /** The frame of the task that emits it. */
  readonly occurrence: string;
}
/**
 * Deliver events that pass one of these filters. Setting an id again replaces what was set. `subscriptionId` is unique in the
 * instance and never used again after its `subscription.clear`.
 */
export interface SetSubscription {
  readonly kind: "subscription.set";
  readonly subscriptionId: string;
  readonly filters: readonly SubscribedFilter[];
}
export interface SubscribedFilter {
  /** The `id` of one of the program's event filters. */
  readonly filter: string;
  /**
   * What the event's correlation values must be: of every name of the filter, or absent as long as one is not fixed (and for
   * a filter that has none).
   */
  readonly keys?: Readonly<Record<string, Json>>;
}
export interface ClearSubscription {
  readonly kind: "subscription.clear";
  readonly subscriptionId: string;
}
/** These delivered events were taken and not used after all: a later `listen` of the instance may have them. */
export interface ReturnEvents {
  readonly kind: "event.returned";
  readonly seqs: readonly number[];
}

export type Effect =
  | ScheduleActivity
  | NextOfActivity
  | CancelActivity
  | SetTimer
  | ClearTimer
  | StartChild
  | CancelChild
  | EmitEvent
  | SetSubscription
  | ClearSubscription
  | ReturnEvents;
