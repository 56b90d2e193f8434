/**
 * A task: one attempt of an activity that a remote worker is to do.
 *
 *              poll                    complete, fail               settled
 *   waiting ──────────▶ leased ──────────────────────▶ reported ──────────────▶ gone
 *      ▲                   │
 *      └───────────────────┘
 *     the lease ended, or the worker gave it back       after `maxDeliveries` leases that ended: given up ── settled ──▶ gone
 *
 * A *lease* is known by its token, which only the worker that got it has. It is renewed by every sign of life of the worker
 * (heartbeat, checkpoint) and ends when there was none for its length; then the task waits again, at the front, and whoever
 * takes it next gets a token of its own. So of two workers that both believe to have a task, the one with the older token is
 * refused, and nothing that it says has an effect.
 *
 * A task whose large values cannot be had when it is taken goes *aside*: others go before it, and it waits again after a pause.
 *
 * *Reported* is a result that is on its way into the instance: the worker is answered when it is known whether it is there
 * durably. In every state the task may be *withdrawn*: the instance waits no longer for it (cancelled, timed out), or another
 * node owns it. The worker is told so when it asks next.
 *
 * *Given up* is a task whose workers have died under it too often: an error is on its way into the instance in place of a result.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "@millrace/language";
import type { ActivityRequest } from "../activities/executor.ts";
import type { Queued } from "../owner/fair-queue.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Work } from "./work.ts";

export interface Task {
  readonly request: ActivityRequest;
  readonly work: Work;
  readonly partition: number;
  /** Times it was given to a worker here. */
  deliveries: number;
  /** Times in a row that its large values could not be had. */
  failures: number;
  /**
   * Leases of this activity that ended without a sign of life of the worker; those under earlier owners are known when the
   * checkpoint is.
   */
  expiries: number;
  state: State;
  /** The latest of the chain that is durable: `null` for none, undefined while that is not known. */
  checkpoint: Checkpoint | null | undefined;
  queued: Queued<Task> | undefined;
  readonly resolve: (output: Json) => void;
  readonly reject: (failure: unknown) => void;
}

export type State =
  | { readonly kind: "waiting" }
  | Aside
  | Lease
  | Reported
  | { readonly kind: "given-up" };

/** Its large values could not be had: it waits for another try, and is in no queue meanwhile. */
export interface Aside {
  readonly kind: "aside";
  readonly cancelTimer: () => void;
}

export interface Lease {
  readonly kind: "leased";
  readonly token: string;
  /** Who has it, with the tenant. */
  readonly worker: string;
  /** The worker was sent the task: until then it can give no sign of life. */
  handed: boolean;
  /** By the monotonic clock. */
  until: number;
  cancelTimer: () => void;
}

export interface Reported {
  readonly kind: "reported";
  readonly token: string;
  readonly worker: string;
  /** False for a failure. */
  readonly completed: boolean;
  /** Resolves with whether the instance has the result durably. */
  readonly settled: Promise<boolean>;
  readonly settle: (taken: boolean) => void;
}

/** Unique among the activities of all instances. */
export function taskName({
  instanceId,
  activityId,
}: Pick<ActivityRequest, "instanceId" | "activityId">): string {
  return `${instanceId}/${activityId}`;
}

/** The chain of attempts that share checkpoints: deliveries of an activity, and its runs by an enclosing `try`. */
export function chainOf({ request }: Task): string {
  return request.idempotencyKey;
}

/** What a worker knows it by. */
export function tokenOf({ state }: Task): string | undefined {
  return "token" in state ? state.token : undefined;
}

const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** Milliseconds until a task whose large values could not be had waits for a worker again: twice as long each time. */
export function pauseOf({ failures }: Task): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1));
}

/** Tells nobody anything but the partition, which says of any server whether the task can be there. */
export function newToken(partition: number): string {
  return `${partition}.${randomBytes(16).toString("base64url")}`;
}

/** @param token one that satisfies the API's schema */
export function partitionOfToken(token: string): number {
  return Number.parseInt(token, 10);
}
