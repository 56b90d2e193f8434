/** Schedules that the simulator makes, and when they are due: by plain arithmetic, which shares nothing with the server's. */
import type { ScheduleSpec, ScheduleState } from "@millrace/server/ports";
import type { Random } from "./random.ts";
import { ON } from "./event-workflows.ts";
import { WORKFLOWS } from "./workflows.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Every so many seconds of the minute, in every so many minutes of the hour: what is written, and what it means. */
interface Beat {
  readonly expression: string;
  readonly seconds: number;
  readonly minutes: number;
}

const BEATS: readonly Beat[] = [
  { expression: "*/5 * * * * *", seconds: 5, minutes: 1 },
  { expression: "*/12 * * * * ?", seconds: 12, minutes: 1 },
  { expression: "0,20,40 * * * * *", seconds: 20, minutes: 1 },
  { expression: "*/10 */2 * * * *", seconds: 10, minutes: 2 },
  { expression: "* * * * *", seconds: 60, minutes: 1 },
];
/** Where the minutes are those of UTC, and clocks are not changed. */
const ZONES = ["UTC", "Asia/Kolkata", "Etc/GMT+5"];

/** Events are its input, so it may be anything. */
const ON_WORKFLOW = "deadline";
/** Short ones, that a buffer can be worked off with; one that fails; long ones, that times overlap with. */
const QUICK = ["line", "loop", "exhausted"];
const ANY = [...QUICK, "deadline", "fan", "waits"];

export const LONGEST_JITTER = 15_000;

/** @param now epoch milliseconds of the database */
export function drawSpec(random: Random, now: number): ScheduleSpec {
  const overlap = random.pick([
    "skip",
    "skip",
    "bufferOne",
    "bufferAll",
    "cancelOther",
    "terminateOther",
    "allow",
  ] as const);
  const trigger = drawTrigger(random);
  const often = intervalOf(trigger) < 60_000;
  const catchUp = random.pick(["none", "last", "last", "all"] as const);
  // What is caught up after an hour is a few times, not hundreds.
  const catchUpWindow = catchUp === "all" && often ? random.integer(30_000, 60_000) : DAY;
  const drawn = random.pick(overlap === "bufferAll" ? QUICK : ANY);
  const known = trigger.kind === "on" ? ON_WORKFLOW : drawn;
  const name = random.chance(0.05) ? "nowhere" : known;
  const workflow = WORKFLOWS.find((each) => each.name === name);
  const maybe = <T extends object>(probability: number, given: () => T): Partial<T> =>
    random.chance(probability) ? given() : {};
  return {
    workflow: { namespace: "sim", name, ...maybe(0.5, () => ({ version: "1.0.0" })) },
    input: {
      ...workflow?.input(random),
      ...maybe(0.3, () => ({ ballast: random.pick(["b", "c"]).repeat(300) })),
    },
    trigger,
    timeZone: random.pick(ZONES),
    dstGap: "run",
    dstOverlap: "first",
    overlap,
    catchUp,
    catchUpWindow,
    jitter: random.pick([0, 0, 4000, LONGEST_JITTER]),
    excludedDates: random.chance(0.1) ? ["2025-12-31"] : [],
    ...maybe(0.2, () => ({ startAt: now + random.integer(-20_000, 20_000) })),
    ...maybe(0.2, () => ({ endAt: now + random.integer(15_000, 60_000) })),
    ...maybe(0.2, () => ({ pauseAfterFailures: random.integer(1, 3) })),
    ...maybe(0.3, () => ({ priority: random.integer(0, 4) })),
  };
}

function drawTrigger(random: Random): ScheduleSpec["trigger"] {
  switch (random.pick(["cron", "cron", "every", "every", "after", "on"] as const)) {
    case "cron":
      return { kind: "cron", expression: random.pick(BEATS).expression };
    case "every":
      return { kind: "every", milliseconds: random.pick([5000, 7300, 12_345, 60_000, 600_000]) };
    case "after":
      return { kind: "after", milliseconds: random.pick([2000, 9000]) };
    case "on":
      return { kind: "on", strategy: random.pick(ON), read: "data" };
  }
}

function intervalOf(trigger: ScheduleSpec["trigger"]): number {
  if (trigger.kind === "cron") return beatOf(trigger.expression).seconds * 1000;
  return trigger.kind === "on" ? 0 : trigger.milliseconds;
}

function beatOf(expression: string): Beat {
  const beat = BEATS.find((each) => each.expression === expression);
  if (beat === undefined) throw new Error(`nobody knows when ${expression} is due`);
  return beat;
}

/** The times after `from` up to and including `until`, in order; for `after` and `on` none is known beforehand. */
export function timesBetween(
  { spec, createdAt }: Pick<ScheduleState, "spec" | "createdAt">,
  from: number,
  until: number,
): number[] {
  const { trigger, startAt = Number.NEGATIVE_INFINITY, endAt = Number.POSITIVE_INFINITY } = spec;
  const times: number[] = [];
  const step = trigger.kind === "every" ? trigger.milliseconds : 1000;
  const base = trigger.kind === "every" ? (Number.isFinite(startAt) ? startAt : createdAt) : 0;
  if (trigger.kind !== "every" && trigger.kind !== "cron") return times;
  const first = base + Math.ceil((from + 1 - base) / step) * step;
  for (let time = first; time <= Math.min(until, endAt); time += step) {
    if (
      trigger.kind === "every"
        ? time > base || time === startAt
        : time >= startAt && isBeat(trigger, time)
    )
      times.push(time);
  }
  return times;
}

function isBeat({ expression }: { readonly expression: string }, time: number): boolean {
  const { seconds, minutes } = beatOf(expression);
  const second = (time / 1000) % 60;
  const minute = Math.floor(time / 60_000) % 60;
  return second % seconds === 0 && minute % minutes === 0;
}

/** Whether the day of this time, in the schedule's time zone, is an excluded one. */
export function isExcluded({ timeZone, excludedDates }: ScheduleSpec, time: number): boolean {
  const ahead = { UTC: 0, "Asia/Kolkata": 5.5, "Etc/GMT+5": -5 }[timeZone] ?? 0;
  return excludedDates.includes(new Date(time + ahead * HOUR).toISOString().slice(0, 10));
}
