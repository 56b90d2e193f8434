/** Instants and dates as text (RFC 3339), read by arithmetic alone: the language has no clock and no time zone of its own. */

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar; `undefined` when there is no such date. */
function daysOf(year: number, month: number, day: number): number | undefined {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const length = lengths[month - 1];
  if (length === undefined || day < 1 || day > length) return undefined;
  const before = year - 1;
  const years = 365 * year + Math.floor(before / 4) - Math.floor(before / 100);
  const months = lengths.slice(0, month - 1).reduce((sum, each) => sum + each, 0);
  return years + Math.floor(before / 400) + months + day - EPOCH_DAYS;
}
/** What the sum above gives for 1970-01-01. */
const EPOCH_DAYS = 719_528;

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** True for a date that exists, as `2026-12-25` (RFC 3339 `full-date`). */
export function isDate(text: string): boolean {
  const [, year, month, day] = DATE.exec(text) ?? [];
  return year !== undefined && daysOf(Number(year), Number(month), Number(day)) !== undefined;
}

const INSTANT =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/** Epoch milliseconds of `2026-11-05T14:03:07.25+01:00`; `undefined` for what is no instant, leap seconds included. */
export function parseInstant(text: string): number | undefined {
  const [, date = "", ...parts] = INSTANT.exec(text) ?? [];
  if (!isDate(date)) return undefined;
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  const [hours, minutes, seconds] = parts.slice(0, 3).map(Number) as [number, number, number];
  const [fraction = "0", sign = "+", offsetHours = 0, offsetMinutes = 0] = parts.slice(3);
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === "-" ? -1 : 1);
  const clock = (hours * 60 + minutes - offset) * 60_000 + seconds * 1_000;
  return (daysOf(year, month, day) ?? 0) * 86_400_000 + clock + Math.floor(Number(fraction) * 1e3);
}
