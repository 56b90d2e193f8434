/**
 * How a schedule keeps its times: `document.metadata.millrace.schedule`. The DSL says when a workflow starts and nothing of
 * time zones, overlaps and downtimes; its metadata is where a runtime's own words stand.
 */
import { DurationError, parseDuration } from "../duration.ts";
import { EXCLUDED_DATE_FORMS, isExcludedDate } from "../excluded-dates.ts";
import { parseInstant } from "../instant.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import { timeZoneProblem } from "../time-zone.ts";
import { asObject, down, type Place, report, warn } from "./place.ts";

/** Says what is wrong with a value. */
type Wrong = (message: string) => undefined;

const POLICIES = {
  /** IANA name. */
  timeZone: readTimeZone,
  /** A time that the clock leaves out when it goes forward. */
  dstGap: oneOf("run", "skip"),
  /** A time that the clock shows twice when it goes back. */
  dstOverlap: oneOf("first", "second", "both"),
  /** A time that comes while what the schedule started runs. */
  overlap: oneOf("skip", "bufferOne", "bufferAll", "cancelOther", "terminateOther", "allow"),
  /** Times missed while no server ran … */
  catchUp: oneOf("none", "last", "all"),
  /** … that are not older than this: milliseconds. */
  catchUpWindow: readDuration,
  /** Each time comes later by up to this: milliseconds. */
  jitter: readJitter,
  /** Epoch milliseconds. */
  startAt: readInstant,
  endAt: readInstant,
  /** So many instances in a row that fault pause the schedule. */
  pauseAfterFailures: readCount,
  /** `2026-12-25`, `2026-12-24/2027-01-01`, both included, or `--12-25` for every year, in the time zone. */
  excludedDates: readDates,
  /** Names of calendars whose days are excluded too. */
  calendars: readCalendars,
} as const;

type Name = keyof typeof POLICIES;
export const SCHEDULE_POLICIES = Object.freeze(Object.keys(POLICIES) as Name[]);
/** What stands there; what is absent has its default. */
export type SchedulePolicies = {
  readonly [K in Name]?: Exclude<ReturnType<(typeof POLICIES)[K]>, undefined>;
};

/** The policies of a definition that is valid. */
export function schedulePolicies(definition: JsonObject): SchedulePolicies {
  return readPolicies(asObject(millraceOf(definition).schedule), () => undefined);
}

function millraceOf(definition: JsonObject): JsonObject {
  return asObject(asObject(asObject(definition.document).metadata).millrace);
}

/** What {@link readPolicies} leaves out because it is wrong is reported under its name. */
function readPolicies(
  policies: JsonObject,
  wrong: (name: string, message: string) => undefined,
): SchedulePolicies {
  const read: Partial<Record<Name, unknown>> = {};
  for (const [name, value] of Object.entries(policies)) {
    if (!Object.hasOwn(POLICIES, name)) continue;
    const known = name as Name;
    const result = POLICIES[known](value ?? null, (message) => wrong(name, message));
    if (result !== undefined) read[known] = result;
  }
  return read as SchedulePolicies;
}

/** Checks `document.metadata.millrace.schedule`, and what needs both it and `schedule`. */
export function checkSchedulePolicies(definition: JsonObject, root: Place): void {
  const { schedule: written, ...others } = millraceOf(definition);
  const millrace = down(root, "document", "metadata", "millrace");
  const place = down(millrace, "schedule");
  for (const name of Object.keys(others)) {
    const hint = suggestion(name, ["schedule"]);
    if (hint !== "") warn(down(millrace, name), "unknown-property", `it has no effect${hint}`);
  }
  const triggers = asObject(definition.schedule);
  checkConstants(triggers, down(root, "schedule"));
  if (written === undefined) return;
  if (!isObject(written)) return report(place, "schedule", "expected an object of policies");
  if (definition.schedule === undefined)
    warn(place, "schedule", "the workflow has no `schedule`; its policies have no effect");
  for (const name of Object.keys(written)) {
    if (Object.hasOwn(POLICIES, name)) continue;
    const hint =
      suggestion(name, SCHEDULE_POLICIES) || `; there are ${SCHEDULE_POLICIES.join(", ")}`;
    report(down(place, name), "unknown-property", `no such policy${hint}`);
  }
  const wrong = (name: string, message: string): undefined => {
    report(down(place, name), "schedule", message);
  };
  checkTogether(readPolicies(written, wrong), triggers, wrong);
}

