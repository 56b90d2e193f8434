/** What the owner counts; `Runtime.stats()` reads it. */
import type { RuntimeStats } from "../runtime.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Counters {
  readonly counts: Mutable<RuntimeStats["counters"]> = {
    instancesStarted: 0,
    instancesCompleted: 0,
    instancesFaulted: 0,
    instancesCancelled: 0,
    commandsApplied: 0,
    commandsIgnored: 0,
    commits: 0,
    commitFailures: 0,
    commitsUnknown: 0,
    transitions: 0,
    activitiesStarted: 0,
    activitiesCompleted: 0,
    activitiesFailed: 0,
    activitiesRedelivered: 0,
    activityResultsRefused: 0,
    timersFired: 0,
    inboxConsumed: 0,
    startsOverloaded: 0,
    reconcilerRepairs: 0,
    leasesLost: 0,
  };
  readonly commitMs = { count: 0, sum: 0, max: 0 };
  readonly timerLatenessMs = { count: 0, sum: 0, max: 0 };

  measure(latency: "commitMs" | "timerLatenessMs", value: number): void {
    const figure = this[latency];
    figure.count += 1;
    figure.sum += value;
    figure.max = Math.max(figure.max, value);
  }
}
