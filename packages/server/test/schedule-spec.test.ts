/** Whatever is given as a schedule: it is refused with its issues, or it can be written, read again and previewed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "@millrace/language";
import { RuntimeError } from "../src/runtime.ts";
import { previewOffline } from "../src/scheduler/offline.ts";
import { readSpec } from "../src/scheduler/read-spec.ts";
import type { ScheduleSpec } from "../src/scheduler/schedule.ts";
import { writeSpec } from "../src/scheduler/write-spec.ts";

const workflow = { namespace: "shop", name: "order" };
/** Values that may be right, beside any other. */
const LIKELY: Readonly<Record<string, readonly unknown[]>> = {
  workflow: [{ ...workflow, version: "1.0.0" }],
  input: [null],
  priority: ["P0", "P4"],
  cron: ["@daily", "0 3 * * *", "*/7 30 1 L * +FRI"],
  every: ["PT1S", { minutes: 5 }, "P100W"],
  after: ["PT0S"],
  on: [{ one: { with: { type: "a" } } }, { any: [] }],
  read: ["raw"],
  timeZone: ["Europe/Lisbon", "EST5EDT", "asia/kolkata"],
  dstGap: ["skip"],
  dstOverlap: ["both"],
  overlap: ["allow"],
  catchUp: ["none"],
  catchUpWindow: ["PT0S"],
  jitter: ["PT0.5S", "P49D"],
  startAt: ["2026-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"],
  endAt: ["2026-06-01T00:00:00.123+01:00", "9999-12-31T23:59:59Z"],
  pauseAfterFailures: [1],
  excludedDates: [["2026-01-01", "2026-02-01/2026-03-01"]],
  ["__proto__"]: [1],
  unknown: [1],
};
const member = fc
  .constantFrom(...Object.entries(LIKELY))
  .chain(([name, values]) =>
    fc.tuple(fc.constant(name), fc.oneof(fc.constantFrom(...values), fc.jsonValue())),
  );

test("what is taken as a schedule is written as it is read, and has times; all else has issues", () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(member, { maxLength: 6 }), (members) => {
      const given = Object.fromEntries([["workflow", workflow], ...members]) as JsonObject;
      const spec = read(given);
      if (spec === undefined) return;
      taken += 1;
      assert.deepEqual(readSpec(writeSpec(spec) as JsonObject), spec);
      const { items } = previewOffline(spec, Date.UTC(2026, 0, 1), 3);
      assert.deepEqual(
        items,
        items.toSorted((a, b) => (a.nominal < b.nominal ? -1 : 1)),
      );
    }),
    { numRuns: 2_000 },
  );
  assert.ok(taken > 20, `${taken} taken`);
});

function read(given: JsonObject): ScheduleSpec | undefined {
  try {
    return readSpec(given);
  } catch (error) {
    assert.ok(error instanceof RuntimeError);
    assert.ok((error.issues?.length ?? 0) > 0);
    return undefined;
  }
}
