/** Retrying on PostgreSQL: the row of an ended instance is a live one again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActivityRequest, ActivityResult } from "@millrace/server/local";
import { RuntimeError } from "@millrace/server/runtime";
import { document, fresh, history, open, start } from "./harness.ts";

const WAIT = 20_000;
const is = (kind: string) => (error: unknown) =>
  error instanceof RuntimeError && error.kind === kind;
const call = (name: string): string =>
  `${name}: { call: http, with: { method: get, endpoint: http://shop/${name} } }`;
const TWO = `${document("two")}
do: [ { ${call("first")} }, { ${call("second")} }, { last: { set: '\${ { done: . } }' } } ]`;
const error = { type: "https://example.test/broken", status: 503, title: "Broken" };

/** Answers what is called by its name; what is not named fails. */
function shop(answers: Record<string, ActivityResult>) {
  const requests: ActivityRequest[] = [];
  const execute = async (request: ActivityRequest): Promise<ActivityResult> => {
    requests.push(request);
    return answers[request.name] ?? { error };
  };
  return { requests, execute, answers };
}

test("a retried instance goes on from its failed task, on another server, and ends once more", async () => {
  const { requests, execute, answers } = shop({ first: { output: 1 } });
  const { database, opened, runtime } = await fresh([TWO], execute);
  const { id } = await start(runtime, "two", {}, "order-1");
  const faulted = await runtime.waitInstance(id, WAIT);
  assert.deepEqual([faulted.status, faulted.error?.status], ["faulted", 503]);
  await opened.stop();
  const second = await open(database, execute);
  answers["second"] = { output: 2 };
  await second.runtime.retryInstance(id, {});
  const view = await second.runtime.waitInstance(id, WAIT);
  assert.deepEqual([view.status, view.output, view.error], ["completed", { done: 2 }, undefined]);
  assert.deepEqual(
    requests.map(({ name, idempotencyKey }) => [name, idempotencyKey.slice(-3)]),
    [
      ["first", "/.1"],
      ["second", "/.2"],
      ["second", "/.2"],
    ],
  );
  const kinds = (await history(second.runtime, id)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "workflow.retried").length, 1);
  assert.equal(kinds.at(-1), "workflow.completed");
  const watched: string[] = [];
  for await (const { kind } of second.runtime.watch(id, 0)) watched.push(kind);
  assert.deepEqual(watched, kinds);
  assert.deepEqual(await start(second.runtime, "two", {}, "order-1"), { id, created: false });
  await second.stop();
  await database.drop();
});

test("of many retries at once one wins, and a request repeated with its key is the same one", async () => {
  const got = Promise.withResolvers<void>();
  let calls = 0;
  const { database, opened, runtime } = await fresh([TWO], async () => {
    calls += 1;
    if (calls === 1) return { error };
    got.resolve();
    return await new Promise(() => {});
  });
  const { id } = await start(runtime, "two");
  await runtime.waitInstance(id, WAIT);
  const asked = Array.from({ length: 8 }, (_, n) =>
    runtime.retryInstance(id, { idempotencyKey: `retry ${n}` }),
  );
  const settled = await Promise.allSettled(asked);
  const won = settled.flatMap(({ status }, n) => (status === "fulfilled" ? [n] : []));
  assert.equal(won.length, 1);
  for (const each of settled)
    if (each.status === "rejected") assert.ok(is("not-retryable")(each.reason));
  await got.promise;
  const again = await runtime.retryInstance(id, { idempotencyKey: `retry ${won[0]}` });
  assert.equal(again.status, "running");
  assert.equal(calls, 2);
  const kinds = (await history(runtime, id)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "workflow.retried").length, 1);
  await opened.stop();
  await database.drop();
});

test("a retry that fails again at once, many times over, leaves a whole history", async () => {
  const raising = `${document("raising")}
do: [ { r: { raise: { error: { type: 'https://example.test/x', status: 409 } } } } ]`;
  const { database, opened, runtime } = await fresh([raising]);
  const { id } = await start(runtime, "raising");
  await runtime.waitInstance(id, WAIT);
  for (let n = 0; n < 20; n += 1)
    assert.equal((await runtime.retryInstance(id, {})).status, "faulted");
  const facts = await history(runtime, id);
  assert.equal(facts.filter(({ kind }) => kind === "workflow.faulted").length, 21);
  const { items } = await runtime.listInstances({ limit: 10, status: ["faulted"] });
  assert.deepEqual(
    items.map((item) => item.id),
    [id],
  );
  await opened.stop();
  await database.drop();
});

test("a retry is refused for what is not there, has not faulted, or names no task", async () => {
  const { execute } = shop({ first: { output: 1 } });
  const { database, opened, runtime } = await fresh([TWO], execute);
  const { id } = await start(runtime, "two");
  await runtime.waitInstance(id, WAIT);
  await assert.rejects(runtime.retryInstance(id, { from: "third" }), (thrown) => {
    assert.ok(is("invalid-input")(thrown));
    assert.match((thrown as RuntimeError).message, /name one of \/do\/0\/first, \/do\/1\/second/);
    return true;
  });
  await assert.rejects(runtime.retryInstance("nobody", {}), is("not-found"));
  await assert.rejects(runtime.retryInstance("01JC7Z6V5M3B8Q4X2N9R0T1WYA", {}), is("not-found"));
  assert.equal((await runtime.retryInstance(id, { from: "last", input: 5 })).status, "completed");
  await assert.rejects(runtime.retryInstance(id, {}), is("not-retryable"));
  await opened.stop();
  await database.drop();
});
