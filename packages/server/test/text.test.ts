/** Text that PostgreSQL cannot hold as it is (NUL, halves of surrogate pairs, keys too long for an index) on its way in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RuntimeError } from "../src/runtime.ts";
import { document, fresh, history, start } from "./harness.ts";

const WAIT = 30_000;
const ODD = "a\0b\ud800c";

const refused = (kind: string) => (error: unknown) =>
  error instanceof RuntimeError && error.kind === kind;

test("data with NUL and lone surrogates come back as they were given", async () => {
  const { database, opened, runtime } = await fresh([
    `${document("echo")}\ndo: [ { e: { set: { echo: '\${ . }', "k\\0": 1 } } } ]`,
  ]);
  const { id } = await start(runtime, "echo", { [ODD]: ODD });
  const view = await runtime.waitInstance(id, WAIT);
  assert.deepEqual(view.input, { [ODD]: ODD });
  assert.deepEqual(view.output, { echo: { [ODD]: ODD }, "k\0": 1 });
  assert.equal((await history(runtime, id)).at(-1)?.kind, "workflow.completed");
  await opened.stop();
  await database.drop();
});

test("a title holds what the column cannot as U+FFFD; the definition holds it exactly", async () => {
  const { database, opened, runtime } = await fresh([]);
  const text = `document: { dsl: '1.0.3', namespace: test, name: titled, version: '1.0.0', title: "a\\0b\\ud800", summary: "\\0" }
do: [ { a: { set: { b: 1 } } } ]`;
  const { workflow } = await runtime.applyWorkflow({ text });
  assert.equal(workflow.title, "a\ufffdb\ufffd");
  assert.equal(workflow.summary, "\ufffd");
  assert.equal((workflow.definition["document"] as { title: string }).title, "a\0b\ud800");
  await opened.stop();
  await database.drop();
});

test("a child whose name no table can hold is a child that does not exist", async () => {
  const { database, opened, runtime } = await fresh([
    `${document("parent")}\ndo: [ { c: { run: { workflow: { namespace: "te\\0st", name: x, version: latest } } } } ]`,
  ]);
  const { id } = await start(runtime, "parent");
  const view = await runtime.waitInstance(id, WAIT);
  assert.equal(view.status, "faulted");
  assert.match(view.error?.detail ?? "", /there is no workflow/);
  await opened.stop();
  await database.drop();
});

test("names and cursors that no table can hold are refused, not failures", async () => {
  const { database, opened, runtime } = await fresh([]);
  const cursor = (...parts: readonly string[]) =>
    Buffer.from(JSON.stringify(parts)).toString("base64url");
  const wrong = refused("invalid-input");
  await assert.rejects(runtime.listInstances({ limit: 1, cursor: cursor("\0") }), wrong);
  await assert.rejects(runtime.listWorkflows({ limit: 1, cursor: cursor("a", "\0", "") }), wrong);
  const long = `1.0.0-${"x".repeat(123)}`;
  const text = `${document("long").replace("1.0.0", long)}\ndo: [ { a: { set: { b: 1 } } } ]`;
  await assert.rejects(runtime.applyWorkflow({ text }), refused("invalid-workflow"));
  await opened.stop();
  await database.drop();
});

test("the longest event that is let in fits its index", async () => {
  const { database, opened, runtime } = await fresh([]);
  // Random, because the index compresses what repeats.
  const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(512))).toString("hex");
  const event = { specversion: "1.0", id: random(), source: random(), type: random() } as const;
  assert.deepEqual(await runtime.publishEvents([event]), { accepted: 1, duplicates: 0 });
  assert.deepEqual(await runtime.publishEvents([event]), { accepted: 0, duplicates: 1 });
  await opened.stop();
  await database.drop();
});
