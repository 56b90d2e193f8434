/**
 * A schedule: what starts instances of a workflow, and when. Plain JSON throughout: a schedule's state is its row.
 *
 * Instants are epoch milliseconds, durations milliseconds.
 */
import type { Status, StrategyState, TraceContext } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";

export type ScheduleTrigger =
  /** Wall-clock times in the time zone; the dialect of `packages/language/src/cron`. */
  | { readonly kind: "cron"; readonly expression: string }
  /** The first at `startAt`, else one interval after the creation. */
  | { readonly kind: "every"; readonly milliseconds: number }
  /** So long after the last instance has ended, however it ended; the first at the creation, or at `startAt`. */
  | { readonly kind: "after"; readonly milliseconds: number }
  /** Events, as `listen.to` has them (DSL reference "Event Consumption Strategy"). */
  | { readonly kind: "on"; readonly strategy: JsonObject; readonly read: EventRead };
export type EventRead = "data" | "envelope" | "raw";

/** What is done with a time that comes while an instance that the schedule started has not ended. */
export type Overlap =
  /** The time is passed over. */
  | "skip"
  /** One time waits for the end; further ones are passed over. */
  | "bufferOne"
  /** Times wait in order, at most {@link MOST_BUFFERED}. */
  | "bufferAll"
  /** What runs is cancelled; the time waits until it has ended. A time that waits already gives way to the newer. */
  | "cancelOther"
  /** What runs is cancelled and the new instance starts at once. */
  | "terminateOther"
  | "allow";
export const MOST_BUFFERED = 1_000;
/** Characters of JSON that the events of buffered times have together. */
export const MOST_BUFFERED_SIZE = 64 * 1024 * 1024;

/** What is done with times that are more than {@link GRACE} late, because no server ran or the clock was set. */
export type CatchUp = "none" | "last" | "all";
/** Later than this a time counts as missed; a fail-over takes less. */
export const GRACE = 30_000;

export interface ScheduleSpec {
  readonly workflow: {
    readonly namespace: string;
    readonly name: string;
    /** The newest when absent. */
    readonly version?: string;
  };
  readonly input: Json;
  readonly trigger: ScheduleTrigger;
  /** IANA name. */
  readonly timeZone: string;
  readonly dstGap: "run" | "skip";
  readonly dstOverlap: "first" | "second" | "both";
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  readonly catchUpWindow: number;
  readonly jitter: number;
  readonly startAt?: number;
  readonly endAt?: number;
  /** So many instances in a row that fault pause the schedule. */
  readonly pauseAfterFailures?: number;
  /** `YYYY-MM-DD`, `YYYY-MM-DD/YYYY-MM-DD` (both included) or `--MM-DD` (every year), in the time zone. */
  readonly excludedDates: readonly string[];
  /** Names of calendars of the tenant, whose days are excluded too. None when absent. */
  readonly calendars?: readonly string[];
  /** 0 … 4; the workflow's own when absent. */
  readonly priority?: number;
}

/** What a spec has when its author says nothing. */
export const DEFAULTS = {
  timeZone: "UTC",
  dstGap: "run",
  dstOverlap: "first",
  overlap: "skip",
  catchUp: "last",
  catchUpWindow: 86_400_000,
  jitter: 0,
  excludedDates: [],
} as const satisfies Partial<ScheduleSpec>;

/** Why an instance was started: by its time, by hand, by a backfill, by events. */
export type Origin = "time" | "trigger" | "backfill" | "event";

/** One time that has been decided to run. */
export interface Occasion {
  readonly origin: Origin;
  /** The time it stands for. */
  readonly nominal: number;
  /** When it was to happen: the nominal time with its jitter. */
  readonly dueAt: number;
  /** Tells occasions of one time apart: of a trigger its request, of events their identity. */
  readonly key?: string;
  /** Instead of the spec's. */
  readonly input?: Json;
  /** Characters that `input` has as JSON, about, where it may be large: that of events. */
  readonly size?: number;
  /** Of the event that starts it: the last of its set that has one. */
  readonly trace?: TraceContext;
}

/** A stretch of past times to start instances for. */
export interface Backfill {
  readonly id: string;
  /** Nominal times after this … */
  readonly after: number;
  /** … up to and including this. */
  readonly until: number;
  readonly overlap: "allow" | "bufferAll";
}

