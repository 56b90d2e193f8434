/** What is told of a commit, and the trace context that goes from a start to all that it leads to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import { loadConfig, silentLogger } from "@millrace/server";
import pg from "pg";
import type { ActivityRequest, ActivityResult } from "../src/activities/executor.ts";
import { systemClock } from "../src/clock.ts";
import type { RuntimeParts } from "../src/main.ts";
import { exposition } from "../src/observe/families.ts";
import { TaskMetrics } from "../src/observe/task-metrics.ts";
import { openPostgresRuntime } from "../src/runtime/open.ts";
import { document } from "./harness.ts";

const WAIT = 30_000;
const TRACE = {
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  tracestate: "rojo=1",
};
const CHILD = `${document("pack")}
do: [ { ship: { call: http, with: { method: post, endpoint: http://shop/ } } } ]`;
const ORDER = `${document("order")}
do:
  - pay:
      try: [ { charge: { call: http, with: { method: post, endpoint: http://bank/ } } } ]
      catch: { retry: { delay: { milliseconds: 5 }, limit: { attempt: { count: 2 } } } }
  - told: { emit: { event: { with: { type: order.paid } } } }
  - named: { emit: { event: { with: { type: order.named, traceparent: mine } } } }
  - pack: { run: { workflow: { namespace: test, name: pack, version: latest } } }
`;

async function opened(
  execute: (request: ActivityRequest) => ActivityResult,
  more: Partial<RuntimeParts> = {},
) {
  const database = await createDatabase();
  const config = loadConfig({}, { databaseUrl: database.url, exclusive: true });
  const executor = { execute: async (request: ActivityRequest) => execute(request) };
  const parts = { config, log: silentLogger, clock: systemClock(), executor };
  const { runtime, ...running } = await openPostgresRuntime({ ...parts, ...more });
  for (const text of [CHILD, ORDER]) await runtime.applyWorkflow({ text });
  const close = async (): Promise<void> => {
    await running.stop();
    await database.drop();
  };
  return { database, runtime, close };
}

test("a trace context goes from the start to activities, children and events", async (t) => {
  const seen: [string, unknown][] = [];
  const { database, runtime, close } = await opened(({ name, trace }) => {
    seen.push([name, trace]);
    return { output: null };
  });
  t.after(close);
  const order = { namespace: "test", name: "order", input: {} };
  const traced = await runtime.startInstance({ ...order, trace: TRACE });
  assert.equal((await runtime.waitInstance(traced.id, WAIT)).status, "completed");
  const plain = await runtime.startInstance(order);
  assert.equal((await runtime.waitInstance(plain.id, WAIT)).status, "completed");
  assert.deepEqual(seen, [
    ["charge", TRACE],
    ["ship", TRACE],
    ["charge", undefined],
    ["ship", undefined],
  ]);
  const { traceparent, tracestate } = TRACE;
  assert.deepEqual(await emitted(database, traced.id), [
    { type: "order.named", traceparent: "mine", tracestate },
    { type: "order.paid", traceparent, tracestate },
  ]);
  assert.deepEqual(await emitted(database, plain.id), [
    { type: "order.named", traceparent: "mine", tracestate: null },
    { type: "order.paid", traceparent: null, tracestate: null },
  ]);
});

async function emitted({ url }: TestDatabase, id: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT type, event::json->>'traceparent' AS traceparent, event::json->>'tracestate' AS tracestate
       FROM events WHERE direction = 'emitted' AND event_id LIKE $1 ORDER BY type`,
      [`${id}-%`],
    );
    return rows;
  } finally {
    await client.end();
  }
}

test("tasks are timed by their type and outcome, retries and instances are counted", async (t) => {
  const metrics = new TaskMetrics();
  let tries = 0;
  const { runtime, close } = await opened(
    ({ name }) => {
      const fails = name === "charge" && (tries += 1) === 1;
      return fails ? { error: { type: "http://e", status: 500 } } : { output: null };
    },
    { onFacts: metrics.onFacts },
  );
  t.after(close);
  const { id } = await runtime.startInstance({ namespace: "test", name: "order", input: {} });
  assert.equal((await runtime.waitInstance(id, WAIT)).status, "completed");
  const text = exposition(metrics.families());
  const count = (labels: string): string | undefined =>
    new RegExp(`^millrace_task_duration_seconds_count\\{${labels}\\} (\\d+)$`, "m").exec(text)?.[1];
  assert.equal(count('type="call:http",outcome="faulted"'), "1");
  assert.equal(count('type="call:http",outcome="completed"'), "2");
  assert.equal(count('type="try",outcome="completed"'), "1");
  assert.equal(count('type="run:workflow",outcome="completed"'), "1");
  assert.equal(count('type="emit",outcome="completed"'), "2");
  assert.match(text, /^millrace_task_retries_total 1$/m);
  assert.match(text, /^millrace_instance_duration_seconds_count\{status="completed"\} 2$/m);
  // The delay before the second attempt is part of what the `try` took.
  const [, sum] =
    /^millrace_task_duration_seconds_sum\{type="try",outcome="completed"\} (\S+)$/m.exec(text) ??
    [];
  assert.ok(Number(sum) >= 0.005, sum);
});

test("the sizes of tables and inbox are there without a scan, and asked for rarely", async (t) => {
  const { runtime, close } = await opened(() => ({ output: null }));
  t.after(close);
  const storage = await runtime.storage();
  const bytes = new Map(storage?.tables.map((table) => [table.name, table.bytes]));
  for (const name of ["instances", "history", "inbox", "activities", "timers"])
    assert.ok((bytes.get(name) ?? 0) > 0, `${name}: ${String(bytes.get(name))}`);
  assert.equal(storage?.inboxMessages, 0);
  assert.equal(await runtime.storage(), storage);
});

test("how late a schedule's instances start is measured", async (t) => {
  const database = await createDatabase();
  const config = loadConfig({}, { databaseUrl: database.url, exclusive: true });
  const executor = { execute: async (): Promise<ActivityResult> => ({ output: null }) };
  const parts = { config, log: silentLogger, clock: systemClock(), executor };
  const { runtime, ...running } = await openPostgresRuntime(parts);
  t.after(async () => {
    await running.stop();
    await database.drop();
  });
  const often = "schedule: { every: { milliseconds: 200 } }";
  const text = `${document("often")}\n${often}\ndo: [ { a: { set: { b: 1 } } } ]`;
  await runtime.applyWorkflow({ text });
  const late = () => runtime.stats().figures.scheduleLatenessMs;
  while (late().count < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(late().sum >= 0 && late().max < 60_000, JSON.stringify(late()));
});
