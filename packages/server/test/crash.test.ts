import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createDatabase, launchPostgres } from "@millrace/testkit";
import { loadConfig, RuntimeError, silentLogger } from "@millrace/server";
import pg from "pg";
import { systemClock } from "../src/clock.ts";
import { openPostgresRuntime } from "../src/runtime/open.ts";
import { document, history, open, start } from "./harness.ts";

const WAIT = 30_000;
const CHILD = `${document("pack")}\ndo: [ { s: { set: { packed: '\${ .n }' } } } ]`;
const ORDER = `${document("order")}
do:
  - pay: { call: http, with: { method: post, endpoint: http://shop/ } }
  - settle: { wait: { milliseconds: 30 } }
  - pack: { run: { workflow: { namespace: test, name: pack, version: latest, input: { n: 1 } } } }
`;

/** Resolves with the keys acknowledged by a process that was killed after `count` of them. */
async function killAfter(count: number, url: string, from: number): Promise<readonly string[]> {
  const keys: string[] = [];
  const child: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, "crash-child.ts"), url, String(from)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  if (child.stdout === null) throw new Error("no stdout");
  for await (const key of createInterface({ input: child.stdout })) {
    keys.push(key);
    if (keys.length === count) child.kill("SIGKILL");
  }
  await exited;
  assert.equal(child.signalCode, "SIGKILL");
  return keys;
}

test("three kills under load lose nothing that was acknowledged and leave nothing stuck", async () => {
  const database = await createDatabase();
  const first = await open(database);
  await first.runtime.applyWorkflow({ text: CHILD });
  await first.runtime.applyWorkflow({ text: ORDER });
  await first.stop();
  const keys: string[] = [];
  for (const from of [0, 10_000, 20_000]) keys.push(...(await killAfter(150, database.url, from)));
  assert.ok(keys.length >= 450);

  const last = await open(database, async () => ({ output: { done: true } }));
  const { runtime } = last;
  for (const key of keys) {
    const { id, created } = await start(runtime, "order", { n: Number(key.slice(6)) }, key);
    assert.equal(created, false, `${key} was acknowledged and is gone`);
    assert.equal((await runtime.waitInstance(id, WAIT)).status, "completed");
  }
  // Also those that were durable and not yet acknowledged, and the children of all.
  const all = await everything(database.url);
  for (const id of all) {
    assert.equal((await runtime.waitInstance(id, WAIT)).status, "completed", id);
    await history(runtime, id);
  }
  assert.equal(runtime.stats().counters.reconcilerRepairs, 0);
  assert.deepEqual(await leftovers(database.url), {
    activities: 0,
    timers: 0,
    children: 0,
    inbox: 0,
  });
  await last.stop();
  await database.drop();
});

test("a wait goes on when PostgreSQL is killed and comes back", async () => {
  const server = await launchPostgres({ durable: true });
  const database = await createDatabase(server);
  const opened = await open(database);
  const { runtime } = opened;
  await runtime.applyWorkflow({
    text: `${document("waiter")}\ndo: [ { w: { wait: { milliseconds: 1500 } } } ]`,
  });
  const { id } = await start(runtime, "waiter");
  await server.kill();
  await assert.rejects(start(runtime, "waiter", {}, "while-down"));
  await server.restart();
  for (;;) {
    const view = await runtime.waitInstance(id, WAIT).catch(() => undefined);
    if (view === undefined) continue;
    assert.equal(view.status, "completed");
    assert.ok((view.endedAt ?? 0) - view.createdAt >= 1500);
    break;
  }
  await history(runtime, id);
  await opened.stop();
  await server.stop();
});

test("a database that is read and takes no writes makes a server unready until it takes them again", async (t) => {
  const database = await createDatabase();
  const opened = await open(database);
  const { runtime } = opened;
  t.after(async () => {
    await opened.stop();
    await database.drop();
  });
  await runtime.applyWorkflow({ text: CHILD });
  assert.deepEqual(await runtime.health(), { ready: true, reasons: [] });
  // As on a full disk.
  await query(
    database.url,
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON idempotency EXECUTE FUNCTION refuse()`,
  );
  await assert.rejects(start(runtime, "pack", { n: 1 }, "refused"), { kind: "unavailable" });
  const { ready, reasons } = await runtime.health();
  assert.equal(ready, false);
  assert.match(reasons.join("; "), /does not take what is written: .*no space left/);
  await query(database.url, "DROP TRIGGER refuse ON idempotency");
  while (!(await runtime.health()).ready) await new Promise(setImmediate);
  await start(runtime, "pack", { n: 1 }, "taken");
});

test("a server that starts before its PostgreSQL waits for it, and says where it looked in vain", async (t) => {
  const server = await launchPostgres();
  t.after(() => server.stop());
  const database = await createDatabase(server);
  await server.kill();
  const opening = open(database);
  await server.restart();
  await (await opening).stop();
  await server.kill();
  const url = new URL(database.url);
  url.password = "secret";
  let now = 0;
  // A clock on which each look is the last.
  const clock = { ...systemClock(), monotonic: () => (now += 60_000) };
  await assert.rejects(
    openPostgresRuntime({
      config: loadConfig({}, { databaseUrl: url.href }),
      log: silentLogger,
      clock,
      executor: { execute: async () => ({ output: null }) },
    }),
    (error: Error) =>
      error instanceof RuntimeError &&
      error.message.startsWith(`the database at ${url.host} does not answer: `) &&
      !error.message.includes("secret"),
  );
});

async function query<T extends pg.QueryResultRow>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

async function everything(url: string): Promise<string[]> {
  return (await query<{ id: string }>(url, "SELECT id FROM all_instances")).map((row) => row.id);
}

/** Rows of waits that are left when every instance has ended: there should be none. */
async function leftovers(url: string): Promise<Record<string, number> | undefined> {
  const [row] = await query<Record<string, string>>(
    url,
    `SELECT (SELECT count(*) FROM activities) AS activities, (SELECT count(*) FROM timers) AS timers,
            (SELECT count(*) FROM children) AS children, (SELECT count(*) FROM inbox) AS inbox`,
  );
  return row === undefined
    ? undefined
    : Object.fromEntries(Object.entries(row).map(([name, count]) => [name, Number(count)]));
}
