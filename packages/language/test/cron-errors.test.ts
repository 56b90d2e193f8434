import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { civilOfSeconds, cronProblem, nextCivil, parseCron } from "../src/cron/index.ts";

function refuses(expression: string, reason: RegExp): void {
  assert.match(cronProblem(expression) ?? "is accepted", reason, JSON.stringify(expression));
}

describe("what is wrong with a cron expression", () => {
  test("a value out of a field's range names the field and the range", () => {
    refuses("60 * * * *", /: minute "60": 60 is out of range; expected 0-59$/);
    refuses("* 24 * * *", /: hour "24": .* expected 0-23$/);
    refuses("* * 0 * *", /: day of month "0": .* expected 1-31$/);
    refuses("* * * 13 *", /: month "13": .* expected 1-12 or JAN-DEC$/);
    refuses("* * * * 8", /: day of week "8": .* expected 0-7 or SUN-SAT$/);
    refuses("61 * * * * *", /: second "61"/);
    refuses("5-99 * * * *", /minute "5-99": 99 is out of range/);
  });

  test("every wrong field of a cron expression is reported, not only the first", () => {
    const parsed = parseCron("99 x 1 1 1");
    assert.ok("issues" in parsed);
    assert.deepEqual(
      parsed.issues.map(({ field, text }) => [field, text]),
      [
        ["minute", "99"],
        ["hour", "X"],
      ],
    );
  });

  test("a misspelt name in a cron expression gets the one that was meant", () => {
    refuses("0 0 * JNA *", /month "JNA": "JNA" is no value \(did you mean "JAN"\?\)/);
    refuses("0 0 * * MNO", /did you mean "MON"/);
    refuses("0 0 MON * *", /day of month "MON": .* expected 1-31/);
  });

  test("dates that no calendar has never fire", () => {
    refuses("0 0 30 2 *", /never fires/);
    refuses("0 0 31 4,6,9,11 ?", /never fires/);
    refuses("0 0 30,31 FEB *", /never fires/);
    refuses("0 0 ? 2 MON#5", /^is accepted$/);
    refuses("0 0 1-7 * +MON#2", /never fires/);
    refuses("0 0 L-30 2,4,6,9,11 *", /never fires/);
  });

  test("too few and too many fields of a cron expression", () => {
    refuses("", /has 0 fields; expected 5/);
    refuses("* * * *", /has 4 fields; expected 5/);
    refuses("0 0 0 1 1 ? 2027", /has 7 fields.*a year is no field, use startAt and endAt/);
  });

  test("forms of days in fields that have none", () => {
    refuses("? 0 * * *", /minute "\?": "\?" says something about days/);
    refuses("0 L * * *", /hour "L": "L" says something about days/);
    refuses("0 0 * 3#2 *", /month "3#2": "#" says/);
    refuses("0 0 FRI#2 * *", /day of month .* belongs into the day of week/);
    refuses("0 0 L15 * *", /day of month "L15": expected L, L-3, LW/);
    refuses("0 0 L-31 * *", /expected L-1 to L-30/);
    refuses("0 0 * * L", /day of week "L": the last of which weekday/);
    refuses("0 0 * * FRI#6", /does not say which one; expected # and 1-5/);
    refuses("0 0 * * 1W", /"W" belongs to a day of the month/);
    refuses("0 0 * * MON-FRI#2", /"MON-FRI" is no value/);
  });

  test("lists, ranges and steps of a cron expression with holes", () => {
    refuses("1,,2 * * * *", /a "," with nothing before or after it/);
    refuses("5- * * * *", /a value is missing; expected 0-59/);
    refuses("-5 * * * *", /a value is missing/);
    refuses("1-2-3 * * * *", /more than one "-"/);
    refuses("*/5/5 * * * *", /more than one "\/"/);
    refuses("*/0 * * * *", /"0" is no step/);
    refuses("*/ * * * *", /"" is no step/);
    refuses("*/1.5 * * * *", /"1.5" is no step/);
    refuses("*/90 * * * *", /a step of 90 leaves nothing to step to/);
    refuses("*/60 * * * *", /a step of 60 leaves nothing to step to: the field has 60 values/);
    refuses("0 0 * * */7", /a step of 7 leaves nothing/);
  });

  test("nicknames and prefixes that schedules do not have", () => {
    refuses("@reboot", /expected one of @yearly/);
    refuses("@every 5m", /expected one of @yearly/);
    refuses("CRON_TZ=Europe/Lisbon 0 0 * * *", /timeZone/);
  });

  test("a cron expression of a megabyte is refused by its length", () => {
    const problem = cronProblem("1,".repeat(500_000)) ?? "";
    assert.match(problem, /1000000 characters long; expected at most 500/);
    assert.ok(problem.length < 200, `${problem.length}`);
  });

  test("any text is either an expression that fires or has issues", () => {
    const item = fc.constantFrom(
      "*",
      "?",
      "L",
      "W",
      "#",
      "-",
      "/",
      ",",
      "1",
      "31",
      "MON",
      "@",
      "+",
    );
    const field = fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => items.join(""));
    const expression = fc.array(field, { minLength: 5, maxLength: 6 }).map((all) => all.join(" "));
    fc.assert(
      fc.property(fc.oneof(expression, fc.string()), fc.nat(4_000_000_000), (source, after) => {
        const parsed = parseCron(source);
        if ("issues" in parsed) return;
        const next = nextCivil(parsed.cron, after);
        assert.ok(next !== undefined && next > after, source);
        assert.equal((parsed.cron.months >>> civilOfSeconds(next).month) & 1, 1, source);
      }),
      { numRuns: 5000 },
    );
  });
});
