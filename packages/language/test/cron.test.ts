import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { weekdayOfDays } from "../src/cron/calendar.ts";
import {
  civilFromDays,
  civilOfSeconds,
  civilSeconds,
  type CronExpression,
  cronProblem,
  daysFromCivil,
  nextCivil,
  parseCron,
} from "../src/cron/index.ts";

function cron(expression: string): CronExpression {
  const parsed = parseCron(expression);
  assert.ok("cron" in parsed, cronProblem(expression));
  return parsed.cron;
}

/** `2027-01-31T09:00:00` and back; the text's instant in UTC is its civil second. */
const civil = (text: string): number => Date.parse(`${text}Z`) / 1000;
const text = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19);

function times(expression: string, after: string, count: number): string[] {
  const parsed = cron(expression);
  const found: string[] = [];
  let at: number | undefined = civil(after);
  while (found.length < count) {
    at = nextCivil(parsed, at);
    if (at === undefined) break;
    found.push(text(at));
  }
  return found;
}

/** The dates alone, of an expression that fires once a day. */
const dates = (days: string, after: string, count: number): string[] =>
  times(`0 0 ${days}`, after, count).map((time) => time.slice(0, 10));

describe("the calendar", () => {
  test("agrees with Date from the year 1 to 9999", () => {
    const first = Date.UTC(2000, 0, 1) / 86_400_000 - 1999 * 366;
    fc.assert(
      fc.property(fc.integer({ min: first, max: 2_932_896 }), (days) => {
        const date = new Date(days * 86_400_000);
        const { year, month, day } = civilFromDays(days);
        assert.deepEqual(
          [year, month, day, weekdayOfDays(days)],
          [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCDay()],
        );
        assert.equal(daysFromCivil(year, month, day), days);
      }),
      { numRuns: 2000 },
    );
  });

  test("times go there and back, before 1970 too", () => {
    for (const at of ["1969-12-31T23:59:59", "2000-02-29T00:00:00", "2038-01-19T03:14:08"]) {
      assert.equal(text(civilSeconds(civilOfSeconds(civil(at)))), at);
    }
  });
});

