/**
 * The instants at which a cron expression fires in a time zone.
 *
 * An expression whose hour field allows every hour means an *interval*: it fires whenever the wall clock shows a matching
 * time, so it is silent in a gap (there is no such time) and goes through the hour that comes twice both times. Any other
 * expression means *times of day*: what falls into a gap runs once right after it, or not at all, and what falls into the
 * hour that comes twice runs the first time, the second, or both, as the schedule says. This is what cron daemons of Vixie's
 * line do, without their limit of three hours.
 */
import { type CronExpression, EVERY_HOUR, nextCivil } from "@millrace/language";
import type { Segment, TimeZone } from "./zone.ts";

export interface ShiftRules {
  readonly dstGap: "run" | "skip";
  readonly dstOverlap: "first" | "second" | "both";
}

/** Wall clocks of all zones together differ by less than this many seconds, and no shift is longer. */
const REACH = 2 * 86_400;
/** 9999-12-31T23:59:59Z: what comes later cannot be written in RFC 3339. */
export const LAST_SECOND = 253_402_300_799;

/** The first instant after `after` at which the expression fires. Unix seconds, integers. */
export function nextInZone(
  cron: CronExpression,
  zone: TimeZone,
  rules: ShiftRules,
  after: number,
): number | undefined {
  const interval = cron.hours === EVERY_HOUR;
  let from = after + 1;
  while (from <= LAST_SECOND) {
    const segment = zone.segmentAt(from);
    if (
      !interval &&
      rules.dstGap === "run" &&
      from === segment.from &&
      hasGapMatch(cron, segment)
    ) {
      return from;
    }
    const [first, end] = interval
      ? [from + segment.offset, segment.to + segment.offset]
      : allowedWall(segment, rules, from);
    const wall = nextCivil(cron, first - 1);
    if (wall === undefined) return undefined;
    if (wall < end) return wall - segment.offset;
    // No wall time before `wall` matches, so nothing fires until shortly before it: also not where, at the segment's end,
    // the wall clock is put back, as long as `first` is far enough from that end.
    const quiet = first <= segment.to + segment.offset - REACH;
    from = quiet ? Math.max(segment.to, wall - REACH) : segment.to;
  }
  return undefined;
}

/** Whether a matching wall time falls into the gap that ends where the segment begins. */
function hasGapMatch(cron: CronExpression, segment: Segment): boolean {
  if (segment.offset <= segment.before) return false;
  const wall = nextCivil(cron, segment.from + segment.before - 1);
  return wall !== undefined && wall < segment.from + segment.offset;
}

/** Civil seconds [first, end) of the segment, from the instant on, whose pass the rule for overlaps asks for. */
function allowedWall(segment: Segment, rules: ShiftRules, from: number): [number, number] {
  let first = from + segment.offset;
  let end = segment.to + segment.offset;
  // Where the wall clock was put back at the segment's start, its first stretch comes for the second time.
  if (rules.dstOverlap === "first") first = Math.max(first, segment.from + segment.before);
  // Where it is put back at the segment's end, its last stretch will come again.
  if (rules.dstOverlap === "second") end = Math.min(end, segment.to + segment.after);
  return [first, end];
}
