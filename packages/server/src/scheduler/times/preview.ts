/** The next times of a schedule, for people. */
import { type Nominal, fireAt, nextNominal } from "./times.ts";
import type { TimesSpec } from "./spec.ts";
import { localIn } from "./text.ts";
import { type Segment, type TimeZone, timeZone } from "./zone.ts";

/** How a time stands to a change of the zone's offset. */
export type Shift = "afterGap" | "firstPass" | "secondPass";

/** What the clock of a zone shows at a time. */
export interface ClockTime {
  /** RFC 3339: `2027-03-28T02:00:00+01:00`. */
  readonly local: string;
  /**
   * `afterGap`: exactly when the wall clock was put forward; `firstPass`, `secondPass`: the wall clock shows this time twice.
   */
  readonly shift?: Shift;
}

export interface PreviewedTime extends Nominal, ClockTime {
  /** With jitter. */
  readonly fireAt: number;
}

/** The first `count` times after `after` (epoch milliseconds); fewer when the schedule ends or has no times. */
export function preview(
  spec: TimesSpec,
  scheduleId: string,
  after: number,
  count: number,
): PreviewedTime[] {
  const zone = timeZone(spec.timeZone);
  const times: PreviewedTime[] = [];
  for (let at = after; times.length < count; ) {
    const next = nextNominal(spec, at);
    if (next === undefined) break;
    at = next.nominal;
    times.push({ ...next, fireAt: fireAt(spec, scheduleId, at), ...clockAt(zone, at) });
  }
  return times;
}

/** @param instant epoch milliseconds */
export function clockAt(zone: TimeZone, instant: number): ClockTime {
  const shift = shiftAt(zone.segmentAt(Math.floor(instant / 1000)), instant / 1000);
  return { local: localIn(zone, instant), ...(shift !== undefined && { shift }) };
}

function shiftAt(segment: Segment, seconds: number): Shift | undefined {
  const { from, to, offset, before, after } = segment;
  if (seconds === from && offset > before) return "afterGap";
  if (seconds + offset < from + before) return "secondPass";
  if (seconds + offset >= to + after) return "firstPass";
  return undefined;
}
