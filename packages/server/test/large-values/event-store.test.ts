/** What refers to the large values of an event, in the tables of events. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { newId } from "@millrace/protocol";
import { placement } from "../../src/cluster/placement.ts";
import { StoreError } from "../../src/store/store.ts";
import { bucket, PARTITIONS, type Stand, stand, target, wait } from "../events/stand.ts";

let s: Stand;
before(async () => {
  s = await stand();
});
after(() => s.close());

const DIGEST = "ab".repeat(32);
const A = bucket("a");

async function receive(eventId: string, payloads: readonly string[]): Promise<string> {
  const partition = placement(PARTITIONS, eventId);
  const id = newId(partition, Date.now(), randomBytes(10));
  const event = JSON.stringify({ id: eventId, data: null, $refs: [[["data"], DIGEST, 9]] });
  const of = { partition, id, tenant: "default", source: "/s", eventId, type: "t", event };
  await s.events.receive([{ ...of, buckets: [A], payloads }], 0);
  return id;
}
async function refs(): Promise<readonly string[]> {
  const { rows } = await s.pool.query<{ holder: string; kind: string }>(
    "SELECT holder, kind FROM payload_refs WHERE encode(digest, 'hex') = $1 ORDER BY kind, holder",
    [DIGEST],
  );
  return rows.map(({ holder, kind }) => `${kind} ${holder}`);
}

test("an event refers to its values from its receipt on, and who gets its mail from when that is made", async () => {
  await assert.rejects(
    receive("too early", [DIGEST]),
    (error: unknown) => error instanceof StoreError && error.kind === "conflict",
  );
  assert.equal(await s.count("events"), 0);
  await s.pool.query(
    "INSERT INTO payloads (tenant, digest, size, media_type, body, kept, created_at, touched_at) VALUES ('default', decode($1, 'hex'), 1, 'application/json', '1', false, now_ms(), now_ms())",
    [DIGEST],
  );
  const [early, late] = [target(1), target(2)];
  await s.commit((batch) => wait(batch, early, 1, "f1", A));
  await s.look();
  const one = await receive("one", [DIGEST]);
  assert.deepEqual(await refs(), [`event ${one}`]);
  assert.equal(await s.match(), 1);
  assert.deepEqual(await refs(), [`event ${one}`, `instance ${early}`]);
  // Another with the same value, and one without.
  const two = await receive("two", [DIGEST]);
  await receive("three", []);
  assert.equal(await s.match(), 2);
  const events = [one, two].toSorted().map((id) => `event ${id}`);
  assert.deepEqual(await refs(), [...events, `instance ${early}`]);
  await s.commit((batch) => wait(batch, late, 1, "f1", A));
  assert.equal(await s.look(), 3);
  assert.deepEqual(await refs(), [
    ...events,
    ...[early, late].toSorted().map((id) => `instance ${id}`),
  ]);
  await assert.rejects(s.pool.query("DELETE FROM payloads"), /a payload is referred to/);
  // The mail may outlive the event.
  await s.pool.query("DELETE FROM events");
  assert.equal((await s.mail()).length, 6);
  assert.equal((await refs()).length, 4);
});
