/** Large events on their way out: a backlog of them, and many receivers of each. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { postgresOutgoingStore } from "../../src/store/postgres/outgoing-store.ts";
import { type Stand, stand } from "../events/stand.ts";

const MIB = 1024 * 1024;
const LIMIT = 2_000;
const ENDPOINTS = ["one", "two", "three"];

let s: Stand;
before(async () => {
  s = await stand();
  for (const name of ENDPOINTS)
    await s.pool.query(
      `INSERT INTO endpoints (id, partition, tenant, kind, name, settings, created_at, updated_at)
       VALUES ($1, 1, 'default', 'webhook', $1, '{}', 0, 0)`,
      [name],
    );
});
after(() => s.close());

test("a backlog of large events is handed on piece by piece, in order, to each receiver", async () => {
  const epochs = await s.take();
  // Two partitions by turns, and one event that is larger than a piece.
  await s.pool.query(
    `INSERT INTO outbox (partition, tenant, instance_id, emitted, event)
     SELECT 1 + n % 2, 'default', 'i' || n % 2, false,
            n || ' ' || repeat(md5(n::text), CASE WHEN n = 20 THEN 20 ELSE 1 END * ${MIB} / 32)
     FROM generate_series(1, 40) AS n ORDER BY n`,
  );
  const store = postgresOutgoingStore(s.pool);
  const pieces: number[][] = [];
  const numberOf = (event: string): number => Number(event.split(" ", 1)[0]);
  for (;;) {
    const taken = await store.relay(epochs, LIMIT, async (events) => {
      pieces.push(events.map(({ event }) => numberOf(event)));
      const bytes = events.reduce((sum, { event }) => sum + event.length, 0);
      assert.ok(bytes < 37 * MIB, `${bytes} bytes at once`);
      return events.flatMap(({ event, instanceId: key = "" }) =>
        ENDPOINTS.map((endpoint) => ({ endpoint, key, event })),
      );
    });
    if (taken === 0) break;
  }
  assert.ok(pieces.length > 2, `${pieces.length} pieces`);
  assert.deepEqual(
    pieces.flat(),
    Array.from({ length: 40 }, (_, n) => n + 1),
  );
  assert.equal(await s.count("outbox"), 0);
  for (const endpoint of ENDPOINTS) {
    const { rows } = await s.pool.query<{ n: string; key: string }>(
      "SELECT split_part(event, ' ', 1) AS n, key FROM event_outgoing WHERE endpoint = $1 ORDER BY seq",
      [endpoint],
    );
    assert.deepEqual(
      rows.map(({ n }) => Number(n)),
      pieces.flat(),
    );
    assert.ok(rows.every(({ n, key }) => key === `i${Number(n) % 2}`));
  }
});

test("a courier reads large events piece by piece, in order", async () => {
  const store = postgresOutgoingStore(s.pool);
  const known: number[] = [];
  const pieces: number[] = [];
  for (;;) {
    const rows = await store.due("one", known, [], 1_000);
    if (rows.length === 0) break;
    const bytes = rows.slice(0, -1).reduce((sum, { event }) => sum + event.length, 0);
    assert.ok(bytes < 16 * MIB, `${bytes} bytes before the last`);
    known.push(...rows.map(({ seq }) => seq));
    pieces.push(rows.length);
  }
  assert.equal(known.length, 40);
  assert.deepEqual(
    known,
    known.toSorted((a, b) => a - b),
  );
  assert.ok(pieces.length > 2, `${pieces.length} pieces`);
  await s.pool.query("UPDATE event_outgoing SET next_at = 1 + seq % 3 WHERE endpoint = 'two'");
  const waiting = await store.waiting("two", 1_000);
  assert.ok(waiting.length > 0 && waiting.length < 40, `${waiting.length} at once`);
  const times = waiting.map(({ nextAt }) => nextAt);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});