describe("what an expression means", () => {
  test("five fields fire at second 0, six name their seconds", () => {
    assert.deepEqual(times("30 9 * * *", "2027-01-01T09:30:00", 1), ["2027-01-02T09:30:00"]);
    assert.deepEqual(times("15,45 30 9 * * *", "2027-01-01T09:30:15", 2), [
      "2027-01-01T09:30:45",
      "2027-01-02T09:30:15",
    ]);
    assert.deepEqual(times("59 59 23 31 12 *", "2027-12-31T23:59:58", 2), [
      "2027-12-31T23:59:59",
      "2028-12-31T23:59:59",
    ]);
  });

  test("names, in either case, and 7 for Sunday", () => {
    assert.deepEqual(dates("* jan Mon", "2027-01-01T00:00:00", 2), ["2027-01-04", "2027-01-11"]);
    for (const sunday of ["0", "7", "SUN", "7-7", "sun"]) {
      assert.deepEqual(dates(`* * ${sunday}`, "2027-01-01T00:00:00", 2), [
        "2027-01-03",
        "2027-01-10",
      ]);
    }
  });

  test("steps count from where they begin, to the end of the field", () => {
    const minutes = (field: string, count: number) =>
      times(`${field} 0 * * *`, "2027-01-01T23:00:00", count).map((time) => time.slice(14, 16));
    assert.deepEqual(minutes("*/25", 4), ["00", "25", "50", "00"]);
    assert.deepEqual(minutes("3/20", 4), ["03", "23", "43", "03"]);
    assert.deepEqual(minutes("1-30/13", 4), ["01", "14", "27", "01"]);
    assert.deepEqual(minutes("50-10/7", 4), ["04", "50", "57", "04"]);
  });

  test("ranges go around the end of a field", () => {
    assert.deepEqual(dates("* * FRI-MON", "2027-01-05T00:00:00", 5), [
      "2027-01-08",
      "2027-01-09",
      "2027-01-10",
      "2027-01-11",
      "2027-01-15",
    ]);
    const hours = times("0 22-2/2 * * *", "2027-01-01T12:00:00", 3).map((at) => at.slice(11, 13));
    assert.deepEqual(hours, ["22", "00", "02"]);
    assert.deepEqual(dates("1 NOV-FEB ?", "2027-01-01T00:00:00", 4), [
      "2027-02-01",
      "2027-11-01",
      "2027-12-01",
      "2028-01-01",
    ]);
    assert.deepEqual(dates("* * 5-7", "2027-01-04T00:00:00", 3), [
      "2027-01-08",
      "2027-01-09",
      "2027-01-10",
    ]);
    assert.deepEqual(dates("* * 7/3", "2027-01-01T00:00:00", 3), [
      "2027-01-02",
      "2027-01-03",
      "2027-01-06",
    ]);
  });

  test("L is the last day of the month, L-3 three before it, LW its last weekday", () => {
    assert.deepEqual(dates("L * *", "2028-02-01T00:00:00", 2), ["2028-02-29", "2028-03-31"]);
    assert.deepEqual(dates("L-3,L * *", "2027-02-01T00:00:00", 2), ["2027-02-25", "2027-02-28"]);
    assert.deepEqual(dates("L-29 * *", "2027-02-01T00:00:00", 2), ["2027-03-02", "2027-04-01"]);
    // 31 January 2027 is a Sunday, 31 July a Saturday, 30 April a Friday.
    assert.deepEqual(dates("LW 1,4,7 *", "2027-01-01T00:00:00", 3), [
      "2027-01-29",
      "2027-04-30",
      "2027-07-30",
    ]);
  });

  test("W is the nearest weekday, and stays in its month", () => {
    // 15 May 2027 is a Saturday, 15 August a Sunday; 1 May a Saturday; 31 October a Sunday.
    assert.deepEqual(dates("15W 5,8 *", "2027-01-01T00:00:00", 2), ["2027-05-14", "2027-08-16"]);
    assert.deepEqual(dates("1W 5 *", "2027-01-01T00:00:00", 1), ["2027-05-03"]);
    assert.deepEqual(dates("31W 9-10 *", "2027-09-01T00:00:00", 1), ["2027-10-29"]);
  });

  test("# is the n-th, L the last weekday of the month", () => {
    assert.deepEqual(dates("* * FRI#2", "2027-01-01T00:00:00", 2), ["2027-01-08", "2027-02-12"]);
    assert.deepEqual(dates("* * MON#5", "2027-01-01T00:00:00", 2), ["2027-03-29", "2027-05-31"]);
    for (const field of ["FRIL", "5L", "FRI#L"]) {
      assert.deepEqual(dates(`* * ${field}`, "2027-01-01T00:00:00", 2), [
        "2027-01-29",
        "2027-02-26",
      ]);
    }
    assert.deepEqual(dates("* * SUN#1,7L", "2027-01-01T00:00:00", 3), [
      "2027-01-03",
      "2027-01-31",
      "2027-02-07",
    ]);
  });

  test("two restricted day fields mean either; a star or a + means both", () => {
    assert.deepEqual(dates("13 * FRI", "2027-08-01T00:00:00", 4), [
      "2027-08-06",
      "2027-08-13",
      "2027-08-20",
      "2027-08-27",
    ]);
    assert.deepEqual(dates("13 * +FRI", "2027-01-01T00:00:00", 2), ["2027-08-13", "2028-10-13"]);
    assert.deepEqual(dates("*/2 * MON", "2027-01-01T00:00:00", 3), [
      "2027-01-11",
      "2027-01-25",
      "2027-02-01",
    ]);
    assert.deepEqual(dates("? * MON", "2027-01-01T00:00:00", 1), ["2027-01-04"]);
  });

  test("the nicknames", () => {
    const first = (name: string) => times(name, "2027-06-15T12:34:56", 1)[0];
    assert.equal(first("@yearly"), "2028-01-01T00:00:00");
    assert.equal(first("@annually"), "2028-01-01T00:00:00");
    assert.equal(first("@monthly"), "2027-07-01T00:00:00");
    assert.equal(first("@Weekly"), "2027-06-20T00:00:00");
    assert.equal(first("@daily"), "2027-06-16T00:00:00");
    assert.equal(first("@midnight"), "2027-06-16T00:00:00");
    assert.equal(first(" @hourly "), "2027-06-15T13:00:00");
  });

  test("dates that are rare are found, over the missing leap year of 2100 too", () => {
    assert.deepEqual(dates("29 2 +MON", "2027-01-01T00:00:00", 3), [
      "2044-02-29",
      "2072-02-29",
      "2112-02-29",
    ]);
    assert.deepEqual(dates("29 FEB ?", "2096-03-01T00:00:00", 1), ["2104-02-29"]);
  });
});
