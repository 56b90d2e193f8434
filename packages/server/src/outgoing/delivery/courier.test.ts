import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "../../store/store.ts";
import type { Sent } from "./sender.ts";
import { endpointOf, quiet, RETRY, Stand } from "./testing-courier.ts";

const DELIVERED: Sent = { kind: "delivered" };
const DOWN: Sent = { kind: "failed", error: "the connection was refused" };

test("a receiver that is down for a minute gets everything, each instance in order, and is asked seldom", async () => {
  const stand = new Stand();
  const keys = Array.from({ length: 40 }, (_, n) => `i${n}`);
  stand.receive = () => DOWN;
  for (let second = 0; second < 60; second++) {
    stand.queue(...keys);
    await stand.pass(1_000);
  }
  // Those of the first moment were on their way together; after that, one at a time.
  const early = stand.tries.filter(({ at }) => at === 1_000_000).length;
  assert.equal(early, keys.length);
  assert.ok(stand.tries.length - early < 15, `${stand.tries.length} tries`);
  stand.receive = () => DELIVERED;
  await stand.pass(3_600_000);
  assert.equal(stand.arrived.length, 60 * keys.length);
  assert.equal(new Set(stand.arrived).size, 60 * keys.length);
  for (const key of keys) {
    const mine = stand.arrived.filter((event) => event.startsWith(`${key}:`));
    const numbers = mine.map((event) => Number(event.split(":")[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  }
  assert.equal(stand.tables.queued.size, 0);
  assert.equal(stand.tables.dead.length, 0);
});

test("an event that the receiver refuses holds up its own instance and no other", async () => {
  const stand = new Stand();
  stand.receive = ({ event }) => (event === "a:1" ? DOWN : DELIVERED);
  stand.queue("a", "a", "b", "b", "c");
  await stand.pass(0);
  assert.deepEqual(stand.arrived.toSorted(), ["b:3", "b:4", "c:5"]);
  stand.queue("a", "b");
  await stand.pass(1_000);
  assert.deepEqual(stand.arrived.toSorted(), ["b:3", "b:4", "b:7", "c:5"]);
  stand.receive = () => DELIVERED;
  await stand.pass(60_000);
  assert.deepEqual(
    stand.arrived.filter((event) => event.startsWith("a")),
    ["a:1", "a:2", "a:6"],
  );
});

test("pauses grow from the first to the longest, and after a day the event is a dead letter", async () => {
  const stand = new Stand();
  stand.receive = ({ event }) => (event === "a:1" ? DOWN : DELIVERED);
  stand.queue("a", "a");
  // Others get through meanwhile: it is the event, not the receiver.
  for (let hour = 0; hour < 26; hour++) {
    for (let n = 0; n < 60; n++) {
      stand.queue("b");
      await stand.pass(60_000);
    }
  }
  const tries = stand.tries.filter(({ event }) => event === "a:1").map(({ at }) => at);
  const pauses = tries.slice(1).map((at, n) => at - (tries[n] ?? 0));
  assert.deepEqual(pauses.slice(0, 5), [2_500, 5_000, 10_000, 20_000, 40_000]);
  assert.equal(Math.max(...pauses), RETRY.maxDelay / 2);
  assert.equal(stand.tables.dead.length, 1);
  assert.equal(stand.tables.dead[0]?.attempts, tries.length);
  assert.match(stand.tables.dead[0]?.error ?? "", /refused/);
  assert.ok(stand.arrived.includes("a:2"), "the next of the instance goes after it");
});

test("a receiver that stays dead is asked by single events, and what waited for a day is given up", async () => {
  const stand = new Stand();
  stand.receive = () => DOWN;
  for (let hour = 0; hour < 48; hour++) {
    stand.queue(...Array.from({ length: 10 }, (_, n) => `h${hour}-${n}`));
    await stand.pass(3_600_000);
  }
  // A probe every half an hour, with this random number.
  assert.ok(stand.tries.length < 10 + 2 * 48 + 20, `${stand.tries.length} tries`);
  assert.ok(stand.tables.dead.length >= 200 && stand.tables.dead.length <= 250);
  assert.equal(stand.tables.dead.length + stand.tables.queued.size, 480);
  stand.receive = () => DELIVERED;
  await stand.pass(7_200_000);
  assert.equal(stand.tables.dead.length + stand.arrived.length, 480);
});

test("Retry-After is kept to, for all events", async () => {
  const stand = new Stand();
  stand.receive = () => ({ kind: "failed", error: "429", retryAfter: 120_000 });
  stand.queue("a");
  await stand.pass(0);
  stand.receive = () => DELIVERED;
  stand.queue("b", "c");
  await stand.pass(119_999);
  assert.equal(stand.tries.length, 1);
  await stand.pass(1);
  assert.deepEqual(stand.arrived, ["a:1", "b:2", "c:3"]);
});

test("a receiver that wants no more gets no more, and nothing is lost", async () => {
  const stand = new Stand();
  stand.receive = () => ({ kind: "gone", error: "410" });
  stand.queue("a", "a");
  await stand.pass(3_600_000);
  assert.equal(stand.tries.length, 1);
  assert.equal(stand.tables.settled.at(-1)?.disabled, "410");
  stand.receive = () => DELIVERED;
  stand.courier.change({ ...endpointOf(), version: 2 });
  await stand.pass(0);
  assert.deepEqual(stand.arrived, ["a:1", "a:2"]);
});

test("paused, it keeps; changed, it tries at once", async () => {
  const stand = new Stand(endpointOf({ paused: true }));
  stand.queue("a", "b");
  await stand.pass(3_600_000);
  assert.equal(stand.tries.length, 0);
  stand.receive = () => ({ kind: "failed", error: "503", retryAfter: 3_600_000 });
  stand.courier.change({ ...endpointOf(), version: 2 });
  await stand.pass(0);
  assert.equal(stand.tries.length, 2);
  stand.receive = () => DELIVERED;
  stand.courier.change({ ...endpointOf({ url: "http://elsewhere/" }), version: 3 });
  await stand.pass(0);
  assert.deepEqual(stand.arrived, ["a:1", "b:2"]);
});

test("what could not be written down is written later, and sent once", async () => {
  const stand = new Stand();
  stand.tables.failure = new StoreError("unavailable", "the database is away");
  stand.queue("a", "b");
  await stand.pass(5_000);
  stand.tables.failure = undefined;
  await stand.pass(1_000);
  assert.deepEqual(stand.arrived, ["a:1", "b:2"]);
  assert.equal(stand.tables.queued.size, 0);
});

test("another owner's epoch ends it, and its successor sends again what was not written down", async () => {
  const stand = new Stand();
  stand.tables.failure = new StoreError("stale-epoch", "another owner");
  stand.queue("a", "a");
  await stand.pass(0);
  assert.ok(stand.stale > 0);
  await stand.courier.stop(true);
  stand.tables.failure = undefined;
  stand.another().nudge();
  await stand.pass(0);
  assert.deepEqual(stand.arrived, ["a:1", "a:2", "a:1", "a:2"]);
});

test("a successor knows which keys wait for another try", async () => {
  const stand = new Stand();
  stand.receive = ({ event }) => (event === "a:1" ? DOWN : DELIVERED);
  stand.queue("a", "a", "b");
  await stand.pass(0);
  await stand.courier.stop(false);
  stand.another().nudge();
  await stand.pass(0);
  assert.deepEqual(stand.arrived, ["b:3"]);
  stand.receive = () => DELIVERED;
  await stand.pass(60_000);
  assert.deepEqual(stand.arrived, ["b:3", "a:1", "a:2"]);
});

test("a long queue is read in parts, and a slow event holds up its own key only", async () => {
  const stand = new Stand();
  const slow = Promise.withResolvers<Sent>();
  stand.receive = ({ event }) => (event === "slow:1" ? slow.promise : DELIVERED);
  stand.queue("slow", "slow");
  for (let n = 0; n < 5_000; n++) stand.tables.add(`k${n % 100}`, stand.now);
  stand.courier.nudge();
  while (stand.arrived.length < 5_000) await quiet();
  slow.resolve(DELIVERED);
  await stand.pass(0);
  assert.deepEqual(stand.arrived.slice(-2), ["slow:1", "slow:2"]);
  for (let n = 0; n < 100; n++) {
    const numbers = stand.arrived
      .filter((event) => event.startsWith(`k${n}:`))
      .map((event) => Number(event.split(":")[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  }
});

test("of large events a courier has some in memory at a time, and delivers all of them in order", async () => {
  const stand = new Stand();
  const padding = "x".repeat(4 * 1024 * 1024);
  for (let n = 0; n < 20; n++) stand.tables.add("a", stand.now, padding);
  const pending: ((sent: Sent) => void)[] = [];
  stand.receive = () => new Promise((resolve) => void pending.push(resolve));
  stand.courier.nudge();
  const arrived: number[] = [];
  for (let n = 1; n <= 20; n++) {
    await quiet();
    const readAhead = stand.tables.read.flat().length - (n - 1);
    // Half of 16 MiB, and then 16 MiB more, each with one that goes beyond.
    assert.ok(readAhead >= 1 && readAhead <= 7, `${readAhead} events of 4 MiB in memory`);
    pending.shift()?.(DELIVERED);
    await quiet();
    arrived.push(n);
  }
  assert.deepEqual(
    stand.arrived.map((event) => Number.parseInt(event.slice(2), 10)),
    arrived,
  );
  assert.equal(stand.tables.queued.size, 0);
});

test("large events that fail are not gathered in memory without end", async () => {
  const stand = new Stand();
  const padding = "x".repeat(4 * 1024 * 1024);
  for (let n = 0; n < 40; n++) stand.tables.add(`k${n}`, stand.now, padding);
  stand.receive = () => DOWN;
  stand.courier.nudge();
  await stand.pass(0);
  const read = new Set(stand.tables.read.flat()).size;
  assert.ok(read * 4 <= 64 + 16 + 16, `${read} events of 4 MiB in memory`);
  stand.receive = () => DELIVERED;
  await stand.pass(3_600_000);
  assert.equal(stand.tables.queued.size, 0);
});
