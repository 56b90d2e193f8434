/** The string formats the DSL's types assert. */
import type { StringOptions } from "../schema/type.ts";

type Format = NonNullable<StringOptions["format"]>;

/** RFC 6570: literals and `{expressions}`. */
const URI_TEMPLATE =
  /^(?:[^\x00-\x20"'<>%\\^`{|}]|%[\da-f]{2}|\{[+#./;?&=,!@|]?(?:\w|%[\da-f]{2})+(?::[1-9]\d{0,3}|\*)?(?:,(?:\w|%[\da-f]{2})+(?::[1-9]\d{0,3}|\*)?)*\})*$/i;

/** RFC 3986: characters of a URI reference; percent signs only in escapes. */
const URI_REFERENCE = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[\da-f]{2})*$/i;

/** RFC 6901. */
const JSON_POINTER = /^(?:\/(?:[^~/]|~0|~1)*)*$/;

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[t\s](\d\d):(\d\d):(\d\d)(?:\.\d+)?(z|[+-](\d\d):?(\d\d)?)$/i;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** RFC 3339 date-time; a leap second only at 23:59:60 UTC. */
function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (match === null) return false;
  const field = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day] = [field(1), field(2), field(3)];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && leap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
  if (month < 1 || day < 1 || day > days) return false;
  const [hour, minute, second] = [field(4), field(5), field(6)];
  const sign = match[7]?.startsWith("-") === true ? -1 : 1;
  if (field(8) > 23 || field(9) > 59) return false;
  if (hour <= 23 && minute <= 59 && second < 60) return true;
  const utcMinute = minute - field(9) * sign;
  const utcHour = hour - field(8) * sign - (utcMinute < 0 ? 1 : 0);
  return (
    (utcHour === 23 || utcHour === -1) && (utcMinute === 59 || utcMinute === -1) && second < 61
  );
}

const checks: Readonly<Record<Format, (text: string) => boolean>> = {
  "uri-template": (text) => URI_TEMPLATE.test(text),
  "uri-reference": (text) => URI_REFERENCE.test(text),
  "json-pointer": (text) => JSON_POINTER.test(text),
  "date-time": isDateTime,
};

export function hasFormat(format: Format, text: string): boolean {
  return checks[format](text);
}
