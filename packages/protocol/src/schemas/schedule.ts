import { type Static, Type } from "typebox";
import type { JsonObject } from "../json.ts";
import { PRIORITY_NAMES } from "../priority.ts";
import {
  Cursor,
  InstanceId,
  json,
  largeValues,
  Limit,
  Name,
  Namespace,
  NextCursor,
  ref,
  timestamp,
  Version,
} from "./common.ts";

export const ScheduleName = Type.String({
  pattern: "^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,126}[a-zA-Z0-9])?$",
  description:
    "The schedule's name. A definition's own schedule is called `NAMESPACE.NAME` after its workflow.",
  examples: ["nightly-report"],
});

function words<const Word extends string>(values: readonly Word[], description: string) {
  return Type.Unsafe<Word>({ type: "string", enum: [...values], description });
}

/** DSL reference "Duration". */
function duration(description: string) {
  return Type.Unsafe<
    | string
    | {
        readonly days?: number;
        readonly hours?: number;
        readonly minutes?: number;
        readonly seconds?: number;
        readonly milliseconds?: number;
      }
  >({
    anyOf: [{ type: "string" }, { type: "object" }],
    description: `${description} (ISO 8601, or an object of days, hours, minutes, seconds, milliseconds.)`,
    examples: ["PT15M", { minutes: 15 }],
  });
}

/** In answers: always as text. */
function isoDuration(description: string) {
  return Type.String({ description: `${description} (ISO 8601.)`, examples: ["PT15M"] });
}

const workflow = Type.Object(
  { namespace: Namespace, name: Name, version: Type.Optional(Version) },
  {
    additionalProperties: false,
    description: "What to start; the newest version unless one is given.",
  },
);

const shared = {
  workflow,
  input: Type.Optional(
    json("The raw input of the instances; `{}` when absent. With `on` it is the list of events."),
  ),
  cron: Type.Optional(
    Type.String({
      description:
        "Trigger: a cron expression of five fields, or six with seconds first, or `@daily` and the like, in the time zone.",
      examples: ["0 9 * * MON-FRI"],
    }),
  ),
  on: Type.Optional(
    Type.Unsafe<JsonObject>({
      type: "object",
      additionalProperties: true,
      description: "Trigger: events, as `listen.to` of the DSL has them.",
    }),
  ),
  read: Type.Optional(
    words(["data", "envelope", "raw"], "What of the events becomes the input; needs `on`."),
  ),
  timeZone: Type.Optional(
    Type.String({
      default: "UTC",
      description: "IANA name of the time zone.",
      examples: ["Europe/Lisbon"],
    }),
  ),
  dstGap: Type.Optional(
    words(
      ["run", "skip"],
      "A time that the clock leaves out when it goes forward: run once right after it (default), or skip.",
    ),
  ),
  dstOverlap: Type.Optional(
    words(
      ["first", "second", "both"],
      "A time that the clock shows twice when it goes back: which of the two runs; first by default.",
    ),
  ),
  overlap: Type.Optional(
    words(
      ["skip", "bufferOne", "bufferAll", "cancelOther", "terminateOther", "allow"],
      "A time that comes while an instance of the schedule runs; skip by default, allow with `on`.",
    ),
  ),
  catchUp: Type.Optional(
    words(["none", "last", "all"], "Times missed in a downtime; the last by default."),
  ),
  startAt: Type.Optional(timestamp("No times before this")),
  endAt: Type.Optional(timestamp("No times after this")),
  pauseAfterFailures: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: "Pause after so many instances in a row that faulted; never by default.",
    }),
  ),
  excludedDates: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: 1_000,
      description:
        "Days without times, in the time zone: `YYYY-MM-DD`, `FROM/UNTIL`, both included, or `--MM-DD` of every year.",
      examples: [["2026-12-25", "2026-12-31/2027-01-01", "--05-01"]],
    }),
  ),
  calendars: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: 20,
      description:
        "Names of calendars: on their days nothing starts either. A change of a calendar applies to every time that is decided after it.",
      examples: [["holidays"]],
    }),
  ),
  priority: Type.Optional(
    words(PRIORITY_NAMES, "Of the instances, P0 first; the workflow's own when absent."),
  ),
};

