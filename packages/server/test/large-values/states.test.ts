/** Large values of instances, from the call that brings them to the rows they leave. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ActivityRequest } from "../../src/activities/executor.ts";
import { document, start } from "../harness.ts";
import { digestOf, largeStand, scan } from "./large-stand.ts";

const MIB = 1024 * 1024;
const WAIT = 60_000;

const LOOP = `${document("loop")}
do:
  - steps:
      for: { each: step, in: "\${ [range(200)] }" }
      do:
        - call: { call: http, with: { method: post, endpoint: http://steps/, body: { step: "\${ $step }" } } }
        - keep: { set: "\${ $workflow.input }" }
      output: { as: "\${ .name }" }`;
const SENDS = `${document("sends")}
do:
  - send: { call: http, with: { method: post, endpoint: http://sends/, body: "\${ . }" } }`;
const ECHO = `${document("echo")}
do: [ { wait: { wait: { milliseconds: 10 } } } ]`;
const PARENT = `${document("parent")}
do: [ { child: { run: { workflow: { namespace: test, name: echo, version: '1.0.0', input: { name: "\${ .name }", lines: "\${ .lines }" } } } } } ]`;
const LISTENS = `${document("listens")}
do: [ { hear: { listen: { to: { one: { with: { type: go } } } } } }, { back: { set: "\${ $workflow.input }" } } ]`;

const asked: ActivityRequest[] = [];
let longest = 0;
/** What the executor answers, by the host it is asked for. */
const answers = new Map<string, () => Promise<{ output: never }>>();

const s = await largeStand([LOOP, SENDS, ECHO, PARENT, LISTENS], {
  async execute(request) {
    asked.push(request);
    const text = await s.text("SELECT max(length(state))::text AS text FROM instances", []);
    longest = Math.max(longest, Number(text));
    const { endpoint } = request.input;
    const answer = typeof endpoint === "string" ? answers.get(new URL(endpoint).host) : undefined;
    return answer?.() ?? { output: { ok: true } };
  },
});
after(() => s.stop());

test("a large input is stored once, and the state stays small through 200 steps", async () => {
  const input = scan("loop", 10 * MIB);
  longest = 0;
  const { id } = await start(s.runtime, "loop", input);
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.deepEqual([view.status, view.output], ["completed", "loop"]);
  assert.equal(asked.filter(({ instanceId }) => instanceId === id).length, 200);
  assert.ok(longest > 0 && longest < 64 * 1024, `the longest state has ${longest} characters`);
  const mine = (await s.stored()).filter(({ size }) => size > 9 * MIB);
  assert.equal(mine.length, 1);
  assert.deepEqual(await s.refs(id), [mine[0]?.digest]);
  assert.deepEqual((await s.runtime.getInstance(id)).input, input);
  const facts = await s.text(
    "SELECT (SELECT coalesce(sum(length(events)), 0) FROM history WHERE instance_id = $1) + length(facts) AS text FROM finished WHERE id = $1",
    [id],
  );
  assert.ok(Number(facts) < 512 * 1024, `the history has ${facts} characters`);
});

test("equal values of two instances are one payload, and each tenant has its own", async () => {
  const input = scan("shared", MIB);
  await s.runtime.applyWorkflow({ text: ECHO, tenant: "other" });
  const ids = [];
  for (const tenant of ["default", "default", "other"])
    ids.push(
      (await s.runtime.startInstance({ namespace: "test", name: "echo", input, tenant })).id,
    );
  for (const id of ids) assert.equal((await s.runtime.waitInstance(id, WAIT)).status, "completed");
  const mine = (await s.stored()).filter(
    ({ tenant, size }) => tenant === "other" || size < 2 * MIB,
  );
  const digest = await digestOf(input["lines"] ?? null);
  assert.deepEqual(
    mine.filter((each) => each.digest === digest).map(({ tenant }) => tenant),
    ["default", "other"],
  );
  for (const id of ids) assert.deepEqual(await s.refs(id), [digest]);
});

test("the history shows where large values are, and the payload has them", async () => {
  const input = { "a/b": scan("history", 50_000), small: 1 };
  const { id } = await start(s.runtime, "echo", input);
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.deepEqual(view.output, input);
  const { events } = await s.runtime.getHistory(id, 0, 100);
  const [started, ...others] = events;
  const digest = await digestOf(input["a/b"]["lines"] ?? null);
  const bytes = Buffer.byteLength(JSON.stringify(input["a/b"]["lines"]));
  assert.deepEqual(started, {
    seq: 1,
    at: started?.at,
    kind: "workflow.started",
    input: { "a/b": { name: "history", lines: null }, small: 1 },
    payloads: [{ path: "/input/a~1b/lines", digest, bytes }],
  });
  assert.deepEqual(others.at(-1)?.payloads, [{ path: "/output/a~1b/lines", digest, bytes }]);
  const read = await s.payloads.read("default", digest);
  assert.deepEqual(JSON.parse(read?.bytes.toString("utf8") ?? ""), input["a/b"]["lines"]);
  assert.equal(read?.info.mediaType, "application/json");
});

