/** Nominal times of a schedule: pure functions of its spec. Instants are epoch milliseconds. */
import { hash } from "node:crypto";
import { type CronExpression, cronProblem, parseCron } from "@millrace/language";
import { LAST_SECOND, nextInZone } from "./cron.ts";
import type { TimesSpec } from "./spec.ts";
import { dateIn } from "./text.ts";
import { timeZone } from "./zone.ts";

export interface Nominal {
  readonly nominal: number;
  /** Whether its date, in the schedule's time zone, is one of `excludedDates`. */
  readonly excluded: boolean;
}

/** Parsed expressions; many schedules share few. */
const crons = new Map<string, CronExpression>();
const MAX_CRONS = 10_000;

/**
 * The first nominal time strictly after `after`, or `undefined` when there is none: the schedule has ended, or it is
 * triggered by events. Times on excluded days are among them, marked.
 *
 * `after` (the trigger) has one nominal time that is known beforehand: the first, at `startAt` or the anchor. The others come
 * from `nominalAfterEnd`.
 * @throws {Error} when the expression or the time zone is none; both are checked before a spec is taken
 */
export function nextNominal(spec: TimesSpec, after: number): Nominal | undefined {
  const nominal = nextInstant(spec, after);
  if (nominal === undefined || nominal > (spec.endAt ?? LAST_SECOND * 1000)) return undefined;
  return { nominal, excluded: isExcluded(spec, nominal) };
}

function nextInstant(spec: TimesSpec, after: number): number | undefined {
  const { trigger, startAt, anchor } = spec;
  switch (trigger.kind) {
    case "cron": {
      const from = startAt === undefined ? after : Math.max(after, startAt - 1);
      const zone = timeZone(spec.timeZone);
      const found = nextInZone(cronOf(trigger.expression), zone, spec, Math.floor(from / 1000));
      return found === undefined ? undefined : found * 1000;
    }
    case "every": {
      const first = startAt ?? anchor + trigger.milliseconds;
      const count = Math.floor((after - first) / trigger.milliseconds) + 1;
      return first + Math.max(count, 0) * trigger.milliseconds;
    }
    case "after": {
      const first = startAt ?? anchor;
      return after < first ? first : undefined;
    }
    case "on":
      return undefined;
  }
}

/** The nominal time that follows the end of a run, for the trigger `after`; `undefined` when it lies after `endAt`. */
export function nominalAfterEnd(spec: TimesSpec, ended: number): Nominal | undefined {
  if (spec.trigger.kind !== "after") return undefined;
  const nominal = Math.max(ended + spec.trigger.milliseconds, spec.startAt ?? 0);
  if (nominal > (spec.endAt ?? LAST_SECOND * 1000)) return undefined;
  return { nominal, excluded: isExcluded(spec, nominal) };
}

/** When a nominal time is acted upon: put off by [0, jitter) that depends on schedule and nominal time alone. */
export function fireAt(spec: TimesSpec, scheduleId: string, nominal: number): number {
  const { jitter = 0 } = spec;
  if (jitter === 0) return nominal;
  const digest = hash("sha256", `${scheduleId} ${nominal}`, "buffer");
  return nominal + Math.floor((digest.readUInt32BE(0) / 4_294_967_296) * jitter);
}

/**
 * Nominal times in (from, until], the earliest `limit` of them.
 * `more` says that there are others up to `until`.
 */
export function nominalsBetween(
  spec: TimesSpec,
  from: number,
  until: number,
  limit: number,
): { readonly nominals: readonly Nominal[]; readonly more: boolean } {
  const nominals: Nominal[] = [];
  for (let next = nextNominal(spec, from); next !== undefined; ) {
    if (next.nominal > until) break;
    if (nominals.length >= limit) return { nominals, more: true };
    nominals.push(next);
    next = nextNominal(spec, next.nominal);
  }
  return { nominals, more: false };
}

function cronOf(expression: string): CronExpression {
  const known = crons.get(expression);
  if (known !== undefined) return known;
  const parsed = parseCron(expression);
  if (!("cron" in parsed)) throw new Error(cronProblem(expression));
  if (crons.size >= MAX_CRONS) crons.clear();
  crons.set(expression, parsed.cron);
  return parsed.cron;
}

/** Whether the date is one of `excludedDates`. Dates of four-digit years are in the order of their texts. */
export function isExcluded(
  spec: Pick<TimesSpec, "excludedDates" | "timeZone">,
  nominal: number,
): boolean {
  const { excludedDates = [] } = spec;
  if (excludedDates.length === 0) return false;
  const date = dateIn(timeZone(spec.timeZone), nominal);
  return excludedDates.some((text) => {
    if (text.length === 10) return text === date;
    if (text.startsWith("--")) return text.slice(2) === date.slice(5);
    return text.slice(0, 10) <= date && date <= text.slice(11);
  });
}
