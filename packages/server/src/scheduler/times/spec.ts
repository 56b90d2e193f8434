/** When a schedule is due: plain JSON, and what may be wrong with it. */
import { cronProblem } from "@millrace/language";
import { timeZone, TimeZoneError } from "./zone.ts";

export type Trigger =
  | { readonly kind: "cron"; readonly expression: string }
  | { readonly kind: "every"; readonly milliseconds: number }
  | { readonly kind: "after"; readonly milliseconds: number }
  | { readonly kind: "on" };

/** Instants are epoch milliseconds, integers. */
export interface TimesSpec {
  readonly trigger: Trigger;
  /** IANA name. */
  readonly timeZone: string;
  readonly dstGap: "run" | "skip";
  readonly dstOverlap: "first" | "second" | "both";
  /** Milliseconds; a run is put off by less than this, always the same for the same nominal time. */
  readonly jitter?: number;
  /** No nominal time before it; `every` has its first one here. */
  readonly startAt?: number;
  /** No nominal time after it. */
  readonly endAt?: number;
  /** When the schedule was made: what `every` counts from when there is no `startAt`. */
  readonly anchor: number;
  /** `YYYY-MM-DD` in the time zone, or first and last day `YYYY-MM-DD/YYYY-MM-DD`. */
  readonly excludedDates?: readonly string[];
}

export interface TimesProblem {
  /** Which part: "trigger", "timeZone", "jitter", "endAt", "excludedDates[2]". */
  readonly at: string;
  readonly message: string;
}

/** Milliseconds of 2^32: 49 days. */
const LONGEST_JITTER = 4_294_967_296;

/** Everything that is wrong with when a schedule is due; `nextNominal` and the others need an empty list. */
export function timesProblems(spec: TimesSpec): TimesProblem[] {
  const problems: TimesProblem[] = [];
  const add = (at: string, message: string | undefined): void => {
    if (message !== undefined) problems.push({ at, message });
  };
  add("trigger", triggerProblem(spec.trigger));
  add("timeZone", zoneProblem(spec.timeZone));
  const { jitter = 0, startAt, endAt } = spec;
  if (!Number.isSafeInteger(jitter) || jitter < 0 || jitter > LONGEST_JITTER) {
    add("jitter", "expected a duration of at most 49 days");
  }
  if (startAt !== undefined && endAt !== undefined && endAt < startAt) {
    add("endAt", "it lies before startAt, so the schedule would never be due");
  }
  for (const [index, text] of (spec.excludedDates ?? []).entries()) {
    add(`excludedDates[${index}]`, excludedProblem(text));
  }
  return problems;
}

function triggerProblem(trigger: Trigger): string | undefined {
  if (trigger.kind === "cron") return cronProblem(trigger.expression);
  if (trigger.kind === "on") return undefined;
  const { kind, milliseconds } = trigger;
  const least = kind === "every" ? 1 : 0;
  if (Number.isSafeInteger(milliseconds) && milliseconds >= least) return undefined;
  return kind === "every" ? "an interval must be longer than zero" : "expected a duration";
}

function zoneProblem(name: string): string | undefined {
  try {
    timeZone(name);
    return undefined;
  } catch (error) {
    if (error instanceof TimeZoneError) return error.message;
    throw error;
  }
}

function excludedProblem(text: string): string | undefined {
  const [first = "", last = first, ...more] = text.split("/");
  if (more.length > 0 || !isDate(first) || !isDate(last)) {
    return `"${text.slice(0, 60)}" is not a date such as "2027-12-24", or two of them such as "2027-12-24/2028-01-02"`;
  }
  return last < first ? `"${text}" ends before it begins` : undefined;
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = Date.parse(`${text}T00:00:00Z`);
  // Date.parse takes 30 February for 2 March.
  return !Number.isNaN(instant) && new Date(instant).toISOString().startsWith(text);
}
