/** Changes of a zone's offset: what falls into a gap, and what the wall clock shows twice. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { localIn, nextNominal, preview, type TimesSpec, timeZone } from "./index.ts";

interface Case {
  readonly zone: string;
  readonly expression: string;
  /** The whole of this stretch is looked at. */
  readonly from: string;
  readonly until: string;
  readonly rules?: Partial<Pick<TimesSpec, "dstGap" | "dstOverlap">>;
}

function spec({ zone, expression, rules }: Case): TimesSpec {
  return {
    trigger: { kind: "cron", expression },
    timeZone: zone,
    dstGap: "run",
    dstOverlap: "first",
    anchor: 0,
    ...rules,
  };
}

/** Local times in the stretch, each with its offset. */
function fires(example: Case): string[] {
  const zone = timeZone(example.zone);
  const until = Date.parse(example.until);
  const found: string[] = [];
  for (let at = Date.parse(example.from) - 1; ; ) {
    const next = nextNominal(spec(example), at);
    if (next === undefined || next.nominal > until) return found;
    at = next.nominal;
    found.push(localIn(zone, at));
  }
}

/** The hours around the change, of one zone; the rules default to those of a schedule. */
function around(zone: string, from: string, until: string) {
  return (expression: string, rules: Case["rules"] = {}): string[] =>
    fires({ zone, expression, from, until, rules }).map((text) => text.slice(11));
}

describe("a gap", () => {
  const lisbon = around("Europe/Lisbon", "2027-03-28T00:00:00Z", "2027-03-28T02:59:59Z");

  test("a time of day inside runs once, right after it", () => {
    assert.deepEqual(lisbon("30 1 * * *"), ["02:00:00+01:00"]);
    assert.deepEqual(lisbon("0 1 * * *"), ["02:00:00+01:00"]);
  });

  test("several times inside run once together", () => {
    assert.deepEqual(lisbon("*/10 1 * * *"), ["02:00:00+01:00"]);
    assert.deepEqual(lisbon("15/30 1-2 * * *"), [
      "02:00:00+01:00",
      "02:15:00+01:00",
      "02:45:00+01:00",
    ]);
  });

  test("what is due right after it anyway is not due twice", () => {
    assert.deepEqual(lisbon("0 1,2 * * *"), ["02:00:00+01:00"]);
  });

  test("a time of day inside is left out when the schedule says skip", () => {
    assert.deepEqual(lisbon("30 1 * * *", { dstGap: "skip" }), []);
    assert.deepEqual(lisbon("0 1,2 * * *", { dstGap: "skip" }), ["02:00:00+01:00"]);
  });

  test("an expression for every hour goes by elapsed time: nothing is added", () => {
    assert.deepEqual(lisbon("*/30 * * * *"), [
      "00:00:00Z",
      "00:30:00Z",
      "02:00:00+01:00",
      "02:30:00+01:00",
      "03:00:00+01:00",
      "03:30:00+01:00",
    ]);
    assert.deepEqual(lisbon("30 0-23 * * *"), ["00:30:00Z", "02:30:00+01:00", "03:30:00+01:00"]);
  });

  test("of half an hour, on Lord Howe", () => {
    const lordHowe = around("Australia/Lord_Howe", "2027-10-02T14:30:00Z", "2027-10-02T16:30:00Z");
    assert.deepEqual(lordHowe("15 2 * * *"), ["02:30:00+11:00"]);
    assert.deepEqual(lordHowe("45 2 * * *"), ["02:45:00+11:00"]);
    assert.deepEqual(lordHowe("15 2 * * *", { dstGap: "skip" }), []);
    assert.deepEqual(lordHowe("15 * * * *"), ["01:15:00+10:30", "03:15:00+11:00"]);
  });

  test("at midnight, in Sao Paulo, Cairo and Beirut", () => {
    for (const [zone, from, until, after] of [
      ["America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z", "01:00:00-02:00"],
      ["Africa/Cairo", "2023-04-27T12:00:00Z", "2023-04-28T12:00:00Z", "01:00:00+03:00"],
      ["Asia/Beirut", "2022-03-26T12:00:00Z", "2022-03-27T12:00:00Z", "01:00:00+03:00"],
    ] as const) {
      assert.deepEqual(around(zone, from, until)("@daily"), [after], zone);
      assert.deepEqual(around(zone, from, until)("@daily", { dstGap: "skip" }), [], zone);
    }
  });

  test("of a whole day, in Apia", () => {
    const stretch = { zone: "Pacific/Apia", from: "2011-12-30T00:00:00Z" };
    const daily = { ...stretch, expression: "0 9 * * *", until: "2012-01-01T00:00:00Z" };
    assert.deepEqual(fires(daily), [
      "2011-12-31T00:00:00+14:00",
      "2011-12-31T09:00:00+14:00",
      "2012-01-01T09:00:00+14:00",
    ]);
    const onThe30th = { ...stretch, expression: "0 9 30 * *", until: "2012-02-01T00:00:00Z" };
    assert.deepEqual(fires(onThe30th), ["2011-12-31T00:00:00+14:00", "2012-01-30T09:00:00+14:00"]);
    const skipped: Case = { ...onThe30th, rules: { dstGap: "skip" } };
    assert.deepEqual(fires(skipped), ["2012-01-30T09:00:00+14:00"]);
    const hourly = { ...stretch, expression: "0 * 30 12 *", until: "2012-01-01T00:00:00Z" };
    assert.deepEqual(fires(hourly), []);
  });
});

