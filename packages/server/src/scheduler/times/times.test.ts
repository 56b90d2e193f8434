import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  fireAt,
  nextNominal,
  nominalAfterEnd,
  nominalsBetween,
  preview,
  type TimesSpec,
  timeZone,
} from "./index.ts";

const at = (text: string): number => Date.parse(text);
const BASE = { timeZone: "UTC", dstGap: "run", dstOverlap: "first", anchor: 0 } as const;

function cron(expression: string, more: Partial<TimesSpec> = {}): TimesSpec {
  return { ...BASE, trigger: { kind: "cron", expression }, ...more };
}

/** Instants of the times after `after`, at most `count`. */
function next(spec: TimesSpec, after: string, count: number): string[] {
  return preview(spec, "id", at(after), count).map(({ nominal }) =>
    new Date(nominal).toISOString().replace(".000", ""),
  );
}

describe("cron", () => {
  test("is strictly after, to the millisecond", () => {
    const daily = cron("0 9 * * *");
    assert.deepEqual(next(daily, "2027-01-01T08:59:59.999Z", 1), ["2027-01-01T09:00:00Z"]);
    assert.deepEqual(next(daily, "2027-01-01T09:00:00Z", 1), ["2027-01-02T09:00:00Z"]);
    assert.deepEqual(next(daily, "2027-01-01T09:00:00.001Z", 1), ["2027-01-02T09:00:00Z"]);
  });

  test("follows the wall clock of its zone", () => {
    const newYork = cron("0 9 * * *", { timeZone: "America/New_York" });
    assert.deepEqual(next(newYork, "2027-03-13T00:00:00Z", 2), [
      "2027-03-13T14:00:00Z",
      "2027-03-14T13:00:00Z",
    ]);
    const kathmandu = cron("0 0 1 * *", { timeZone: "Asia/Kathmandu" });
    assert.deepEqual(next(kathmandu, "2027-01-01T00:00:00Z", 1), ["2027-01-31T18:15:00Z"]);
  });

  test("finds what is rare across many changes of the zone", () => {
    const spec = cron("30 2 29 2 +MON", { timeZone: "Europe/Lisbon" });
    assert.deepEqual(next(spec, "2027-01-01T00:00:00Z", 3), [
      "2044-02-29T02:30:00Z",
      "2072-02-29T02:30:00Z",
      "2112-02-29T02:30:00Z",
    ]);
  });

  test("has times from startAt to endAt, both included", () => {
    const spec = cron("0 9 * * *", {
      startAt: at("2027-01-05T09:00:00Z"),
      endAt: at("2027-01-07T09:00:00Z"),
    });
    assert.deepEqual(next(spec, "2027-01-01T00:00:00Z", 9), [
      "2027-01-05T09:00:00Z",
      "2027-01-06T09:00:00Z",
      "2027-01-07T09:00:00Z",
    ]);
    assert.deepEqual(next(spec, "2027-01-06T12:00:00Z", 9), ["2027-01-07T09:00:00Z"]);
  });

  test("has no times after the year 9999", () => {
    assert.deepEqual(next(cron("@yearly"), "9998-06-01T00:00:00Z", 9), ["9999-01-01T00:00:00Z"]);
  });
});

describe("every", () => {
  const spec = (more: Partial<TimesSpec>): TimesSpec => ({
    ...BASE,
    trigger: { kind: "every", milliseconds: 90_000 },
    anchor: at("2027-01-01T00:00:10Z"),
    ...more,
  });

  test("counts from the creation, the first one interval later", () => {
    assert.deepEqual(next(spec({}), "2026-01-01T00:00:00Z", 2), [
      "2027-01-01T00:01:40Z",
      "2027-01-01T00:03:10Z",
    ]);
    assert.deepEqual(next(spec({}), "2027-01-01T00:01:40Z", 1), ["2027-01-01T00:03:10Z"]);
  });

  test("counts from startAt where there is one, the first at it", () => {
    const started = spec({ startAt: at("2027-06-01T12:00:00Z") });
    assert.deepEqual(next(started, "2027-01-01T00:00:00Z", 2), [
      "2027-06-01T12:00:00Z",
      "2027-06-01T12:01:30Z",
    ]);
    assert.deepEqual(next(started, "2027-06-01T13:00:00Z", 1), ["2027-06-01T13:01:30Z"]);
  });

  test("goes by elapsed time through a change of the zone", () => {
    const hourly = spec({
      trigger: { kind: "every", milliseconds: 3_600_000 },
      anchor: at("2027-03-28T00:30:00Z"),
      timeZone: "Europe/Lisbon",
    });
    const times = preview(hourly, "id", at("2027-03-28T00:00:00Z"), 2);
    assert.deepEqual(
      times.map(({ local }) => local),
      ["2027-03-28T02:30:00+01:00", "2027-03-28T03:30:00+01:00"],
    );
  });
});

