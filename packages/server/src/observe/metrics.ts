/**
 * What is counted at the server's edges, as plain calls; what the runtime counts itself comes from `Runtime.stats()`.
 * Only `prometheus.ts` knows how the figures are kept, and nothing loads it where nobody scrapes. Every call is cheap
 * and never throws. Durations are in seconds, as Prometheus has them.
 */

import type { BreakerState } from "../activities/egress/breaker.ts";

export type ActivityOutcome = "completed" | "failed" | "cancelled";

export interface Metrics {
  /** One execution of an activity ended; `type` is the effect's (`call:http`, …). */
  activityFinished(type: string, outcome: ActivityOutcome, seconds: number): void;
  /** A circuit breaker has gone from one state to another; all begin `closed`. */
  breakerChanged(from: BreakerState, to: BreakerState): void;
  /** CloudEvents taken in, and those known already. */
  eventsAccepted(accepted: number, duplicates: number): void;
  /** One HTTP request answered; `route` is the pattern (`/v1/instances/:id`), never the address itself. */
  httpRequest(method: string, route: string, status: number, seconds: number): void;
}

const ignore = (): void => {};

/** Counts nothing. */
export const noMetrics: Metrics = Object.freeze({
  activityFinished: ignore,
  breakerChanged: ignore,
  eventsAccepted: ignore,
  httpRequest: ignore,
});
