import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../src/clock.ts";
import { silentLogger } from "../src/logger.ts";
import { backoff } from "../src/owner/backoff.ts";
import { service } from "../src/owner/service.ts";
import { RuntimeError } from "../src/runtime.ts";
import { within } from "../src/runtime/within.ts";

/** Timers that wait until they are fired, with the delays they were set for. */
function timers() {
  const delays: number[] = [];
  let due: (() => void) | undefined;
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    defer: setImmediate,
    after(ms, run) {
      delays.push(ms);
      due = run;
      return () => {
        due = undefined;
      };
    },
  };
  return { clock, delays, fire: () => due?.() };
}

test("pauses grow to a bound, and jitter takes at most half of them", () => {
  const longest = (n: number) => backoff(n, () => 1);
  assert.deepEqual([1, 2, 3, 6, 60].map(longest), [100, 200, 400, 2_000, 2_000]);
  assert.equal(
    backoff(1, () => 0),
    50,
  );
});

test("a service that fails backs off, whoever nudges it, and is itself again after a success", async () => {
  const { clock, delays, fire } = timers();
  let failing = true;
  const each = service({
    name: "test",
    clock,
    log: silentLogger,
    interval: 10_000,
    random: () => 1,
    pass: async () => {
      each.nudge();
      if (failing) throw new Error("away");
    },
  });
  each.start();
  for (let pass = 0; pass < 3; pass++) {
    fire();
    await each.runOnce();
    each.nudge();
  }
  assert.deepEqual(delays, [0, 100, 200, 400]);
  failing = false;
  fire();
  await each.runOnce();
  // Nudged while it ran: at once.
  assert.equal(delays.at(-1), 0);
  await each.stop();
});

test("whoever asks is told in time, and the work knows that nobody waits any more", async () => {
  const { clock, fire } = timers();
  let isGone = (): boolean => false;
  const answer = within(clock, async (caller) => {
    isGone = () => caller.gone;
    await new Promise(() => {});
  });
  assert.equal(isGone(), false);
  fire();
  await assert.rejects(answer, (error) => error instanceof RuntimeError && !!error.retryAfterMs);
  assert.equal(isGone(), true);
});
