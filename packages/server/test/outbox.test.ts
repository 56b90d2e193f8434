import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { newId } from "@millrace/protocol";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import pg from "pg";
import { document, fresh, HELLO, open, start } from "./harness.ts";

const EMITTER = `${document("emitter")}
do:
  - say: { emit: { event: { with: { type: com.shop.order.placed, data: { n: '\${ .n }' } } } } }`;
const LIFE = "io.serverlessworkflow.*";

/** Adds a webhook as the API would. */
async function addWebhook(
  pool: pg.Pool,
  name: string,
  filter: object,
  { partition = 3, disabled }: { partition?: number; disabled?: string } = {},
): Promise<string> {
  const id = newId(partition, Date.now(), randomBytes(10));
  const retry = { minDelay: 5_000, maxDelay: 60_000, giveUpAfter: 600_000 };
  const common = { kind: "webhook", mode: "structured", paused: false, retry, headers: [] };
  const settings = JSON.stringify({ ...common, url: "http://127.0.0.1:9/", filter });
  await pool.query(
    `INSERT INTO endpoints (id, partition, tenant, kind, name, settings, disabled, created_at, updated_at)
     VALUES ($1, $2, 'default', 'webhook', $3, $4, $5, 0, 0)`,
    [id, partition, name, settings, disabled ?? null],
  );
  return id;
}

async function count(
  pool: pg.Pool,
  table: "outbox" | "event_outgoing" | "events",
): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  return rows[0]?.n ?? -1;
}

/** Resolves when the relay has taken everything. */
async function relayed(pool: pg.Pool): Promise<void> {
  while ((await count(pool, "outbox")) > 0) await new Promise((next) => setImmediate(next));
}

interface Row {
  readonly endpoint: string;
  readonly key: string;
  readonly event: { readonly id: string; readonly type: string; readonly subject?: string };
}

async function queued(pool: pg.Pool, endpoint: string): Promise<readonly Row[]> {
  const { rows } = await pool.query<Row>(
    "SELECT endpoint, key, event::json AS event FROM event_outgoing WHERE endpoint = $1 ORDER BY seq",
    [endpoint],
  );
  return rows;
}

const poolOf = (database: TestDatabase): pg.Pool =>
  new pg.Pool({ connectionString: database.url, max: 2 });

test("with nobody listening no row is written, and an emit leaves its one", async () => {
  const { database, opened, runtime } = await fresh([HELLO, EMITTER]);
  const pool = poolOf(database);
  // Every row that is ever written to the outbox gets a number.
  const numbers = async (): Promise<string | null> => {
    const { rows } = await pool.query<{ last: string | null }>(
      "SELECT pg_sequence_last_value(pg_get_serial_sequence('outbox', 'seq')) AS last",
    );
    return rows[0]?.last ?? null;
  };
  for (let n = 0; n < 20; n++)
    await runtime.waitInstance((await start(runtime, "hello", { name: "Ada" })).id, 10_000);
  assert.equal(await numbers(), null);
  await runtime.waitInstance((await start(runtime, "emitter", { n: 1 })).id, 10_000);
  assert.equal(await numbers(), "1");
  await relayed(pool);
  assert.equal(await count(pool, "event_outgoing"), 0);
  await pool.end();
  await opened.stop();
  await database.drop();
});

test("each event goes to every endpoint whose filter it passes, in the order of its instance", async () => {
  const database = await createDatabase();
  await (await open(database)).stop();
  const pool = poolOf(database);
  const life = await addWebhook(pool, "life", { types: [LIFE], workflows: ["test/hello"] });
  const ends = await addWebhook(pool, "ends", {
    types: ["io.serverlessworkflow.workflow.completed.v1"],
  });
  const shop = await addWebhook(pool, "shop", {
    types: ["com.shop.*"],
    sources: ["/test/emitter/*"],
  });
  const off = await addWebhook(pool, "off", { types: ["*"] }, { disabled: "410" });
  const opened = await open(database);
  const { runtime } = opened;
  for (const text of [HELLO, EMITTER]) await runtime.applyWorkflow({ text });
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) {
    for (const name of ["hello", "emitter"]) {
      const { id } = await start(runtime, name, { name: "Ada", n });
      await runtime.waitInstance(id, 10_000);
      if (name === "hello") ids.push(id);
    }
  }
  await relayed(pool);
  const rows = await queued(pool, life);
  assert.deepEqual(new Set(rows.map(({ key }) => key)), new Set(ids));
  for (const id of ids) {
    const mine = rows.filter(({ key }) => key === id);
    assert.deepEqual(
      mine.map(({ event }) => event.type.replace(/^io\.serverlessworkflow\./, "")),
      [
        "workflow.started.v1",
        "workflow.status-changed.v1",
        "task.created.v1",
        "task.status-changed.v1",
        "task.started.v1",
        "task.status-changed.v1",
        "task.completed.v1",
        "task.status-changed.v1",
        "workflow.completed.v1",
        "workflow.status-changed.v1",
      ],
    );
    assert.ok(mine.every(({ event }) => event.subject === id));
  }
  assert.equal((await queued(pool, ends)).length, 10);
  assert.equal((await queued(pool, shop)).length, 5);
  assert.equal((await queued(pool, off)).length, 0);
  await pool.end();
  await opened.stop();
  await database.drop();
});

test("an endpoint that comes while the server runs is heard of, and one that goes is let go", async () => {
  const { database, opened, runtime } = await fresh([HELLO]);
  const pool = poolOf(database);
  const id = await addWebhook(pool, "late", { types: [LIFE] });
  const runOne = async (): Promise<void> => {
    const started = await start(runtime, "hello", { name: "Ada" });
    await runtime.waitInstance(started.id, 10_000);
    await relayed(pool);
  };
  while ((await queued(pool, id)).length === 0) await runOne();
  await pool.query("DELETE FROM endpoints WHERE id = $1", [id]);
  // Until the node has heard of it, events for it are made, and are for nobody.
  await runOne();
  assert.equal(await count(pool, "event_outgoing"), 0);
  await pool.end();
  await opened.stop();
  await database.drop();
});

const LISTENER = `${document("listener")}
do:
  - hear:
      listen:
        to: { all: [ { with: { type: com.shop.order.placed } }, { with: { type: io.serverlessworkflow.workflow.completed.v1 } } ] }
      output: { as: '\${ map(.n? // .output?) }' }`;

test("a listen hears what another workflow emits, and a lifecycle event whose type it names", async () => {
  const { database, opened, runtime } = await fresh([EMITTER, LISTENER]);
  const listening = await start(runtime, "listener");
  // The node knows within a second that lifecycle events are wanted.
  let heard = await runtime.getInstance(listening.id);
  while (heard.endedAt === undefined) {
    await runtime.waitInstance((await start(runtime, "emitter", { n: 7 })).id, 10_000);
    heard = await runtime.getInstance(listening.id);
  }
  const { output, status } = heard;
  assert.equal(status, "completed");
  assert.equal((output as readonly unknown[])[0], 7);
  await opened.stop();
  await database.drop();
});