/** An interval is needed when nothing runs that an expression could ask. */
function checkConstants(triggers: JsonObject, place: Place): void {
  for (const name of ["every", "after"] as const) {
    const value = triggers[name];
    if (value === undefined || durationOf(value) !== undefined) continue;
    const text = JSON.stringify(value);
    // Anything but an expression has its issue already.
    if (text.includes("${")) {
      report(down(place, name), "schedule", "an expression has no data here; write the duration");
    }
  }
}

function checkTogether(
  { startAt, endAt, jitter }: SchedulePolicies,
  { every }: JsonObject,
  wrong: (name: string, message: string) => undefined,
): void {
  if (startAt !== undefined && endAt !== undefined && endAt <= startAt)
    wrong("endAt", "not after `startAt`: the schedule would never fire");
  const interval = every === undefined ? undefined : durationOf(every);
  if (jitter !== undefined && interval !== undefined && interval > 0 && jitter >= interval)
    wrong("jitter", "must be shorter than the interval `every`, or times would pass each other");
}

function durationOf(value: Json): number | undefined {
  try {
    return parseDuration(value);
  } catch {
    return undefined;
  }
}

function oneOf<const Word extends string>(...words: readonly Word[]) {
  return (value: Json, wrong: Wrong): Word | undefined => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const hint = typeof value === "string" ? suggestion(value, words) : "";
    return wrong(`${brief(value)}: expected ${listed(words)}${hint}`);
  };
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** Enough of a value to know it again. */
function brief(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function readTimeZone(value: Json, wrong: Wrong): string | undefined {
  if (typeof value !== "string") return wrong("expected an IANA name such as Europe/Lisbon");
  const problem = timeZoneProblem(value);
  return problem === undefined ? value : wrong(problem);
}

function readDuration(value: Json, wrong: Wrong): number | undefined {
  try {
    return parseDuration(value);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    return wrong(error.message);
  }
}

/** Of 2^32 milliseconds: what a schedule's hash is spread over. */
const LONGEST_JITTER = 49 * 86_400_000;

function readJitter(value: Json, wrong: Wrong): number | undefined {
  const jitter = readDuration(value, wrong);
  return jitter !== undefined && jitter > LONGEST_JITTER ? wrong("longer than 49 days") : jitter;
}

function readInstant(value: Json, wrong: Wrong): number | undefined {
  const instant = typeof value === "string" ? parseInstant(value) : undefined;
  if (instant !== undefined) return instant;
  const how = "expected an RFC 3339 instant with its offset, such as 2026-11-05T14:03:07Z";
  return wrong(`${brief(value)}: ${how}`);
}

function readCount(value: Json, wrong: Wrong): number | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  return wrong(`${brief(value)}: expected a whole number, 1 or more`);
}

function readDates(value: Json, wrong: Wrong): readonly string[] | undefined {
  if (!Array.isArray(value)) return wrong("expected a list of dates such as 2026-12-25");
  if (value.length > MOST_DATES) return wrong(`more than ${MOST_DATES} dates and ranges`);
  const bad = value.find((each: Json) => !isExcludedDate(each)) as Json | undefined;
  if (bad === undefined) return value as readonly string[];
  return wrong(`${brief(bad)}: expected dates that exist, such as ${EXCLUDED_DATE_FORMS}`);
}

/** They are looked through at every time. */
const MOST_DATES = 1_000;

/** Each is looked up at every time. */
const MOST_CALENDARS = 20;
/** As the API has it for names of resources. */
const CALENDAR_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,126}[a-zA-Z0-9])?$/;

function readCalendars(value: Json, wrong: Wrong): readonly string[] | undefined {
  if (!Array.isArray(value)) return wrong("expected a list of names of calendars");
  if (value.length > MOST_CALENDARS) return wrong(`more than ${MOST_CALENDARS} calendars`);
  const bad = value.find((each: Json) => typeof each !== "string" || !CALENDAR_NAME.test(each));
  if (bad === undefined) return value as readonly string[];
  return wrong(`${brief(bad as Json)}: expected the name of a calendar, such as holidays`);
}
