/** Where PostgreSQL keeps an instance and its facts: live, finished, apart; and what a database of before becomes. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { HistoryEvent, Status } from "@millrace/engine";
import { newId } from "@millrace/protocol";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import pg from "pg";
import { postgresCoordinator, setUpPartitions } from "../src/cluster/postgres-coordinator.ts";
import { systemClock } from "../src/clock.ts";
import { silentLogger } from "../src/logger.ts";
import { BatchBuilder } from "../src/owner/builder.ts";
import { getHistory, getInstance, listInstances } from "../src/runtime/instances.ts";
import { migrate } from "../src/store/postgres/migrate.ts";
import { postgresOwnerStore } from "../src/store/postgres/owner-store.ts";
import { vacuumService } from "../src/store/postgres/vacuum.ts";
import type { InstanceRow, OwnerStore } from "../src/store/store.ts";

let database: TestDatabase;
let pool: pg.Pool;
let store: OwnerStore;
let epoch = 0;

before(async () => {
  database = await createDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 3, pipeline: true });
  const client = await pool.connect();
  await migrate(client);
  client.release();
  await setUpPartitions(pool, 1);
  store = postgresOwnerStore(pool);
  const [held] = await postgresCoordinator(pool, { node: "n", ttl: 60_000 }).acquire([0], true);
  epoch = held?.epoch ?? 0;
});
after(async () => {
  await pool.end();
  await database.drop();
});

/** An instance that is written commit by commit. */
class Written {
  readonly id = newId(0, Date.now(), randomBytes(10));
  #revision = 0;
  seq = 0;

