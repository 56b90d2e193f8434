/** What a decision of a schedule gives, and what it may know of the world. */
import type { listensTo } from "./strategy.ts";
import type { NextTime, Occasion, ScheduleDecision, ScheduleState } from "./schedule.ts";

/** Why nothing starts at a time. */
export type Exclusion =
  /** Its day is one of the schedule's own `excludedDates`. */
  | { readonly kind: "dates" }
  /** Its day is one of this calendar. */
  | { readonly kind: "calendar"; readonly name: string }
  /** This calendar is not known now, so the time cannot be decided. */
  | { readonly kind: "unknown"; readonly name: string };

/** When a schedule is due: what `times/` knows of calendars and zones. */
export interface Times {
  /** The first nominal time strictly after `after`; undefined for `after` and `on`, and when none is left. */
  next(
    state: Pick<ScheduleState, "id" | "spec" | "createdAt">,
    after: number,
  ): NextTime | undefined;
  /** An instant as a time of an `after` schedule; undefined beyond its end. */
  at(
    state: Pick<ScheduleState, "id" | "spec" | "createdAt">,
    instant: number,
  ): NextTime | undefined;
  /** Whether the time is left out, by the calendars as they are now. */
  exclusion(state: Pick<ScheduleState, "tenant" | "spec">, nominal: number): Exclusion | undefined;
}

export interface ScheduleEnvironment {
  /** Epoch milliseconds: the owner's reading of database time. */
  readonly now: number;
  readonly times: Times;
  /** Its large values are not there: what is due stays undecided. */
  readonly startsNothing?: boolean;
}

/** An instance to start, of the schedule's workflow. */
export interface ScheduledStart {
  readonly instanceId: string;
  readonly occasion: Occasion;
  /** True when the schedule is to be told of the end. */
  readonly report: boolean;
  /** As it was when the time was decided. */
  readonly spec: ScheduleState["spec"];
}

export interface ScheduleDecided {
  /** Absent when there is none any more. */
  readonly state?: ScheduleState;
  /** True when the state is not the one that came in. */
  readonly changed?: boolean;
  readonly starts?: readonly ScheduledStart[];
  /** Instances to cancel. */
  readonly cancels?: readonly string[];
  readonly decisions?: readonly ScheduleDecision[];
  /** What it listens to, when that is not what it was; nothing: it listens to nothing any more. */
  readonly listens?: ReturnType<typeof listensTo>;
  /** When to ask again; absent when nothing is to come by itself. */
  readonly wakeAt?: number;
  readonly answer: ScheduleAnswer;
}

export type ScheduleAnswer =
  | { readonly kind: "done" }
  /** The command met nothing to act on. */
  | { readonly kind: "ignored" }
  | { readonly kind: "started"; readonly instanceId: string }
  /** There is no such schedule. */
  | { readonly kind: "missing" }
  /** There is one already, or it is a definition's and not the API's to change. */
  | { readonly kind: "conflict"; readonly detail: string };