/** The four durations, in the form that `duration` gives them. */
function durations<Schema extends ReturnType<typeof duration | typeof isoDuration>>(
  form: (description: string) => Schema,
) {
  return {
    every: Type.Optional(
      form(
        "Trigger: this interval; the first time at `startAt`, else one interval after the creation.",
      ),
    ),
    after: Type.Optional(
      form("Trigger: so long after the last instance has ended, however it ended."),
    ),
    catchUpWindow: Type.Optional(
      form("Missed times older than this are not caught up; P1D by default."),
    ),
    jitter: Type.Optional(
      form("Each time starts later by up to this, always the same for the same time."),
    ),
  };
}

/** What a schedule is to do, as users write it: exactly one of `cron`, `every`, `after`, `on`. */
const spec = { ...shared, ...durations(duration) };

export const ScheduleSpec = Type.Object(spec, {
  $id: "ScheduleSpec",
  additionalProperties: false,
  description: "What a schedule starts and when: exactly one of `cron`, `every`, `after`, `on`.",
});
export type ScheduleSpec = Static<typeof ScheduleSpec>;

const paused = Type.Optional(
  Type.Object(
    { note: Type.Optional(Type.String({ maxLength: 1024 })) },
    { additionalProperties: false, description: "Given, the schedule starts out paused." },
  ),
);

export const ScheduleCreate = Type.Object(
  { name: ScheduleName, paused, ...spec },
  {
    $id: "ScheduleCreate",
    additionalProperties: false,
    description: "A schedule to be made: its name, and what a `ScheduleSpec` has.",
  },
);
export type ScheduleCreate = Static<typeof ScheduleCreate>;

const nominal = timestamp("The time that the schedule names");
const dueAt = timestamp("When it starts: the nominal time with its jitter");
/** By the calendars as they are now. */
const exclusion = {
  excluded: Type.Boolean({ description: "On an excluded day: nothing starts." }),
  calendar: Type.Optional(
    Type.String({
      description:
        "The calendar whose day it is; absent when the schedule's own `excludedDates` say it.",
    }),
  ),
};
const origin = words(
  ["time", "trigger", "backfill", "event"],
  "Started by its time, by hand, by a backfill, or by events.",
);

export const Schedule = Type.Object(
  {
    name: ScheduleName,
    id: Type.String({ description: "The schedule's id: a ULID." }),
    source: words(
      ["api", "definition"],
      "Made through the API, or by a definition that was applied.",
    ),
    createdAt: timestamp("When it was made"),
    updatedAt: timestamp("When it last changed, by a time that was decided, too"),
    spec: Type.Object(
      { ...shared, ...durations(isoDuration) },
      { description: "What it is to do, with every default; an update takes it back as it is." },
    ),
    paused: Type.Optional(
      Type.Object(
        {
          at: timestamp("When it was paused"),
          note: Type.Optional(Type.String({ description: "Why." })),
          by: words(["user", "failures"], "By whom: a user, or `pauseAfterFailures`."),
        },
        { description: "Present while it is paused." },
      ),
    ),
    next: Type.Optional(
      Type.Object(
        { nominal, dueAt, ...exclusion },
        {
          description:
            "The next time; absent when paused, over, or waiting for an end or an event.",
        },
      ),
    ),
    running: Type.Array(Type.Object({ instanceId: InstanceId, nominal }), {
      description: "Instances not known to have ended, where the policies need to know.",
    }),
    buffered: Type.Integer({ minimum: 0, description: "Times that wait for those to end." }),
    backfills: Type.Array(
      Type.Object({
        id: Type.String({ description: "The backfill's id." }),
        after: timestamp("Times after this are still to be started"),
        until: timestamp("Up to and including this"),
        overlap: words(["allow", "bufferAll"], "At once, or one after the other."),
      }),
      { description: "Backfills under way." },
    ),
    failures: Type.Integer({ minimum: 0, description: "Instances in a row that faulted." }),
    payloads: largeValues("schedule", "/spec/input/scan"),
  },
  { $id: "Schedule", description: "A schedule as it stands." },
);
export type Schedule = Static<typeof Schedule>;

export const ScheduleList = Type.Object(
  { items: Type.Array(ref(Schedule)), nextCursor: Type.Optional(NextCursor) },
  { $id: "ScheduleList", description: "A page of schedules, by name." },
);
export type ScheduleList = Static<typeof ScheduleList>;

