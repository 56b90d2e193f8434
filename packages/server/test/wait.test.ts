import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig, silentLogger } from "@millrace/server";
import { createDatabase } from "@millrace/testkit";
import pg from "pg";
import { type Clock, systemClock } from "../src/clock.ts";
import { openPostgresRuntime } from "../src/runtime/open.ts";
import { document, HELLO, open, start } from "./harness.ts";

/** Milliseconds between the looks of those who wait; here they come at once. */
const LOOK = 2000;
const ENOUGH = 20;

/** Resolves when somebody has begun to wait with the signal for the {@link ENOUGH}th time. */
function waitedOften(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listen = signal.addEventListener.bind(signal);
  let waits = 0;
  signal.addEventListener = (...args: Parameters<typeof listen>) => {
    if ((waits += 1) === ENOUGH) resolve();
    listen(...args);
  };
  return promise;
}

test("those who wait for an instance in memory do not ask the database until their time is up", async () => {
  const database = await createDatabase();
  const config = loadConfig({}, { databaseUrl: database.url, exclusive: true });
  const system = systemClock();
  const clock: Clock = {
    ...system,
    after: (ms, run) => system.after(ms === LOOK ? 1 : ms, run),
  };
  const executor = { execute: () => Promise.reject(new Error("nothing is called")) };
  const opened = await openPostgresRuntime({ config, log: silentLogger, clock, executor });
  const { runtime } = opened;
  await runtime.applyWorkflow({ text: `${document("slow")}\ndo: [ { w: { wait: PT1H } } ]` });
  const { id } = await start(runtime, "slow");
  const locker = new pg.Client({ connectionString: database.url });
  await locker.connect();
  // Whoever reads the table now waits here.
  await locker.query("BEGIN; LOCK TABLE instances");
  const leave = new AbortController();
  const often = waitedOften(leave.signal);
  const waiting = runtime.waitInstance(id, 60_000, leave.signal);
  await often;
  leave.abort();
  await locker.query("ROLLBACK");
  assert.equal((await waiting).status, "waiting");
  assert.equal((await runtime.waitInstance(id, 1)).status, "waiting");
  await runtime.signalInstance(id, { kind: "cancel" });
  assert.equal((await runtime.waitInstance(id, 60_000)).status, "cancelled");
  await locker.end();
  await opened.stop();
  await database.drop();
});

test("the first starts of a workflow read and compile it once, however many come at once", async () => {
  const database = await createDatabase();
  const applying = await open(database);
  await applying.runtime.applyWorkflow({ text: HELLO });
  await applying.stop();
  // Knows the workflow from the database alone.
  const opened = await open(database);
  const locker = new pg.Client({ connectionString: database.url });
  await locker.connect();
  await locker.query("BEGIN; LOCK TABLE workflows");
  const version = "1.0.0";
  const hello = { namespace: "test", name: "hello", version, input: { name: "Ada" } };
  const starts = Promise.all(Array.from({ length: 50 }, () => opened.runtime.startInstance(hello)));
  const blocked = async (): Promise<number> => {
    const text = "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted";
    const { rows } = await locker.query<{ n: number }>(text);
    return rows[0]?.n ?? 0;
  };
  while ((await blocked()) === 0);
  for (let look = 0; look < 20; look++) assert.equal(await blocked(), 1);
  await locker.query("ROLLBACK");
  assert.equal(new Set((await starts).map(({ id }) => id)).size, 50);
  await locker.end();
  await opened.stop();
  await database.drop();
});
