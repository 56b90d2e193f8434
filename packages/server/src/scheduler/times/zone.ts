/**
 * Time zones: the offsets of an IANA zone, as this Node.js's ICU data give them.
 *
 * Intl tells what a wall clock shows at an instant, and no more. The instants at which the offset changes are found by
 * looking every few days and bisecting where two looks differ; they are kept per zone and stretch of time.
 */
import { timeZoneProblem } from "@millrace/language";

/** Unix seconds, [from, to), in which the zone's offset from UTC (seconds, east positive) is the same. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  /** The offset just before `from`; equal to `offset` where nothing but our stretch of time begins. */
  readonly before: number;
  /** The offset at `to`. */
  readonly after: number;
}

export interface TimeZone {
  readonly name: string;
  /** The segment that holds the instant. @param seconds Unix seconds, an integer */
  segmentAt(seconds: number): Segment;
}

/** No zone of that name; the message says so, and which one may have been meant. */
export class TimeZoneError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeZoneError";
  }
}

/** Seconds that are searched at once. */
const STRETCH = 512 * 86_400;
/** The shortest time between two changes that cancel out was a week (Recife, October 2000). */
const LOOK = 3 * 86_400;
/** There are about 600 names; more come only from wrong case, and are not worth memory. */
const MAX_ZONES = 1_000;
/** Stretches kept per zone: 180 years. A schedule that starts in the year 9000 is nobody's but an attacker's. */
const MAX_STRETCHES = 128;

const zones = new Map<string, TimeZone>();

/** The zone of an IANA name (any case, aliases too). @throws {TimeZoneError} */
export function timeZone(name: string): TimeZone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = makeZone(name);
  if (zones.size >= MAX_ZONES) zones.clear();
  zones.set(name, zone);
  return zone;
}

function makeZone(name: string): TimeZone {
  const offsetAt = offsetsOf(name);
  const stretches = new Map<number, readonly Segment[]>();
  return {
    name,
    segmentAt(seconds) {
      const index = Math.floor(seconds / STRETCH);
      let segments = stretches.get(index);
      if (segments === undefined) {
        segments = segmentsOf(offsetAt, index * STRETCH);
        if (stretches.size >= MAX_STRETCHES) stretches.clear();
        stretches.set(index, segments);
      }
      for (const segment of segments) if (seconds < segment.to) return segment;
      throw new Error(`no segment of ${name} holds ${seconds}`);
    },
  };
}

type Offsets = (seconds: number) => number;

function segmentsOf(offsetAt: Offsets, start: number): readonly Segment[] {
  const end = start + STRETCH;
  const segments: Segment[] = [];
  let before = offsetAt(start - 1);
  let from = start;
  let offset = offsetAt(start);
  for (let at = start; at < end; ) {
    const next = Math.min(at + LOOK, end);
    if (offsetAt(next) === offset) {
      at = next;
      continue;
    }
    const change = firstChange(offsetAt, at, next);
    const after = offsetAt(change);
    if (change === end) break;
    segments.push({ from, to: change, offset, before, after });
    before = offset;
    offset = after;
    from = change;
    at = change;
  }
  segments.push({ from, to: end, offset, before, after: offsetAt(end) });
  return segments;
}

/** The first second after `low` whose offset is another than that of `low`; `high` has another. */
function firstChange(offsetAt: Offsets, low: number, high: number): number {
  const offset = offsetAt(low);
  let [same, other] = [low, high];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (offsetAt(middle) === offset) same = middle;
    else other = middle;
  }
  return other;
}

function offsetsOf(name: string): Offsets {
  const format = formatOf(name);
  return (seconds) => {
    const shown =
      format
        .format(seconds * 1000)
        .match(/\d+/g)
        ?.map(Number) ?? [];
    const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = shown;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - seconds;
  };
}

function formatOf(name: string): Intl.DateTimeFormat {
  const problem = timeZoneProblem(name);
  if (problem !== undefined) throw new TimeZoneError(problem);
  const digits = "numeric";
  return new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: digits,
    month: digits,
    day: digits,
    hour: digits,
    minute: digits,
    second: digits,
  });
}