describe("an overlap", () => {
  const lisbon = around("Europe/Lisbon", "2027-10-31T00:00:00Z", "2027-10-31T02:59:59Z");
  const twice = ["01:30:00+01:00", "01:30:00Z"];

  test("a time of day that comes twice runs the first time, the second, or both", () => {
    assert.deepEqual(lisbon("30 1 * * *"), twice.slice(0, 1));
    assert.deepEqual(lisbon("30 1 * * *", { dstOverlap: "second" }), twice.slice(1));
    assert.deepEqual(lisbon("30 1 * * *", { dstOverlap: "both" }), twice);
  });

  test("begins and ends where the wall clock says", () => {
    assert.deepEqual(lisbon("0 1,2 * * *"), ["01:00:00+01:00", "02:00:00Z"]);
    const second = { dstOverlap: "second" } as const;
    assert.deepEqual(lisbon("0 1,2 * * *", second), ["01:00:00Z", "02:00:00Z"]);
    assert.deepEqual(lisbon("59 59 1 * * *", second), ["01:59:59Z"]);
  });

  test("an expression for every hour goes by elapsed time: through both passes, whatever the rule", () => {
    for (const dstOverlap of ["first", "second", "both"] as const) {
      assert.deepEqual(lisbon("0 * * * *", { dstOverlap }), [
        "01:00:00+01:00",
        "01:00:00Z",
        "02:00:00Z",
      ]);
    }
  });

  test("of half an hour, on Lord Howe", () => {
    const lordHowe = around("Australia/Lord_Howe", "2027-04-03T14:00:00Z", "2027-04-03T16:00:00Z");
    assert.deepEqual(lordHowe("45 1 * * *"), ["01:45:00+11:00"]);
    assert.deepEqual(lordHowe("45 1 * * *", { dstOverlap: "second" }), ["01:45:00+10:30"]);
    assert.deepEqual(lordHowe("15 1 * * *", { dstOverlap: "both" }), ["01:15:00+11:00"]);
    assert.deepEqual(lordHowe("*/20 * * * *").slice(2, 6), [
      "01:40:00+11:00",
      "01:40:00+10:30",
      "02:00:00+10:30",
      "02:20:00+10:30",
    ]);
  });

  test("over midnight, in Sao Paulo: the day before ends twice", () => {
    const stretch = ["2018-02-17T12:00:00Z", "2018-02-18T12:00:00Z"] as const;
    const saoPaulo = around("America/Sao_Paulo", ...stretch);
    assert.deepEqual(saoPaulo("30 23 * * *"), ["23:30:00-02:00"]);
    assert.deepEqual(saoPaulo("30 23 * * *", { dstOverlap: "second" }), ["23:30:00-03:00"]);
    assert.deepEqual(saoPaulo("@daily", { dstOverlap: "both" }), ["00:00:00-03:00"]);
  });
});

