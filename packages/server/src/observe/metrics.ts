/**
 * What the server counts, as plain calls. Whoever does the work calls these; only `prometheus.ts` knows how they are
 * kept, and nothing loads it where nobody scrapes (`millrace run`, tests). Every call is cheap and never throws.
 * Durations are in seconds, as Prometheus has them.
 */

export interface Metrics {
  /** Instances whose start is now durable. */
  instancesStarted(count: number): void;
  /** An instance reached its final status, durably. */
  instanceEnded(status: "completed" | "faulted" | "cancelled"): void;
  /** One execution of an activity ended; `type` is the effect's (`call:http`, …). */
  activityFinished(type: string, outcome: ActivityOutcome, seconds: number): void;
  /** An activity is executed again because its worker or node was lost. */
  activityRedelivered(type: string): void;
  /** One transaction of the owner's loop committed `commands` commands in `seconds`. */
  batchCommitted(commands: number, seconds: number): void;
  /** Commands accepted and not yet committed. */
  queueDepth(commands: number): void;
  /** A request was turned away because too much is queued. */
  overloaded(): void;
  /** A timer fired `seconds` after its time. */
  timerFired(seconds: number): void;
  /** The reconciler found `count` instances without a wake source and repaired them; `repair` names how. */
  reconcilerRepaired(repair: string, count: number): void;
  /** Partitions this node owns now. */
  partitionsOwned(count: number): void;
  /** Partitions lost to another owner: the fence refused this node's epoch, or its lease ran out. */
  epochsLost(count: number): void;
  /** CloudEvents taken in, and those known already. */
  eventsAccepted(accepted: number, duplicates: number): void;
  /** One HTTP request answered; `route` is the pattern (`/v1/instances/:id`), never the address itself. */
  httpRequest(method: string, route: string, status: number, seconds: number): void;
}

export type ActivityOutcome = "completed" | "failed" | "cancelled";

const ignore = (): void => {};

/** Counts nothing. */
export const noMetrics: Metrics = Object.freeze({
  instancesStarted: ignore,
  instanceEnded: ignore,
  activityFinished: ignore,
  activityRedelivered: ignore,
  batchCommitted: ignore,
  queueDepth: ignore,
  overloaded: ignore,
  timerFired: ignore,
  reconcilerRepaired: ignore,
  partitionsOwned: ignore,
  epochsLost: ignore,
  eventsAccepted: ignore,
  httpRequest: ignore,
});
