import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import type { ActivityRequest, ActivityResult } from "@millrace/server/local";
import { RuntimeError } from "@millrace/server/runtime";
import { CALLER, document, fresh, HELLO, history, open, start } from "./harness.ts";

const WAIT = 20_000;
const is = (kind: string) => (error: unknown) =>
  error instanceof RuntimeError && error.kind === kind;

test("an instance runs, and its history has no gap", async () => {
  const { database, opened, runtime } = await fresh([HELLO]);
  const { id } = await start(runtime, "hello", { name: "Ada" });
  const view = await runtime.waitInstance(id, WAIT);
  assert.equal(view.status, "completed");
  assert.deepEqual(view.output, { message: "Hello Ada" });
  const kinds = (await history(runtime, id)).map((event) => event.kind);
  assert.deepEqual(kinds, [
    "workflow.started",
    "task.started",
    "task.completed",
    "workflow.completed",
  ]);
  await opened.stop();
  await database.drop();
});

test("applying: the same content again is unchanged, other content a conflict", async () => {
  const { database, opened, runtime } = await fresh([HELLO]);
  assert.equal((await runtime.applyWorkflow({ text: HELLO })).outcome, "unchanged");
  await assert.rejects(
    runtime.applyWorkflow({ text: HELLO.replace("Hello", "Bye") }),
    is("conflict"),
  );
  await assert.rejects(runtime.applyWorkflow({ text: "do: 1" }), is("invalid-workflow"));
  await assert.rejects(start(runtime, "nobody"), is("not-found"));
  await opened.stop();
  await database.drop();
});

test("one instance per idempotency key, however many ask at once; another request is refused", async () => {
  const { database, opened, runtime } = await fresh([HELLO]);
  const all = await Promise.all(
    Array.from({ length: 50 }, () => start(runtime, "hello", { name: "x" }, "key")),
  );
  assert.equal(new Set(all.map(({ id }) => id)).size, 1);
  assert.equal(all.filter(({ created }) => created).length, 1);
  await assert.rejects(start(runtime, "hello", { name: "y" }, "key"), is("key-reuse"));
  await opened.stop();
  await database.drop();
});

test("an owner with an old epoch writes nothing", async () => {
  const { database, opened, runtime } = await fresh([HELLO]);
  const second = await open(database);
  await assert.rejects(
    start(runtime, "hello", { name: "late" }),
    (error) => error instanceof RuntimeError,
  );
  const { id } = await start(second.runtime, "hello", { name: "now" });
  assert.equal((await second.runtime.waitInstance(id, WAIT)).status, "completed");
  const { items } = await second.runtime.listInstances({ limit: 10 });
  assert.deepEqual(
    items.map((item) => item.id),
    [id],
  );
  await opened.stop();
  await second.stop();
  await database.drop();
});

test("a lost activity is delivered again with the same key, and its late first result changes nothing", async () => {
  const first: { request: ActivityRequest; answer: (result: ActivityResult) => void }[] = [];
  const got = Promise.withResolvers<void>();
  const { database, opened, runtime } = await fresh([CALLER], (request) => {
    const { promise, resolve } = Promise.withResolvers<ActivityResult>();
    first.push({ request, answer: resolve });
    got.resolve();
    return promise;
  });
  const { id } = await start(runtime, "caller");
  await got.promise;
  const again: ActivityRequest[] = [];
  const second = await open(database, async (request) => {
    again.push(request);
    return { output: "second" };
  });
  const view = await second.runtime.waitInstance(id, WAIT);
  assert.equal(view.output, "second");
  assert.equal(again[0]?.attempt, 2);
  assert.equal(again[0]?.idempotencyKey, first[0]?.request.idempotencyKey);
  first[0]?.answer({ output: "first" });
  assert.equal((await second.runtime.getInstance(id)).output, "second");
  await history(second.runtime, id);
  await opened.stop();
  await second.stop();
  await database.drop();
});

test("a wait goes on after a restart, and never ends early by the database's clock", async () => {
  const text = `${document("waiter")}\ndo: [ { w: { wait: { milliseconds: 700 } } } ]`;
  const { database, opened, runtime } = await fresh([text]);
  const { id } = await start(runtime, "waiter");
  await opened.stop();
  const second = await open(database);
  const view = await second.runtime.waitInstance(id, WAIT);
  assert.equal(view.status, "completed");
  assert.ok((view.endedAt ?? 0) - view.createdAt >= 700);
  await second.stop();
  await database.drop();
});