/** Events that belong together, as they are handed on, and what their strategy makes of them. */
export interface EventGroup {
  readonly state: StrategyState;
  readonly events: readonly Json[];
  /** Characters that the events have as JSON. */
  readonly size?: number;
  /** Of the last event that had one. */
  readonly trace?: TraceContext;
}

export interface NextTime {
  readonly nominal: number;
  readonly dueAt: number;
}

export interface ScheduleState {
  readonly v: 1;
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  /** Made through the API, or by a definition that was applied. */
  readonly source: "api" | "definition";
  readonly spec: ScheduleSpec;
  /** Of the request that made it. */
  readonly token: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly paused?: {
    readonly at: number;
    readonly note?: string;
    readonly by: "user" | "failures";
  };
  /** Every nominal time up to this one is decided. */
  readonly decided: number;
  /** The next to decide, unless it is paused; absent when it is over, and when an end or an event is waited for. */
  readonly next?: NextTime;
  /** Started and not known to have ended, where the policies need to know. */
  readonly running: readonly { readonly instanceId: string; readonly nominal: number }[];
  /** Times that wait for `running` to end. */
  readonly buffer: readonly Occasion[];
  readonly backfills: readonly Backfill[];
  /** Instances in a row that faulted. */
  readonly failures: number;
  /** For `after`: when the last instance ended. */
  readonly lastEnd?: number;
  /** The last triggers, the oldest first: one that is repeated before the first is to be seen meets it. */
  readonly triggers?: readonly { readonly key: string; readonly at: number }[];
  /** For `on`: sets of events that are not complete, the oldest first. */
  readonly groups?: readonly EventGroup[];
}

/** Why a time started nothing. */
export type SkipReason =
  | "overlap"
  | "buffer-full"
  /** A newer time took its place: after a downtime (`catchUp: last`), or in the buffer. */
  | "superseded"
  /** It came too late, and the schedule does not catch up. */
  | "missed"
  /** It came later than the catch-up window. */
  | "outside-window"
  | "excluded"
  | "paused"
  /** The schedule was deleted, or has another workflow now, while the time waited. */
  | "withdrawn"
  /** There is no such workflow, or its definition no longer compiles. */
  | "unknown-workflow";

/** What became of a time, or of a stretch of times with the same reason. */
export interface ScheduleDecision {
  readonly origin: Origin;
  readonly nominal: number;
  /** See {@link Occasion}. */
  readonly key?: string;
  /** Of several times, the last, and how many they are where they were counted. */
  readonly until?: number;
  readonly count?: number;
  readonly outcome: "started" | "skipped";
  readonly reason?: SkipReason;
  readonly instanceId?: string;
  readonly detail?: string;
  readonly at: number;
}

/** How an instance that a schedule started ended; `refused`: it never started; `unknown`: it exists and reports nothing. */
export type EndStatus =
  | Extract<Status, "completed" | "faulted" | "cancelled">
  | "refused"
  | "unknown";

export type ScheduleCommand =
  | {
      readonly kind: "schedule.put";
      readonly tenant: string;
      readonly name: string;
      readonly source: "api" | "definition";
      readonly spec: ScheduleSpec;
      /** `create` refuses one that exists, `update` one that does not. */
      readonly mode: "create" | "update" | "either";
      /** Of this request: tried again, a creation meets what it made. */
      readonly token: string;
      readonly paused?: { readonly note?: string };
    }
  | { readonly kind: "schedule.pause"; readonly note?: string }
  | { readonly kind: "schedule.resume"; readonly note?: string }
  | {
      readonly kind: "schedule.trigger";
      readonly key: string;
      /** When it was asked for: tried again, the command meets what it started. */
      readonly at: number;
      readonly input?: Json;
    }
  | {
      readonly kind: "schedule.backfill";
      readonly id: string;
      readonly from: number;
      readonly until: number;
      readonly overlap: "allow" | "bufferAll";
    }
  | { readonly kind: "schedule.delete"; readonly source?: "definition" }
  /** Its time has come, or the time to go on with what is left. */
  | { readonly kind: "timer.fired"; readonly timerId: string }
  | {
      readonly kind: "schedule.ended";
      readonly instanceId: string;
      readonly occasion: Pick<Occasion, "origin" | "nominal" | "key">;
      readonly status: EndStatus;
      readonly detail?: string;
    }
  | { readonly kind: "event.delivered"; readonly seq: number; readonly event: JsonObject };

/** The id of the one timer of a schedule. */
export const SCHEDULE_TIMER = "S";
