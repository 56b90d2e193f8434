/** Instants and dates as text (RFC 3339), read by arithmetic alone: the language has no clock and no time zone of its own. */
import { civilSeconds, daysInMonth } from "./cron/calendar.ts";

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** True for a date that exists, as `2026-12-25` (RFC 3339 `full-date`). */
export function isDate(text: string): boolean {
  const [year = 0, month = 0, day = 0] = (DATE.exec(text) ?? []).slice(1).map(Number);
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

const INSTANT =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/** Of the years 0000 to 9999 in UTC: what lies beyond cannot be written again. */
const FIRST = civilSeconds({ year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0 }) * 1_000;
const LAST =
  civilSeconds({ year: 10_000, month: 1, day: 1, hour: 0, minute: 0, second: 0 }) * 1_000 - 1;

/** Epoch milliseconds of `2026-11-05T14:03:07.25+01:00`; `undefined` for what is no instant, leap seconds included. */
export function parseInstant(text: string): number | undefined {
  const [, date = "", ...parts] = INSTANT.exec(text) ?? [];
  if (!isDate(date)) return undefined;
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  const [hour = 0, minute = 0, second = 0] = parts.slice(0, 3).map(Number);
  const [fraction = "0", sign = "+", ...offset] = parts.slice(3);
  const [hours = 0, minutes = 0] = offset.map((part) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 59 || hours > 23 || minutes > 59) return undefined;
  const east = (hours * 60 + minutes) * (sign === "-" ? -60 : 60);
  const seconds = civilSeconds({ year, month, day, hour, minute, second }) - east;
  const instant = seconds * 1_000 + Math.floor(Number(fraction) * 1_000);
  return instant < FIRST || instant > LAST ? undefined : instant;
}
