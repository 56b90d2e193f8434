import assert from "node:assert/strict";
import test from "node:test";
import { DaySet } from "./days.ts";

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

test("a day is found in what names it: alone, in a range up to its ends, every year", () => {
  const days = new DaySet([
    "2027-04-02",
    "2027-12-24/2028-01-02",
    "2027-12-30/2027-12-31",
    "--05-01",
    "--02-29",
  ]);
  const has = (...dates: readonly string[]) => dates.map((date) => days.has(date));
  assert.deepEqual(has("2027-04-01", "2027-04-02", "2027-04-03"), [false, true, false]);
  assert.deepEqual(has("2027-12-23", "2027-12-24", "2028-01-01", "2028-01-02", "2028-01-03"), [
    false,
    true,
    true,
    true,
    false,
  ]);
  assert.deepEqual(has("0001-05-01", "2027-05-01", "9999-05-01"), [true, true, true]);
  assert.deepEqual(has("2027-02-28", "2027-03-01", "2028-02-29"), [false, false, true]);
  assert.equal(new DaySet([]).has("2027-01-01"), false);
});

test("any ranges hold the same days as a list of every day of theirs", () => {
  const first = Date.UTC(2027, 0, 1);
  // Fixed, and of every kind: apart, touching, inside each other, the same beginning.
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let round = 0; round < 200; round++) {
    const all = new Set<string>();
    const entries = Array.from({ length: random(12) }, () => {
      const from = random(80);
      const until = from + random(15);
      for (let n = from; n <= until; n++) all.add(dayOf(first + n * 86_400_000));
      return `${dayOf(first + from * 86_400_000)}/${dayOf(first + until * 86_400_000)}`;
    });
    const days = new DaySet(entries);
    for (let n = -2; n < 100; n++) {
      const day = dayOf(first + n * 86_400_000);
      assert.equal(days.has(day), all.has(day), `${day} in ${entries.join(", ")}`);
    }
  }
});