export const ScheduleListQuery = Type.Object({
  namespace: Type.Optional(Namespace),
  workflow: Type.Optional(Name),
  paused: Type.Optional(
    Type.Boolean({ description: "Only those that are paused, or only those that are not." }),
  ),
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type ScheduleListQuery = Static<typeof ScheduleListQuery>;

export const SchedulePath = Type.Object({ name: ScheduleName });
export type SchedulePath = Static<typeof SchedulePath>;

export const ScheduleNote = Type.Object(
  { note: Type.Optional(Type.String({ maxLength: 1024, description: "Why; shown with it." })) },
  {
    $id: "ScheduleNote",
    additionalProperties: false,
    description: "Why a schedule is paused or resumed.",
  },
);
export type ScheduleNote = Static<typeof ScheduleNote>;

export const ScheduleTrigger = Type.Object(
  { input: Type.Optional(json("Instead of the schedule's.")) },
  {
    $id: "ScheduleTrigger",
    additionalProperties: false,
    description: "What to start at once, whatever runs.",
  },
);
export type ScheduleTrigger = Static<typeof ScheduleTrigger>;

export const ScheduleBackfill = Type.Object(
  {
    from: timestamp("The first time to start an instance for"),
    until: timestamp("The last one, both included; not in the future"),
    overlap: Type.Optional(
      Type.Unsafe<"allow" | "bufferAll">({
        type: "string",
        enum: ["allow", "bufferAll"],
        default: "allow",
        description: "All at once, or one after the other.",
      }),
    ),
  },
  {
    $id: "ScheduleBackfill",
    additionalProperties: false,
    description: "A stretch of past times; those that have an instance get no other.",
  },
);
export type ScheduleBackfill = Static<typeof ScheduleBackfill>;

export const BackfillAccepted = Type.Object(
  { times: Type.Integer({ minimum: 0, description: "Times in the stretch." }) },
  { $id: "BackfillAccepted", description: "A backfill that is durable and goes on by itself." },
);
export type BackfillAccepted = Static<typeof BackfillAccepted>;

export const PreviewQuery = Type.Object({
  count: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000, default: 10, description: "How many times." }),
  ),
  after: Type.Optional(timestamp("Times after this; now when absent")),
});
export type PreviewQuery = Static<typeof PreviewQuery>;

export const PreviewedTime = Type.Object(
  {
    nominal,
    dueAt,
    local: Type.String({
      description: "The nominal time on the clock of the time zone, with its offset.",
      examples: ["2027-03-28T02:00:00+01:00"],
    }),
    ...exclusion,
    shift: Type.Optional(
      words(
        ["movedOutOfGap", "afterGap", "firstPass", "secondPass"],
        "`movedOutOfGap`: instead of a time that the clock left out when it went forward; `afterGap`: exactly when it went forward; the others: the clock shows this time twice.",
      ),
    ),
  },
  { $id: "PreviewedTime", description: "A time to come." },
);
export type PreviewedTime = Static<typeof PreviewedTime>;

export const SchedulePreview = Type.Object(
  {
    timeZone: Type.String({ description: "The time zone of `local`." }),
    items: Type.Array(ref(PreviewedTime)),
  },
  {
    $id: "SchedulePreview",
    description: "The next times, in order; fewer than asked for when there are no more.",
  },
);
export type SchedulePreview = Static<typeof SchedulePreview>;

export const SKIP_REASONS = Object.freeze([
  ...(["overlap", "buffer-full", "superseded", "missed", "outside-window"] as const),
  ...(["excluded", "paused", "withdrawn", "unknown-workflow"] as const),
] as const);

export const ScheduleDecision = Type.Object(
  {
    origin,
    nominal,
    until: Type.Optional(timestamp("Of several times with the same reason, the last")),
    count: Type.Optional(Type.Integer({ description: "How many, where they were counted." })),
    outcome: words(["started", "skipped"], "What became of the time."),
    reason: Type.Optional(words(SKIP_REASONS, "Why it was skipped; docs/schedules.md tells each.")),
    instanceId: Type.Optional(InstanceId),
    detail: Type.Optional(Type.String({ description: "More about the reason." })),
    at: timestamp("When it was decided"),
  },
  { $id: "ScheduleDecision", description: "What became of a time, or of a stretch of times." },
);
export type ScheduleDecision = Static<typeof ScheduleDecision>;

export const ScheduleDecisionList = Type.Object(
  { items: Type.Array(ref(ScheduleDecision)), nextCursor: Type.Optional(NextCursor) },
  { $id: "ScheduleDecisionList", description: "A page of decisions, newest first." },
);
export type ScheduleDecisionList = Static<typeof ScheduleDecisionList>;

export const ScheduleDecisionQuery = Type.Object({
  outcome: Type.Optional(words(["started", "skipped"], "Only these.")),
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type ScheduleDecisionQuery = Static<typeof ScheduleDecisionQuery>;
