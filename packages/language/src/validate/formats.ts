/** The string formats the DSL's types assert. */
import type { StringOptions } from "../schema/type.ts";

type Format = NonNullable<StringOptions["format"]>;

/** RFC 6570: literals and `{expressions}`. */
const URI_TEMPLATE =
  // oxlint-disable-next-line no-control-regex -- the grammar excludes control characters by range
  /^(?:[^\x00-\x20"'<>%\\^`{|}]|%[\da-f]{2}|\{[+#./;?&=,!@|]?(?:\w|%[\da-f]{2})+(?::[1-9]\d{0,3}|\*)?(?:,(?:\w|%[\da-f]{2})+(?::[1-9]\d{0,3}|\*)?)*\})*$/i;

/** RFC 3986, by parts: scheme, authority (user, host, port), path, query, fragment. */
const URI_PARTS = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
const PATH = /^(?:[\w\-.~!$&'()*+,;=:@/]|%[\da-f]{2})*$/i;
const QUERY = /^(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*$/i;
const AUTHORITY =
  /^(?:(?:[\w\-.~!$&'()*+,;=:]|%[\da-f]{2})*@)?(?:\[[\da-f:.v]+\]|(?:[\w\-.~!$&'()*+,;=]|%[\da-f]{2})*)(?::\d*)?$/i;

function isUriReference(text: string): boolean {
  const [, scheme, authority, path = "", query = "", fragment = ""] = URI_PARTS.exec(text) ?? [];
  if (scheme !== undefined && !/^[a-z][a-z\d+.-]*$/i.test(scheme)) return false;
  if (authority !== undefined && !AUTHORITY.test(authority)) return false;
  return PATH.test(path) && QUERY.test(query) && QUERY.test(fragment);
}

/** RFC 6901. */
const JSON_POINTER = /^(?:\/(?:[^~/]|~0|~1)*)*$/;

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:z|([+-])(\d\d)(?::?(\d\d))?)$/i;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** RFC 3339 full-date. */
export function isDate(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null) return false;
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && leap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
  return month >= 1 && day >= 1 && day <= days;
}

/** RFC 3339 full-time; a leap second only at 23:59:60 UTC. */
export function isTime(text: string): boolean {
  const match = TIME.exec(text);
  if (match === null) return false;
  const field = (index: number): number => Number(match[index] ?? 0);
  const [hour, minute, second] = [field(1), field(2), field(3)];
  const [offsetHours, offsetMinutes] = [field(5), field(6)];
  if (offsetHours > 23 || offsetMinutes > 59) return false;
  if (hour <= 23 && minute <= 59 && second < 60) return true;
  const sign = match[4] === "-" ? -1 : 1;
  const inUtc = hour * 60 + minute - sign * (offsetHours * 60 + offsetMinutes);
  return second === 60 && (inUtc + 1440) % 1440 === 1439;
}

function isDateTime(text: string): boolean {
  const [date = "", time = "", rest] = text.split(/[t\s]/i);
  return rest === undefined && isDate(date) && isTime(time);
}

const checks: Readonly<Record<Format, (text: string) => boolean>> = {
  "uri-template": (text) => URI_TEMPLATE.test(text),
  "uri-reference": isUriReference,
  "json-pointer": (text) => JSON_POINTER.test(text),
  "date-time": isDateTime,
};

export function hasFormat(format: Format, text: string): boolean {
  return checks[format](text);
}
