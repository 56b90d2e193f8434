/** What a user can do to schedules; part of the {@link Runtime}. */
import type { Json } from "@millrace/language";
import type { Page, PageRequest } from "../runtime.ts";
import type { ShownValue } from "../runtime/described.ts";
import type { NextTime, ScheduleDecision, ScheduleSpec, ScheduleState } from "./schedule.ts";

export interface ScheduleName {
  readonly tenant?: string;
  readonly name: string;
}

/** A schedule as it stands. */
export type ScheduleView = Omit<
  ScheduleState,
  "v" | "tenant" | "groups" | "token" | "triggers" | "lastEnd" | "next"
> & {
  readonly next?: NextTime & Excluded;
  /** Large values that were not loaded: `null` stands for each. Absent when there are none. */
  readonly payloads?: readonly ShownValue[];
};

/** Whether a day is left out, by the calendars as they are now. */
export interface Excluded {
  /** Nothing starts. */
  readonly excluded: boolean;
  /** The calendar that says so; absent when it is the schedule's own `excludedDates`. */
  readonly calendar?: string;
}

/** Days on which the schedules that refer to it start nothing. */
export interface CalendarView {
  readonly name: string;
  readonly title?: string;
  /** `YYYY-MM-DD`, `YYYY-MM-DD/YYYY-MM-DD` (both included) or `--MM-DD` (every year). */
  readonly dates: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
}
export interface CalendarSummary extends Omit<CalendarView, "dates"> {
  /** How many entries it has. */
  readonly entries: number;
}
export interface CalendarName {
  readonly tenant?: string;
  readonly name: string;
}

/** Methods reject with a `RuntimeError`: `not-found` (subject calendar), `unavailable`. */
export interface CalendarService {
  /**
   * Makes a calendar, or replaces it for every time that is decided from now on.
   * @throws {RuntimeError} `invalid-calendar` with its issues
   */
  putCalendar(
    request: CalendarName & { readonly title?: string; readonly dates: readonly string[] },
  ): Promise<{ readonly created: boolean; readonly calendar: CalendarView }>;
  getCalendar(request: CalendarName): Promise<CalendarView>;
  /** By name. */
  listCalendars(
    request: PageRequest & { readonly tenant?: string },
  ): Promise<Page<CalendarSummary>>;
  /** @throws {RuntimeError} `conflict` that names a schedule which refers to it */
  deleteCalendar(request: CalendarName): Promise<void>;
}

/** A time and when it would start: later by the jitter. */
export interface PreviewedTime extends Excluded {
  readonly nominal: number;
  readonly dueAt: number;
}

/**
 * Specs are as `readSpec` gives them, which is where they are checked.
 *
 * Methods reject with a `RuntimeError`: `not-found` (subject schedule, workflow), `conflict` (it exists, or the definition
 * has made it), `overloaded`, `unavailable`, `not-owner`; what takes a spec also with `invalid-schedule` when there is no
 * calendar of a name that it refers to.
 */
export interface Schedules extends CalendarService {
  /** Resolves when the schedule is durable. */
  createSchedule(
    request: ScheduleName & {
      readonly spec: ScheduleSpec;
      readonly paused?: { readonly note?: string };
    },
  ): Promise<ScheduleView>;
  /**
   * Replaces the spec. Times that were due before are decided by the old one, all later ones by the new; times that wait in
   * the buffer stay, unless the workflow is another.
   */
  updateSchedule(request: ScheduleName & { readonly spec: ScheduleSpec }): Promise<ScheduleView>;
  /** Whole. @throws {PayloadError} when a large value of it cannot be had */
  getSchedule(request: ScheduleName): Promise<ScheduleView>;
  /** By name, without their large values. */
  listSchedules(
    request: PageRequest & {
      readonly tenant?: string;
      readonly namespace?: string;
      readonly workflow?: string;
      readonly paused?: boolean;
    },
  ): Promise<Page<ScheduleView>>;
  /** What runs goes on; what waits in the buffer is withdrawn. */
  deleteSchedule(request: ScheduleName): Promise<void>;
  /**
   * A paused schedule starts nothing by itself; triggers and backfills still do. Pausing again changes the note. One whose
   * large values cannot be had is paused, and deleted, without them: times that are due by then count as not decided.
   */
  pauseSchedule(request: ScheduleName & { readonly note?: string }): Promise<ScheduleView>;
  /** Times while it was paused are on record as passed over. */
  resumeSchedule(request: ScheduleName & { readonly note?: string }): Promise<ScheduleView>;
  /**
   * Starts an instance now, whatever runs.
   * @param request.key the same key starts one instance only
   */
  triggerSchedule(
    request: ScheduleName & { readonly key?: string; readonly input?: Json },
  ): Promise<{ readonly instanceId: string; readonly created: boolean }>;
  /**
   * Starts an instance for each nominal time from `from` to `until` (both included) that has none.
   * @throws {RuntimeError} `invalid-input` for a stretch with more than 100,000 times, or one in the future
   */
  backfillSchedule(
    request: ScheduleName & {
      readonly from: number;
      readonly until: number;
      readonly overlap?: "allow" | "bufferAll";
    },
  ): Promise<{ readonly times: number }>;
  /** The next times after `after` (now when absent), at most `count`. */
  previewSchedule(
    request: ScheduleName & { readonly after?: number; readonly count: number },
  ): Promise<readonly PreviewedTime[]>;
  /** The same of a spec that no schedule has yet. */
  previewSpec(
    spec: ScheduleSpec,
    after: number | undefined,
    count: number,
  ): Promise<readonly PreviewedTime[]>;
  /** Newest first. */
  listDecisions(
    request: ScheduleName & PageRequest & { readonly outcome?: "started" | "skipped" },
  ): Promise<Page<ScheduleDecision>>;
}
