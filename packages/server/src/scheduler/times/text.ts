/** Instants as the wall clock of a zone shows them. */
import { civilOfSeconds } from "@millrace/language";
import type { TimeZone } from "./zone.ts";

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** `2027-03-28`. @param instant epoch milliseconds */
export function dateIn(zone: TimeZone, instant: number): string {
  return localIn(zone, instant).slice(0, 10);
}

/** RFC 3339 with the zone's offset: `2027-03-28T02:00:00+01:00`. @param instant epoch milliseconds */
export function localIn(zone: TimeZone, instant: number): string {
  const seconds = Math.floor(instant / 1000);
  const { offset } = zone.segmentAt(seconds);
  const { year, month, day, hour, minute, second } = civilOfSeconds(seconds + offset);
  const fraction = instant % 1000 === 0 ? "" : `.${pad(instant - seconds * 1000, 3)}`;
  const date = `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
  return `${date}T${pad(hour)}:${pad(minute)}:${pad(second)}${fraction}${offsetText(offset)}`;
}

/** Seconds of local mean times, long gone, are cut off: RFC 3339 has no place for them. */
function offsetText(offset: number): string {
  if (offset === 0) return "Z";
  const minutes = Math.floor(Math.abs(offset) / 60);
  return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}
