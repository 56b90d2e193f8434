/** The port between the owner of an instance and whatever does its outside work. */
import type { ActivityType, DeferredInput, TraceContext, WorkflowError } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";

/** One attempt of one activity. */
export interface ActivityRequest {
  readonly tenant: string;
  readonly instanceId: string;
  readonly workflow: {
    readonly namespace: string;
    readonly name: string;
    readonly version: string;
  };
  /** The instance's, 0 (first) … 4 (last); 2 when absent. */
  readonly priority?: number | undefined;
  /** Unique within the instance. */
  readonly activityId: string;
  /** 1 for the first delivery; a redelivery after a crash is one higher. */
  readonly attempt: number;
  /** Stable across redeliveries and across retries of an enclosing `try`. Unique within the tenant. */
  readonly idempotencyKey: string;
  readonly type: ActivityType;
  /** The task's name and reference (`/do/0/getPet`), for logs and error instances. */
  readonly name: string;
  readonly reference: string;
  /** The evaluated `with`. */
  readonly input: JsonObject;
  /** Parts of `input` that are evaluated before the executor of the type sees it. */
  readonly deferred?: DeferredInput;
  /** The task's transformed input: what simple URI-template names resolve against. */
  readonly data: Json;
  /** For `run:*`: which part of the process's result becomes the output. */
  readonly return?: "stdout" | "stderr" | "code" | "all" | "none";
  /** Epoch milliseconds after which nobody waits for the result. */
  readonly deadline?: number;
  /** What goes along with requests: as the instance was started with, or where traces are kept, the attempt's own. */
  readonly trace?: TraceContext;
  /**
   * For work of a remote worker: the same with its large values, where `null` stands for them here.
   * @throws {PayloadError} they cannot be had, at this time or at all
   */
  readonly whole?: () => Promise<ActivityRequest>;
}

/** The one terminal result of an attempt. */
export type ActivityResult = { readonly output: Json } | { readonly error: WorkflowError };

/**
 * Gives the instance a value while the activity goes on (a message of a subscription). Resolves when the instance has it
 * durably and has dealt with it: `more` when another is wanted, `enough` when the activity is to end. Rejects when the
 * activity is over and it is not known that the instance has the value: it must not be acknowledged. One at a time.
 */
export type Feed = (item: Json) => Promise<"more" | "enough">;

/** Work that a remote worker takes over HTTP (`call: worker`): it takes no place among what is executed here. */
export function isRemote({ type }: Pick<ActivityRequest, "type">): boolean {
  return type === "call:worker";
}

export type ActivityName = Pick<ActivityRequest, "instanceId" | "activityId">;

/** What remote workers do, as the dispatcher sees it: their executor gives results like any other. */
export interface RemoteWork {
  /** A worker has the activity now, or what came of it is on its way into the instance. */
  holds(activity: ActivityName): boolean;
  /**
   * What became of the result that the executor gave.
   * @param taken the instance has it durably; else it changed nothing
   */
  settled(activity: ActivityName & Pick<ActivityRequest, "attempt">, taken: boolean): void;
  /** Other nodes own these partitions: results that are not settled yet never will be. */
  lost(partitions: ReadonlySet<number>): void;
  /** This node stops: what is aborted from now on, another node delivers again. */
  stopping(): void;
}

export interface ActivityExecutor {
  /**
   * Does the work. Resolves with an error of the workflow (never rejects for one): a rejection is a fault of the
   * executor itself and becomes a standard `runtime` error.
   * @param signal aborts when the result is no longer wanted (cancelled, instance ended, server stopping); what is
   *   returned after that is dropped
   */
  execute(request: ActivityRequest, signal: AbortSignal, feed: Feed): Promise<ActivityResult>;
}
