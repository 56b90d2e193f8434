/** Days as schedules and calendars leave them out. */
import { isDate } from "./instant.ts";
import type { Json } from "./json.ts";

/** What an entry may look like, for messages. */
export const EXCLUDED_DATE_FORMS =
  "2026-12-25, 2026-12-24/2027-01-01 (both included) or --12-25 (every year)";

/**
 * True of a date `YYYY-MM-DD`, of a first and last date `YYYY-MM-DD/YYYY-MM-DD`, and of a day of every year `--MM-DD` (ISO
 * 8601:2000 section 5.2.1.3, RFC 6350 section 4.3.1). 29 February comes in leap years.
 */
export function isExcludedDate(value: Json): value is string {
  if (typeof value !== "string") return false;
  // A leap year: it has every day that some year has.
  if (/^--\d\d-\d\d$/.test(value)) return isDate(`2000${value.slice(1)}`);
  const [from = "", until = from, ...more] = value.split("/");
  return isDate(from) && isDate(until) && from <= until && more.length === 0;
}