describe("after and on", () => {
  const spec: TimesSpec = {
    ...BASE,
    trigger: { kind: "after", milliseconds: 60_000 },
    anchor: at("2027-01-01T00:00:00Z"),
    endAt: at("2027-01-01T01:00:00Z"),
  };

  test("after has its first time at the creation, the others after an end", () => {
    assert.deepEqual(next(spec, "2026-01-01T00:00:00Z", 5), ["2027-01-01T00:00:00Z"]);
    const ended = at("2027-01-01T00:30:00.250Z");
    assert.deepEqual(nominalAfterEnd(spec, ended), { nominal: ended + 60_000, excluded: false });
    assert.equal(nominalAfterEnd(spec, at("2027-01-01T00:59:30Z")), undefined);
  });

  test("an end before startAt is followed by no time before it", () => {
    const startAt = at("2027-06-01T00:00:00Z");
    const late: TimesSpec = { ...spec, startAt, endAt: startAt };
    const ended = at("2027-05-01T00:00:00Z");
    assert.deepEqual(nominalAfterEnd(late, ended), { nominal: startAt, excluded: false });
  });

  test("on has no times", () => {
    assert.equal(nextNominal({ ...spec, trigger: { kind: "on" } }, 0), undefined);
    assert.equal(nominalAfterEnd({ ...spec, trigger: { kind: "on" } }, 0), undefined);
  });
});

describe("excluded dates", () => {
  test("are those of the time zone, single or first to last, and are marked", () => {
    const spec = cron("0 20 * * *", {
      timeZone: "America/New_York",
      excludedDates: ["2027-12-22", "2027-12-24/2027-12-26"],
    });
    const times = preview(spec, "id", at("2027-12-22T00:00:00-05:00"), 6);
    assert.deepEqual(
      times.map(({ local, excluded }) => [local.slice(8, 10), excluded]),
      [
        ["22", true],
        ["23", false],
        ["24", true],
        ["25", true],
        ["26", true],
        ["27", false],
      ],
    );
  });
});

describe("jitter", () => {
  const spec = cron("* * * * *", { jitter: 30_000 });

  test("is the same for the same schedule and time, and other for others", () => {
    const nominal = at("2027-01-01T00:00:00Z");
    assert.equal(fireAt(spec, "a", nominal), fireAt(spec, "a", nominal));
    const delays = Array.from({ length: 50 }, (_, index) =>
      fireAt(spec, `schedule ${index}`, nominal),
    );
    assert.ok(new Set(delays).size > 40, `${new Set(delays).size} of 50 differ`);
    assert.notEqual(fireAt(spec, "a", nominal) - nominal, fireAt(spec, "a", nominal + 1) - nominal);
  });

  test("lies in [0, jitter), spread over all of it", () => {
    const tenths = new Set<number>();
    for (let minute = 0; minute < 1_000; minute++) {
      const delay = fireAt(spec, "a", minute * 60_000) - minute * 60_000;
      assert.ok(Number.isInteger(delay) && delay >= 0 && delay < 30_000, `${delay}`);
      tenths.add(Math.floor(delay / 3_000));
    }
    assert.equal(tenths.size, 10);
    assert.equal(fireAt(cron("* * * * *"), "a", 60_000), 60_000);
  });
});

describe("between two instants", () => {
  const hourly = cron("@hourly", { excludedDates: ["2027-01-02"] });

  test("the first is left out, the last is in", () => {
    const found = nominalsBetween(
      hourly,
      at("2027-01-01T22:00:00Z"),
      at("2027-01-02T00:00:00Z"),
      9,
    );
    assert.deepEqual(found, {
      nominals: [
        { nominal: at("2027-01-01T23:00:00Z"), excluded: false },
        { nominal: at("2027-01-02T00:00:00Z"), excluded: true },
      ],
      more: false,
    });
  });

  test("a limit keeps the earliest and says that there are more", () => {
    const from = at("2027-01-01T00:00:00Z");
    const found = nominalsBetween(hourly, from, at("2028-01-01T00:00:00Z"), 3);
    assert.equal(found.nominals.at(-1)?.nominal, at("2027-01-01T03:00:00Z"));
    assert.equal(found.more, true);
    assert.equal(nominalsBetween(hourly, from, from + 3 * 3_600_000, 3).more, false);
  });
});

describe("time zones", () => {
  test("names that nobody knows, or everybody knows otherwise, are refused", () => {
    for (const [name, reason] of [
      ["Europe/Lisbonn", /did you mean "Europe\/Lisbon"/],
      ["new york", /did you mean "America\/New_York"/],
      ["BST", /"BST" is an abbreviation that means different zones/],
      ["pst", /is an abbreviation/],
      ["+01:00", /is not the name of a time zone/],
      ["", /is not the name of a time zone/],
      ["x".repeat(1_000_000), /"x{60}…" is not the name/],
    ] as const) {
      assert.throws(() => timeZone(name), reason);
    }
  });

  test("aliases and any case are taken", () => {
    for (const name of ["US/Eastern", "america/new_york", "America/New_York"]) {
      assert.equal(timeZone(name).segmentAt(at("2027-07-01T00:00:00Z") / 1000).offset, -4 * 3600);
    }
  });
});