test("children run in partitions of their own; cancelling a parent cancels them", async () => {
  const child = `${document("child")}\ndo: [ { s: { set: { got: '\${ .n }' } } } ]`;
  const slow = `${document("slow")}\ndo: [ { w: { wait: PT1H } } ]`;
  const run = (name: string): string =>
    `run: { workflow: { namespace: test, name: ${name}, version: latest, input: { n: '\${ .n }' } } }`;
  const branches = Array.from({ length: 8 }, (_, i) => `{ b${i}: { ${run("child")} } }`).join(", ");
  const parent = `${document("parent")}\ndo: [ { f: { fork: { branches: [ ${branches} ] } } } ]`;
  const holder = `${document("holder")}\ndo: [ { c: { ${run("slow")} } } ]`;
  const missing = `${document("missing")}\ndo: [ { c: { ${run("nobody")} } } ]`;
  const { database, opened, runtime } = await fresh([child, slow, parent, holder, missing]);
  const { id } = await start(runtime, "parent", { n: 7 });
  const joined = await runtime.waitInstance(id, WAIT);
  assert.deepEqual(
    joined.output,
    Array.from({ length: 8 }, () => ({ got: 7 })),
  );

  const held = await start(runtime, "holder", { n: 1 });
  const begun = async (): Promise<string> => {
    for (;;) {
      const { items } = await runtime.listInstances({ name: "slow", limit: 1 });
      if (items[0] !== undefined) return items[0].id;
      await new Promise(setImmediate);
    }
  };
  const slowId = await begun();
  await runtime.signalInstance(held.id, { kind: "cancel" });
  assert.equal((await runtime.waitInstance(slowId, WAIT)).status, "cancelled");

  const lost = await start(runtime, "missing", { n: 1 });
  const faulted = await runtime.waitInstance(lost.id, WAIT);
  assert.equal(faulted.status, "faulted");
  assert.match(faulted.error?.detail ?? "", /no workflow test\/nobody/);
  await opened.stop();
  await database.drop();
});

test("suspend, resume and cancel are durable, and an ended instance takes no signal", async () => {
  const text = `${document("held")}\ndo: [ { w: { wait: { milliseconds: 50 } } } ]`;
  const { database, opened, runtime } = await fresh([text]);
  const { id } = await start(runtime, "held");
  assert.equal((await runtime.signalInstance(id, { kind: "suspend" })).status, "suspended");
  await opened.stop();
  const second = await open(database);
  assert.equal((await second.runtime.getInstance(id)).status, "suspended");
  await second.runtime.signalInstance(id, { kind: "resume" });
  assert.equal((await second.runtime.waitInstance(id, WAIT)).status, "completed");
  await assert.rejects(second.runtime.signalInstance(id, { kind: "cancel" }), is("invalid-state"));
  await second.stop();
  await database.drop();
});

test("watching gives every fact once and ends with the last", async () => {
  const { database, opened, runtime } = await fresh([CALLER]);
  const { id } = await start(runtime, "caller");
  const seen: number[] = [];
  for await (const event of runtime.watch(id, 0)) seen.push(event.seq);
  assert.deepEqual(seen, [1, 2, 3, 4]);
  await opened.stop();
  await database.drop();
});

test("a batch survives the loss of every database connection", async () => {
  const { database, opened, runtime } = await fresh([HELLO]);
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const started: Promise<PromiseSettledResult<{ id: string }>[]>[] = [];
  for (let i = 0; i < 200; i += 1) {
    started.push(Promise.allSettled([start(runtime, "hello", { name: `${i}` }, `key-${i}`)]));
    if (i % 50 === 25)
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
  }
  for (const [i, [result]] of (await Promise.all(started)).entries()) {
    if (result?.status === "rejected")
      assert.ok(is("unavailable")(result.reason), String(result.reason));
    // Who was turned away asks again, with the same key.
    const begin = () => start(runtime, "hello", { name: `${i}` }, `key-${i}`);
    const { id } = await again(begin);
    if (result?.status === "fulfilled") assert.equal(result.value.id, id);
    const view = await again(() => runtime.waitInstance(id, WAIT));
    assert.deepEqual(view.output, { message: `Hello ${i}` });
    await again(() => history(runtime, id));
  }
  await admin.end();
  await opened.stop();
  await database.drop();
});

/** Asks until the database answers. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!is("unavailable")(error)) throw error;
    }
  }
}
