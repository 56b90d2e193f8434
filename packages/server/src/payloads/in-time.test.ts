import assert from "node:assert/strict";
import { test } from "node:test";
import { inTime } from "./in-time.ts";
import { PayloadError } from "./payloads.ts";

function clockOf() {
  const timers = new Set<() => void>();
  const after = (_: number, run: () => void) => {
    timers.add(run);
    return () => void timers.delete(run);
  };
  return { timers, clock: { after } };
}

test("what ends in time is what it is, and leaves no timer", async () => {
  const { timers, clock } = clockOf();
  assert.equal(await inTime(clock, Promise.resolve(1)), 1);
  await assert.rejects(inTime(clock, Promise.reject(new Error("broken"))), /^Error: broken$/);
  assert.equal(timers.size, 0);
});

test("what does not answer is unavailable", async () => {
  const { timers, clock } = clockOf();
  const asked = inTime(clock, new Promise(() => {}));
  for (const run of timers) run();
  await assert.rejects(asked, (error: unknown) => {
    assert.ok(error instanceof PayloadError);
    assert.deepEqual(
      [error.kind, error.message],
      ["unavailable", "no answer from the store of large values within 15 s"],
    );
    return true;
  });
});
