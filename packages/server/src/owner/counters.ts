/** What the owner counts; `Runtime.stats()` reads it. */
import type { RuntimeStats } from "../runtime.ts";
import type { Entry, Outcome } from "./entry.ts";
import { Histogram, type HistogramView, MILLISECONDS, SIZES } from "./histogram.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Figures = RuntimeStats["figures"];

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
    instancesHeldUp: 0,
    eventsReceived: 0,
    eventsDuplicate: 0,
    eventsUnmatched: 0,
    eventsMatched: 0,
    eventsDelivered: 0,
    eventsRefused: 0,
  };
  readonly #figures: Readonly<Record<keyof Figures, Histogram>> = {
    commitMs: new Histogram(MILLISECONDS),
    batchTransitions: new Histogram(SIZES),
    timerLatenessMs: new Histogram(MILLISECONDS),
    scheduleLatenessMs: new Histogram(MILLISECONDS),
  };

  measure(figure: keyof Figures, value: number): void {
    this.#figures[figure].observe(value);
  }

  /** @param ms from a schedule's time until its instance started */
  observeScheduleLateness(ms: number): void {
    this.measure("scheduleLatenessMs", Math.max(0, ms));
  }

  decided(entry: Entry, { kind, state }: Outcome): void {
    const { counts } = this;
    const { command } = entry;
    // Only what a schedule's clock started can be late: a trigger is at once, what is filled up is long over.
    if (
      command.kind === "start" &&
      kind === "applied" &&
      command.schedule?.occasion.origin === "time"
    )
      this.observeScheduleLateness((state?.startedAt ?? 0) - command.schedule.dueAt);
    if (kind === "applied") counts.commandsApplied += 1;
    else counts.commandsIgnored += 1;
    if (entry.message !== undefined) counts.inboxConsumed += 1;
    if (entry.timer !== undefined) counts.timersFired += 1;
    if (entry.activity !== undefined && kind !== "applied") counts.activityResultsRefused += 1;
  }

  ended(status: string): void {
    if (status === "completed") this.counts.instancesCompleted += 1;
    else if (status === "faulted") this.counts.instancesFaulted += 1;
    else this.counts.instancesCancelled += 1;
  }

  figures(): Figures {
    const views = Object.entries(this.#figures).map(([name, figure]) => [name, figure.view()]);
    return Object.fromEntries(views) as Record<keyof Figures, HistogramView>;
  }
}
