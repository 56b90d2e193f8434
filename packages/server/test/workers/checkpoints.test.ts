/** Checkpoints of tasks: durable, the next worker's to go on from, and nobody's to write over. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { CheckpointRequest } from "@millrace/protocol";
import { calling, serve, serveWhole } from "./stand.ts";

const LONG = calling("long", "{ function: work, arguments: '${ .n }' }");
const LARGE = Array.from({ length: 4_000 }, (_, n) => `part ${n}`);

test("the next worker gets the latest checkpoint, of each level", async (t) => {
  const api = await serve(t, [LONG]);
  const id = await api.start("long");
  const given: readonly CheckpointRequest[] = [
    { percent: 10, note: "begun" },
    { percent: 20, data: { at: 3 } },
    { percent: 30, note: "further" },
    { percent: 40, state: ["all", { of: "it" }] },
  ];
  const expected = [
    { level: "progress", percent: 10, note: "begun" },
    { level: "data", percent: 20, data: { at: 3 } },
    { level: "data", percent: 30, note: "further", data: { at: 3 } },
    { level: "state", percent: 40, state: ["all", { of: "it" }] },
  ];
  let task = await api.task();
  assert.equal(task.checkpoint, undefined);
  for (const [index, checkpoint] of given.entries()) {
    const { status, body } = await api.checkpoint(task, checkpoint);
    assert.equal(status, 200);
    assert.deepEqual(body, { ...expected[index], number: index + 1, attempt: 1, at: body.at });
    await api.say(task, "release");
    task = await api.task();
    assert.deepEqual(task.checkpoint, body);
  }
  await api.say(task, "complete");
  assert.equal((await api.instance(id)).status, "completed");
});

test("a run by `try` goes on from the checkpoint of the run before it", async (t) => {
  const text = `document: { dsl: '1.0.3', namespace: test, name: again, version: '1.0.0' }
do:
  - safe:
      try: [ { work: { call: worker, with: { function: work } } } ]
      catch: { retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 2 } } } }`;
  const api = await serve(t, [text]);
  const id = await api.start("again");
  const first = await api.task();
  await api.checkpoint(first, { data: "half" });
  await api.say(first, "fail", { detail: "broken" });
  const second = await api.task();
  assert.deepEqual([second.checkpoint?.data, second.checkpoint?.number], ["half", 1]);
  assert.equal((await api.checkpoint(second, { data: "more" })).body.number, 2);
  await api.say(second, "complete");
  assert.equal((await api.instance(id)).status, "completed");
});

test("a large checkpoint is a payload, for as long as it is the latest", async (t) => {
  const { api, rows } = await serveWhole(t, [LONG]);
  await api.start("long");
  const task = await api.task();
  const digest = createHash("sha256").update(JSON.stringify(LARGE)).digest("hex");
  const { body } = await api.checkpoint(task, { percent: 50, state: LARGE });
  assert.deepEqual([body.level, body.state, body.digest], ["state", undefined, digest]);
  const refs = "SELECT holder, encode(digest, 'hex') AS digest, kind FROM payload_refs";
  const [ref, ...others] = await rows(refs);
  assert.deepEqual(others, []);
  const holder = `${task.instanceId}/${task.idempotencyKey}`;
  assert.deepEqual(ref, { holder, digest, kind: "checkpoint" });
  await api.checkpoint(task, { percent: 60 });
  assert.deepEqual(await rows(refs), [ref]);
  await api.say(task, "release");
  const again = await api.task();
  assert.deepEqual([again.checkpoint?.digest, again.checkpoint?.percent], [digest, 60]);
  await api.checkpoint(again, { data: "small" });
  assert.deepEqual(await rows(refs), []);
});

test("a payload that is there can be a checkpoint, and one that is not cannot", async (t) => {
  const { api, rows } = await serveWhole(t, [LONG]);
  await api.start("long");
  const first = await api.task();
  const unknown = "ab".repeat(32);
  const refused = await api.checkpoint(first, { digest: unknown });
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.body.issues, [
    { path: "body.digest", message: `there is no payload ${unknown}` },
  ]);
  await api.checkpoint(first, { state: LARGE });
  const [row] = await rows("SELECT encode(digest, 'hex') AS digest FROM payloads");
  const digest = String(row?.["digest"]);
  await api.start("long");
  const second = await api.task();
  const { status, body } = await api.checkpoint(second, { digest, level: "state" });
  assert.deepEqual([status, body.digest, body.level], [200, digest, "state"]);
  assert.equal((await rows("SELECT FROM payload_refs")).length, 2);
});

test("nothing is left of the checkpoints of a task that is done", async (t) => {
  const { api, rows } = await serveWhole(t, [LONG]);
  await api.start("long");
  const task = await api.task();
  await api.checkpoint(task, { state: LARGE });
  await api.say(task, "complete");
  const left = async (): Promise<unknown> =>
    rows("SELECT chain FROM activity_checkpoints UNION ALL SELECT holder FROM payload_refs");
  while (JSON.stringify(await left()) !== "[]") await new Promise((done) => setImmediate(done));
});

test("a repetition of a task that is done does not go on from its checkpoint", async (t) => {
  const text = `document: { dsl: '1.0.3', namespace: test, name: whole, version: '1.0.0' }
do:
  - safe:
      try:
        - work: { call: worker, with: { function: work } }
        - broken: { raise: { error: { type: urn:broken, status: 500, title: Broken } } }
      catch: { retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 1 } } } }`;
  const { api, rows } = await serveWhole(t, [text]);
  await api.start("whole");
  const first = await api.task();
  await api.checkpoint(first, { state: "all of it" });
  // Whoever deletes it has to wait.
  await rows("BEGIN");
  assert.equal((await rows("SELECT FROM activity_checkpoints FOR UPDATE")).length, 1);
  await api.say(first, "complete");
  const second = api.task();
  const delivered = async (): Promise<string> => await (await fetch(`${api.url}/metrics`)).text();
  while (!/^millrace_worker_tasks_delivered_total 2$/m.test(await delivered()));
  await rows("ROLLBACK");
  const { idempotencyKey, checkpoint } = await second;
  assert.deepEqual([idempotencyKey, checkpoint], [first.idempotencyKey, undefined]);
});

test("whoever describes the instance sees how far its task is", async (t) => {
  const api = await serve(t, [LONG]);
  const id = await api.start("long");
  const task = await api.task();
  const { body } = await api.checkpoint(task, { percent: 12.5, note: "page 3 of 24" });
  const { waitingFor } = await api.instance(id);
  const [wait] = waitingFor ?? [];
  assert.deepEqual(
    [wait?.type, wait?.target, wait?.progress],
    ["call:worker", "work", { percent: 12.5, note: "page 3 of 24", at: body.at }],
  );
});

test("checkpoints of many tasks are written together, each its own", async (t) => {
  const api = await serve(t, [LONG]);
  const numbers = Array.from({ length: 80 }, (_, n) => n);
  await Promise.all(numbers.map((n) => api.start("long", { n })));
  const { tasks } = await api.poll({ max: 80 });
  assert.equal(tasks.length, 80);
  const answers = await Promise.all(
    tasks.map((task) => api.checkpoint(task, { data: { of: task.arguments } })),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  const text = await (await fetch(`${api.url}/metrics`)).text();
  assert.match(text, /^millrace_worker_checkpoints_total\{level="data"\} 80$/m);
  const commits = Number(/^millrace_worker_checkpoint_commits_total (\d+)$/m.exec(text)?.[1]);
  assert.ok(commits > 0 && commits < 80, `${commits}`);
  await Promise.all(tasks.map((task) => api.say(task, "release")));
  const again = await api.poll({ max: 80 });
  for (const { checkpoint, arguments: n } of again.tasks)
    assert.deepEqual(checkpoint?.data, { of: n });
  assert.deepEqual(
    again.tasks.map((task) => Number(task.arguments)).sort((a, b) => a - b),
    numbers,
  );
});

test("a server whose partitions another one has writes no checkpoint, and takes no result", async (t) => {
  const { api, rows } = await serveWhole(t, [LONG]);
  await api.start("long");
  const task = await api.task();
  await api.checkpoint(task, { data: "in time" });
  await rows(
    "UPDATE partitions SET epoch = epoch + 1, owner = 'other', lease_until = now_ms() + 600000",
  );
  const late = await api.checkpoint(task, { data: "late" });
  assert.deepEqual([late.status, late.body.code], [409, "task-lost"]);
  const given = await api.say(task, "complete", { output: "late" });
  assert.deepEqual([given.status, given.body.code], [409, "task-lost"]);
  assert.deepEqual(await rows("SELECT data FROM activity_checkpoints"), [{ data: '"in time"' }]);
  assert.equal((await api.instance(task.instanceId)).status, "running");
});
