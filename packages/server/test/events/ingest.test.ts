import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { load } from "@millrace/language";
import { checkFilters, insertFilters } from "../../src/runtime/event-filters.ts";
import { inOneFlight } from "../../src/store/postgres/transaction.ts";
import { document } from "../harness.ts";
import { systemClock } from "../../src/clock.ts";
import { Ingest, type IngestConfig } from "../../src/events/ingest.ts";
import { Counters } from "../../src/owner/counters.ts";
import { type CloudEventObject, RuntimeError } from "../../src/runtime.ts";
import { PARTITIONS, stand } from "./stand.ts";

const s = await stand();
after(() => s.close());

const counts = new Counters().counts;
const config: IngestConfig = {
  store: s.events,
  counts,
  partitions: PARTITIONS,
  databaseNow: () => 0,
  monotonic: () => performance.now(),
  clock: systemClock(),
  randomBytes: () => randomBytes(10),
  onReceived: () => {},
};
const ingest = new Ingest(config);
const event = (id: string, more: CloudEventObject = {}): CloudEventObject => ({
  specversion: "1.0",
  id,
  source: "/s",
  type: "t",
  ...more,
});

test("more events than may wait are refused before any of them is taken", async () => {
  const client = await s.pool.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE");
  const batch = (name: string) => Array.from({ length: 5_000 }, (_, n) => event(`${name} ${n}`));
  const waiting = ["a", "b", "c", "d"].map((name) => ingest.publish(batch(name), "default"));
  await assert.rejects(
    ingest.publish([event("e")], "default"),
    (error) =>
      error instanceof RuntimeError && error.kind === "overloaded" && error.retryAfterMs === 1_000,
  );
  await client.query("COMMIT");
  client.release();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.accepted, 5_000);
  assert.equal(await s.count("events"), 20_000);
  assert.deepEqual(await ingest.publish([event("e")], "default"), { accepted: 1, duplicates: 0 });
  assert.equal(counts.eventsReceived, 20_001);
});

test("larger events than may wait are refused before any of them is taken, and go in transactions of some", async () => {
  const received: number[] = [];
  const bounded = new Ingest({
    ...config,
    store: {
      ...s.events,
      receive: (events, notBefore) => {
        received.push(events.length);
        return s.events.receive(events, notBefore);
      },
    },
  });
  const large = (id: string, mebibytes: number) =>
    event(id, { data: "x".repeat(mebibytes * 1024 * 1024) });
  const client = await s.pool.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE");
  const before = Array.from({ length: 12 }, (_, n) => large(`large ${n}`, 5));
  const waiting = before.map((each) => bounded.publish([each], "default"));
  await assert.rejects(
    bounded.publish([large("one more", 5)], "default"),
    (error) =>
      error instanceof RuntimeError &&
      error.kind === "overloaded" &&
      error.retryAfterMs === 1_000 &&
      /12 events \(61 MiB\)/.test(error.message),
  );
  // What is small still has room.
  waiting.push(bounded.publish([event("small")], "default"));
  await client.query("COMMIT");
  client.release();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.accepted, 1);
  assert.ok(Math.max(...received) <= 4, `transactions of ${received.join()} events`);
  // One that is larger than all that may wait goes alone.
  const alone = await bounded.publish([large("alone", 65)], "default");
  assert.deepEqual(alone, { accepted: 1, duplicates: 0 });
});

test("an emitted event with an id that no column or index holds is stored beside the others", async () => {
  const odd = [
    event("\0"),
    event("x".repeat(10_000)),
    event("y", { type: "\ud800" }),
    event("z", { source: "s".repeat(9_000), type: "t".repeat(9_000) }),
  ];
  assert.deepEqual(await ingest.publish(odd, "default"), { accepted: 4, duplicates: 0 });
  assert.deepEqual(await ingest.publish(odd, "default"), { accepted: 0, duplicates: 4 });
});

test("an event filter whose short hash another one has is refused", async () => {
  const program = load(`${document("listens")}
do: [ { l: { listen: { to: { one: { with: { type: one } } } } } } ]`);
  assert.ok(program.ok);
  const { eventFilters } = program.program;
  await checkFilters(s.pool, "default", eventFilters);
  await inOneFlight(s.pool, insertFilters("default", eventFilters));
  await checkFilters(s.pool, "default", eventFilters);
  await s.pool.query("UPDATE event_filters SET definition = '{}'");
  await assert.rejects(
    checkFilters(s.pool, "default", eventFilters),
    (error) => error instanceof RuntimeError && error.kind === "invalid-workflow",
  );
  await checkFilters(s.pool, "another", eventFilters);
});