  /** One commit with this many facts, each with a payload of so many characters. */
  async write(count: number, length = 1, status: Status = "running"): Promise<void> {
    const batch = new BatchBuilder();
    const at = Date.now();
    const events = Array.from({ length: count }, (): HistoryEvent => {
      this.seq += 1;
      return { kind: "workflow.suspended", seq: this.seq, at, reason: "x".repeat(length) };
    });
    this.#revision += 1;
    const row: InstanceRow = {
      id: this.id,
      partition: 0,
      tenant: "default",
      namespace: "test",
      name: "rows",
      version: "1.0.0",
      status,
      priority: 2,
      revision: this.#revision,
      seq: this.seq,
      state: JSON.stringify({ v: 1, id: this.id, status, input: null }),
      createdAt: at,
      updatedAt: at,
      ...(status === "completed" ? { endedAt: at } : {}),
    };
    (this.#revision === 1 ? batch.created : batch.updated).push(row);
    batch.history.push({ partition: 0, instanceId: this.id, events });
    await store.commit(batch.build(() => epoch));
  }

  /** All facts, read in pages. */
  async facts(limit: number): Promise<number[]> {
    const found: number[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page: Awaited<ReturnType<typeof getHistory>> = await getHistory(
        { pool },
        this.id,
        after,
        limit,
      );
      found.push(...page.events.map(({ seq }) => seq));
      after = page.next;
    }
    return found;
  }

  async places(): Promise<{ live: number; finished: number; history: number }> {
    const { rows } = await pool.query(
      `SELECT (SELECT count(*)::int FROM instances WHERE id = $1) AS live,
              (SELECT count(*)::int FROM finished WHERE id = $1) AS finished,
              (SELECT count(*)::int FROM history WHERE instance_id = $1) AS history`,
      [this.id],
    );
    return rows[0];
  }
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);

test("a short instance is one row: live, then finished with its facts", async () => {
  const each = new Written();
  await each.write(3);
  assert.deepEqual(await each.places(), { live: 1, finished: 0, history: 0 });
  assert.deepEqual(await each.facts(100), upTo(3));
  await each.write(2, 1, "completed");
  assert.deepEqual(await each.places(), { live: 0, finished: 1, history: 0 });
  assert.deepEqual(await each.facts(100), upTo(5));
  assert.equal((await getInstance({ pool }, each.id)).status, "completed");
  assert.equal((await store.loadInstances([each.id]))[0]?.revision, 2);
});

test("one that starts and ends in the same commit is finished at once", async () => {
  const each = new Written();
  await each.write(4, 1, "completed");
  assert.deepEqual(await each.places(), { live: 0, finished: 1, history: 0 });
  assert.deepEqual(await each.facts(3), upTo(4));
});

test("many facts go to history in stretches, none twice and none missing", async () => {
  const each = new Written();
  for (let commit = 0; commit < 30; commit += 1) await each.write(5);
  const { history } = await each.places();
  assert.ok(history > 0 && history < 15, `${history} rows of history`);
  for (const limit of [1, 7, 40, 1000]) assert.deepEqual(await each.facts(limit), upTo(150));
  await each.write(50, 1, "completed");
  for (const limit of [1, 7, 40, 1000]) assert.deepEqual(await each.facts(limit), upTo(200));
  assert.deepEqual((await getHistory({ pool }, each.id, 149, 1000)).events.length, 51);
});

test("long facts go to history at once, behind those of the row", async () => {
  const each = new Written();
  await each.write(1, 5000);
  await each.write(2);
  await each.write(1, 5000);
  assert.deepEqual(await each.places(), { live: 1, finished: 0, history: 3 });
  await each.write(1, 5000, "completed");
  assert.deepEqual(await each.places(), { live: 0, finished: 1, history: 4 });
  assert.deepEqual(await each.facts(2), upTo(5));
});

test("a commit without facts keeps those there are", async () => {
  const each = new Written();
  await each.write(2);
  await each.write(0);
  assert.deepEqual(await each.facts(10), upTo(2));
});

test("lists show live and finished ones in one order", async () => {
  const made = [new Written(), new Written(), new Written()];
  for (const [index, each] of made.entries())
    await each.write(1, 1, index === 1 ? "completed" : "running");
  const ids = made
    .map(({ id }) => id)
    .toSorted()
    .toReversed();
  const { items } = await listInstances(pool, { limit: 1000, name: "rows" });
  const found = items.map(({ id }) => id);
  assert.deepEqual(found, found.toSorted().toReversed());
  assert.deepEqual(
    found.filter((id) => ids.includes(id)),
    ids,
  );
});

test("a database of before keeps its instances and their facts", async () => {
  const old = await createDatabase();
  const client = new pg.Client({ connectionString: old.url });
  await client.connect();
  const folder = join(import.meta.dirname, "../src/store/postgres/migrations");
  for (const file of ["0001-tables.sql", "0002-functions.sql", "0003-live-and-finished.sql"]) {
    if (file.startsWith("0003")) {
      const state = JSON.stringify({ v: 1, input: null });
      const row = (id: string, status: string, ended: string): string =>
        `('${id}', 0, 'default', 'test', 'x', '1.0.0', '${status}', 2, 1, '${state}', 1, 2, ${ended})`;
      const [live, ended] = [newId(0, 1, randomBytes(10)), newId(0, 2, randomBytes(10))];
      await client.query(
        `INSERT INTO instances (id, partition, tenant, namespace, name, version, status, revision, seq, state,
                                created_at, updated_at, ended_at)
         VALUES ${row(live, "waiting", "NULL")}, ${row(ended, "completed", "2")}`,
      );
      await client.query(`INSERT INTO history SELECT 0, id, 1, 1, '[{"seq":1}]' FROM instances`);
    }
    await client.query(readFileSync(join(folder, file), "utf8"));
  }
  const { rows } = await client.query("SELECT id, status FROM all_instances ORDER BY id");
  assert.deepEqual(
    rows.map(({ status }) => status),
    ["waiting", "completed"],
  );
  const olds = new pg.Pool({ connectionString: old.url });
  for (const { id } of rows)
    assert.deepEqual(
      (await getHistory({ pool: olds }, id, 0, 10)).events.map(({ seq }) => seq),
      [1],
    );
  await olds.end();
  await client.end();
  await old.drop();
});

test("a node that has written enough vacuums the live tables, and only then", async () => {
  await pool.query("ALTER TABLE instances SET (autovacuum_enabled = false)");
  for (let n = 0; n < 5; n += 1) {
    const each = new Written();
    await each.write(1);
    await each.write(1, 1, "completed");
  }
  let written = 0;
  const vacuum = vacuumService({
    connection: { connectionString: database.url },
    clock: systemClock(),
    log: silentLogger,
    random: Math.random,
    written: () => written,
  });
  // What was deleted keeps its line on the page until a vacuum takes it away.
  const lines = async (): Promise<number> => {
    const { rows } = await pool.query(
      `SELECT count(*)::int AS n
       FROM generate_series(0, pg_relation_size('instances') / current_setting('block_size')::int - 1) AS page,
            heap_page_items(get_raw_page('instances', page::int)) WHERE lp_flags IN (1, 3)`,
    );
    return rows[0].n;
  };
  await pool.query("CREATE EXTENSION pageinspect");
  const before = await lines();
  const { rows } = await pool.query("SELECT count(*)::int AS live FROM instances");
  assert.ok(before > rows[0].live, `${before} lines for ${rows[0].live} rows`);
  await vacuum.runOnce();
  assert.equal(await lines(), before);
  written = 1_000_000;
  await vacuum.runOnce();
  assert.equal(await lines(), rows[0].live);
  await vacuum.stop();
});