test("a zone whose offset changes four times a year, and towards winter in summer", () => {
  // Morocco sets its clocks back for Ramadan; in 2013 it set them four times.
  const daily = { zone: "Africa/Casablanca", expression: "30 2 * * *" };
  const year = { from: "2013-01-01T00:00:00Z", until: "2013-12-31T23:00:00Z" };
  assert.equal(fires({ ...daily, ...year }).length, 365);
  assert.equal(fires({ ...daily, ...year, rules: { dstGap: "skip" } }).length, 363);
  assert.equal(fires({ ...daily, ...year, rules: { dstOverlap: "both" } }).length, 367);
});

test("daylight saving of a single week is not looked past", () => {
  // Recife put its clocks forward on 8 October 2000, and back on the 15th.
  const midnights = { zone: "America/Recife", expression: "30 23 14 10 *" };
  const year = { from: "2000-01-01T00:00:00Z", until: "2000-12-31T00:00:00Z" };
  const both: Case = { ...midnights, ...year, rules: { dstOverlap: "both" } };
  assert.deepEqual(fires(both), ["2000-10-14T23:30:00-02:00", "2000-10-14T23:30:00-03:00"]);
});

test("a rare expression jumps over many changes, and stops at the one that matters", () => {
  // The jump goes to shortly before 28 March 2027, where Lisbon's clock leaves 01:30 out.
  const rare = { zone: "Europe/Lisbon", expression: "30 1 28 3 +SUN" };
  const years = { from: "2022-01-01T00:00:00Z", until: "2031-12-31T00:00:00Z" };
  assert.deepEqual(fires({ ...rare, ...years }), ["2027-03-28T02:00:00+01:00"]);
  // From the first pass of a repeated hour on, the second pass comes before any later date.
  const yearly = { zone: "Europe/Lisbon", expression: "15 1 31 10 *" };
  const both: Case = {
    ...yearly,
    from: "2027-10-31T00:20:00Z",
    until: "2028-12-31T00:00:00Z",
    rules: { dstOverlap: "both" },
  };
  assert.deepEqual(fires(both), ["2027-10-31T01:15:00Z", "2028-10-31T01:15:00Z"]);
});

test("the preview says how a time stands to a change", () => {
  const example = { zone: "Europe/Lisbon", from: "", until: "" };
  const shifts = (expression: string, after: string, count: number) =>
    preview(
      spec({ ...example, expression, rules: { dstOverlap: "both" } }),
      "id",
      Date.parse(after),
      count,
    ).map(({ local, shift }) => [local, shift]);
  assert.deepEqual(shifts("30 1 * * *", "2027-03-27T02:00:00Z", 2), [
    ["2027-03-28T02:00:00+01:00", "afterGap"],
    ["2027-03-29T01:30:00+01:00", undefined],
  ]);
  assert.deepEqual(shifts("30 1 * * *", "2027-10-30T23:00:00Z", 3), [
    ["2027-10-31T01:30:00+01:00", "firstPass"],
    ["2027-10-31T01:30:00Z", "secondPass"],
    ["2027-11-01T01:30:00Z", undefined],
  ]);
  assert.deepEqual(shifts("0 1,2 * * *", "2027-10-30T23:00:00Z", 3), [
    ["2027-10-31T01:00:00+01:00", "firstPass"],
    ["2027-10-31T01:00:00Z", "secondPass"],
    ["2027-10-31T02:00:00Z", undefined],
  ]);
});