test("children, their results and what activities bring are whole on both sides", async () => {
  const input = scan("parent", MIB);
  const { id } = await start(s.runtime, "parent", input);
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.deepEqual([view.status, view.output], ["completed", input]);
  const child = await s.text("SELECT id AS text FROM finished WHERE parent_id = $1", [id]);
  assert.deepEqual((await s.runtime.getInstance(child)).input, input);
  const digest = await digestOf(input["lines"] ?? null);
  assert.deepEqual(await s.refs(child), [digest]);
  assert.deepEqual(await s.refs(id), [digest]);

  const given = scan("result", MIB);
  answers.set("sends", async () => ({ output: given as never }));
  const sent = await start(s.runtime, "sends", input);
  assert.deepEqual((await s.runtime.waitInstance(sent.id, WAIT)).output, given);
  const request = asked.find(({ instanceId }) => instanceId === sent.id);
  assert.deepEqual(request?.input["body"], input);
  assert.deepEqual(
    await s.refs(sent.id),
    [digest, await digestOf(given["lines"] ?? null)].toSorted(),
  );
});

test("another node goes on with the large values that it finds", async () => {
  const input = scan("restart", MIB);
  const { id } = await start(s.runtime, "listens", input);
  for await (const { kind } of s.runtime.watch(id, 0)) if (kind === "task.started") break;
  // The activity is under way when its node is gone.
  const reached = Promise.withResolvers<void>();
  answers.set("sends", () => {
    reached.resolve();
    return new Promise(() => {});
  });
  const sent = await start(s.runtime, "sends", input);
  await reached.promise;
  const row = await s.text("SELECT request AS text FROM activities WHERE instance_id = $1", [
    sent.id,
  ]);
  assert.ok(row.length < 32 * 1024, `the activity's row has ${row.length} characters`);
  answers.set("sends", async () => ({ output: "twice" as never }));
  await s.again({ lingers: true });
  const go = { specversion: "1.0", id: "1", source: "/test", type: "go" };
  await s.runtime.publishEvents([go]);
  assert.deepEqual((await s.runtime.waitInstance(id, WAIT)).output, input);
  assert.equal((await s.runtime.waitInstance(sent.id, WAIT)).output, "twice");
  const again = asked.filter(({ instanceId }) => instanceId === sent.id);
  assert.deepEqual(
    again.map(({ attempt }) => attempt),
    [1, 2],
  );
  assert.deepEqual(again[1]?.input["body"], input);
});

test("a faulted instance with a large input is retried: as it was, and from a task", async () => {
  const input = scan("retried", 3 * MIB);
  answers.set("sends", () => Promise.reject(new Error("not today")));
  const { id } = await start(s.runtime, "sends", input);
  assert.equal((await s.runtime.waitInstance(id, WAIT)).status, "faulted");
  const state = await s.text("SELECT state AS text FROM finished WHERE id = $1", [id]);
  assert.ok(state.length < 32 * 1024, `the faulted state has ${state.length} characters`);
  await s.again();
  await s.runtime.retryInstance(id, {});
  assert.equal((await s.runtime.waitInstance(id, WAIT)).status, "faulted");
  answers.set("sends", async () => ({ output: "at last" as never }));
  await s.runtime.retryInstance(id, { from: "send" });
  assert.equal((await s.runtime.waitInstance(id, WAIT)).output, "at last");
  const all = asked.filter(({ instanceId }) => instanceId === id);
  assert.equal(all.length, 3);
  for (const { input: given } of all) assert.deepEqual(given["body"], input);
});

test("a large message of an error is shown whole", async () => {
  const detail = "e".repeat(40_000);
  answers.set("sends", () => Promise.reject(new Error(detail)));
  const { id } = await start(s.runtime, "sends", 1);
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.equal(view.error?.detail, detail);
  const { events } = await s.runtime.getHistory(id, 0, 100);
  const fault = events.find(({ kind }) => kind === "workflow.faulted");
  assert.equal(fault?.kind === "workflow.faulted" && fault.error.detail, detail);
  assert.equal(fault?.payloads, undefined);
});
