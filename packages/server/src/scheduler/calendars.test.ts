/** What a node knows of calendars, over a reader whose answers the test gives. */
import assert from "node:assert/strict";
import test from "node:test";
import { timesWith } from "./calendar.ts";
import { type CalendarReader, CalendarSnapshot } from "./calendars.ts";
import { DEFAULTS, type ScheduleSpec } from "./schedule.ts";

/** Calendars in memory, counted as the tables count them. */
class Shelf implements CalendarReader {
  readonly all = new Map<string, { change: number; dates: readonly string[] }>();
  change = 0;
  /** What was read of each calendar. */
  readonly asked: string[] = [];
  failure: Error | undefined;

  set(name: string, ...dates: readonly string[]): void {
    this.change += 1;
    this.all.set(name, { change: this.change, dates });
  }
  async mark(): Promise<string> {
    if (this.failure !== undefined) throw this.failure;
    return `${this.all.size}/${Math.max(0, ...[...this.all.values()].map(({ change }) => change))}`;
  }
  async read(since: number) {
    const calendars = [...this.all].map(([name, { change, dates }]) => {
      if (change > since) this.asked.push(name);
      return { tenant: "default", name, ...(change > since ? { dates } : {}) };
    });
    return { change: this.change, calendars };
  }
}

function bench() {
  const shelf = new Shelf();
  const clock = { at: 0, monotonic: () => clock.at };
  return { shelf, clock, snapshot: new CalendarSnapshot(shelf, clock) };
}

test("nothing is known before the first reading, and what changed is read alone", async () => {
  const { shelf, snapshot } = bench();
  shelf.set("a", "2027-01-01");
  shelf.set("b", "2027-01-02");
  assert.equal(snapshot.days("default", "a"), undefined);
  await snapshot.refresh();
  shelf.set("b", "2027-01-03");
  await snapshot.refresh();
  await snapshot.refresh();
  assert.deepEqual(shelf.asked, ["a", "b", "b"]);
  assert.equal(snapshot.days("default", "a")?.has("2027-01-01"), true);
  assert.equal(snapshot.days("default", "b")?.has("2027-01-02"), false);
  assert.equal(snapshot.days("other", "a"), undefined);
  shelf.all.delete("a");
  await snapshot.refresh();
  assert.deepEqual(snapshot.names("default"), ["b"]);
});

test("a node that cannot read the calendars knows none after a while, until it can again", async () => {
  const { shelf, clock, snapshot } = bench();
  shelf.set("a", "2027-01-01");
  await snapshot.refresh();
  shelf.failure = new Error("the database is away");
  clock.at = 9_000;
  await assert.rejects(snapshot.refresh(), /away/);
  assert.ok(snapshot.days("default", "a"));
  clock.at = 10_001;
  assert.equal(snapshot.days("default", "a"), undefined);
  shelf.failure = undefined;
  await snapshot.refresh();
  assert.ok(snapshot.days("default", "a"));
});

test("whoever asks while one reads gets a reading that began after", async () => {
  const { shelf, snapshot } = bench();
  const first = snapshot.refresh();
  await Promise.resolve();
  shelf.set("late", "2027-01-01");
  await Promise.all([first, snapshot.refresh(), snapshot.refresh()]);
  assert.deepEqual(snapshot.names("default"), ["late"]);
});

test("a time is left out by its own dates first, then by the first calendar that has its day in the time zone", async () => {
  const { shelf, snapshot } = bench();
  shelf.set("a", "2027-01-02");
  shelf.set("b", "--01-02", "--01-03");
  await snapshot.refresh();
  const spec: ScheduleSpec = {
    ...DEFAULTS,
    workflow: { namespace: "n", name: "n" },
    input: {},
    trigger: { kind: "cron", expression: "@daily" },
    timeZone: "Pacific/Auckland",
    excludedDates: ["--01-01"],
    calendars: ["gone", "a", "b"],
  };
  const exclusion = (at: string, of: Partial<ScheduleSpec> = {}) =>
    timesWith(snapshot).exclusion({ tenant: "default", spec: { ...spec, ...of } }, Date.parse(at));
  assert.deepEqual(exclusion("2026-12-31T11:00:00Z"), { kind: "dates" });
  assert.deepEqual(exclusion("2027-01-01T11:00:00Z"), { kind: "calendar", name: "a" });
  assert.deepEqual(exclusion("2027-01-02T11:00:00Z"), { kind: "calendar", name: "b" });
  assert.deepEqual(exclusion("2027-01-03T11:00:00Z"), { kind: "unknown", name: "gone" });
  assert.equal(exclusion("2027-01-03T11:00:00Z", { calendars: ["a", "b"] }), undefined);
});
