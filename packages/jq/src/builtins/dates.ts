/**
 * Dates (manual: Dates). The local time zone is UTC: a program that read the machine's would not
 * give the same result when it is evaluated again elsewhere.
 */
import { fail } from "../errors.ts";
import { breakDown, secondsOf } from "../dates/calendar.ts";
import type { BrokenTime } from "../dates/calendar.ts";
import { formatTime } from "../dates/strftime.ts";
import { parseTime } from "../dates/strptime.ts";
import { add, subtract } from "../values/arithmetic.ts";
import type { Json } from "../values/json.ts";
import { pure, unary } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";
import { Code } from "../compile/code.ts";

const ISO = "%Y-%m-%dT%H:%M:%SZ";
/** Beyond this the year no longer fits C's int. */
const MAX_SECONDS = 6.7e16;

function toArray(time: BrokenTime, fraction: number): Json[] {
  return [
    time.year,
    time.month,
    time.day,
    time.hour,
    time.minute,
    time.second + fraction,
    time.weekday,
    time.yearday,
  ];
}

function brokenDown(name: string, value: Json): Json[] {
  if (typeof value !== "number") return fail(`${name}() requires numeric inputs`);
  if (Number.isNaN(value) || Math.abs(value) > MAX_SECONDS) {
    return fail("error converting number of seconds since epoch to datetime");
  }
  return toArray(breakDown(Math.trunc(value)), value - Math.floor(value));
}

function toInt(value: number): number {
  return Math.trunc(Math.min(Math.max(value, -2147483648), 2147483647));
}

/** Time from a jq array; fields left out are 0, fields out of range are carried over. */
function fromArray(name: string, array: readonly Json[]): BrokenTime {
  const parts = array.slice(0, 8).map((part, at) => {
    if (typeof part !== "number" || Number.isNaN(part)) {
      return fail(`${name} requires parsed datetime inputs`);
    }
    // C counts years from 1900, and the fraction is cut off there.
    return at === 0 ? toInt(part - 1900) + 1900 : toInt(part);
  });
  const [year = 1900, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const given = { year, month, day, hour, minute, second, weekday: 0, yearday: 0 };
  return breakDown(secondsOf(given));
}

function makeTime(value: Json): Json {
  if (!Array.isArray(value)) return fail("mktime requires array inputs");
  const seconds = secondsOf(fromArray("mktime", value));
  // C's timegm answers -1 for failure, so the second before the epoch cannot be told from it.
  return seconds === -1 ? fail("invalid gmtime representation") : seconds;
}

function format(name: string, source: string, value: Json, pattern: Json): Json {
  const array = typeof value === "number" ? brokenDown(source, value) : value;
  if (!Array.isArray(array)) return fail(`${name} requires parsed datetime inputs`);
  if (typeof pattern !== "string") return fail(`${name} requires a string format`);
  return formatTime(fromArray(name, array), pattern);
}

function parse(value: Json, pattern: Json): Json[] {
  if (typeof value !== "string" || typeof pattern !== "string") {
    return fail("strptime/1 requires string inputs and arguments");
  }
  const parsed = parseTime(value, pattern);
  if (parsed === undefined) return fail(`date "${value}" does not match format "${pattern}"`);
  const array = toArray(parsed.time, 0);
  return parsed.rest === "" ? array : [...array, parsed.rest];
}

const toDate = pure((value) => format("strftime/1", "gmtime", value, ISO));
const fromDate = pure((value) => makeTime(parse(value, ISO)));

/** jq's date arithmetic ignores its first argument, the unit. */
function shift(change: (value: Json, by: Json) => Json): Builder {
  return ([, by]) =>
    new Code({
      run: (input, env, emit) =>
        (by as Code).run(input, env, (amount) => emit(change(input, amount))),
    });
}

export const dateBuiltins: Builtins = new Map<string, Builder>([
  ["strptime/1", unary(parse)],
  ["strftime/1", unary((value, pattern) => format("strftime/1", "gmtime", value, pattern))],
  [
    "strflocaltime/1",
    unary((value, pattern) => format("strflocaltime/1", "localtime", value, pattern)),
  ],
  ["mktime/0", pure(makeTime)],
  ["gmtime/0", pure((value) => brokenDown("gmtime", value))],
  ["localtime/0", pure((value) => brokenDown("localtime", value))],
  ["todate/0", toDate],
  ["todateiso8601/0", toDate],
  ["date/0", toDate],
  ["fromdate/0", fromDate],
  ["fromdateiso8601/0", fromDate],
  ["dateadd/2", shift(add)],
  ["datesub/2", shift(subtract)],
]);
