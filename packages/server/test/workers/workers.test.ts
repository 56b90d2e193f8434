/** Remote workers over HTTP, on a real server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { calling, serve } from "./stand.ts";

const ECHO = calling("echo", "{ function: work, arguments: '${ .n }' }");

test("a task goes to a worker, which ends the instance with its output", async (t) => {
  const api = await serve(t, [ECHO]);
  const waiting = api.task();
  const id = await api.start("echo", { n: 7 });
  const task = await waiting;
  const { token, ...rest } = task;
  assert.match(token, /^\d+\.[\w-]{22}$/);
  assert.deepEqual(rest, {
    instanceId: id,
    activityId: rest.activityId,
    attempt: 1,
    delivery: 1,
    idempotencyKey: rest.idempotencyKey,
    workflow: { namespace: "test", name: "echo", version: "1.0.0" },
    name: "work",
    reference: "/do/0/work",
    function: "work",
    arguments: 7,
    lease: "PT30S",
  });
  assert.deepEqual((await api.say(task, "heartbeat")).body, { cancelled: false, lease: "PT30S" });
  assert.equal((await api.say(task, "complete", { output: { got: 7 } })).status, 204);
  const { status, output } = await api.instance(id);
  assert.deepEqual([status, output], ["completed", { got: 7 }]);
  assert.equal((await api.say(task, "complete", { output: 8 })).status, 204);
  assert.equal((await api.say(task, "heartbeat")).body.code, "task-lost");
});

test("an error of a worker is caught by its type, and tried again as any", async (t) => {
  const text = `document: { dsl: '1.0.3', namespace: test, name: again, version: '1.0.0' }
do:
  - safe:
      try: [ { work: { call: worker, with: { function: work } } } ]
      catch:
        errors: { with: { type: urn:busy } }
        retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 3 } } }`;
  const api = await serve(t, [text]);
  const id = await api.start("again");
  const first = await api.task();
  const busy = { type: "urn:busy", status: 503, title: "Busy", detail: "come again" };
  assert.equal((await api.say(first, "fail", busy)).status, 204);
  const second = await api.task();
  assert.equal(second.idempotencyKey, first.idempotencyKey);
  assert.equal((await api.say(first, "complete")).status, 204, "as it was taken: not again");
  assert.equal((await api.say(second, "fail", { detail: "broken" })).status, 204);
  const { status, error } = await api.ended(id);
  assert.equal(status, "faulted");
  assert.deepEqual(error, {
    type: "https://open-workflow-specification.org/spec/1.0.0/errors/runtime",
    status: 500,
    title: "Runtime Error",
    detail: "broken",
    instance: "/do/0/safe/try/0/work",
  });
});

test("a task whose lease has ended goes to another worker, and the first is refused", async (t) => {
  const api = await serve(t, [calling("short", "{ function: work, lease: PT1S }")]);
  const id = await api.start("short");
  const first = await api.task({ worker: "one" });
  const second = await api.task({ worker: "two" });
  assert.deepEqual([first.delivery, second.delivery], [1, 2]);
  assert.notEqual(first.token, second.token);
  for (const what of ["heartbeat", "complete", "fail", "checkpoint", "release"]) {
    const { status, body } = await api.say(first, what);
    assert.deepEqual([status, body.code], [409, "task-lost"], what);
  }
  assert.equal((await api.say(second, "complete", { output: 2 })).status, 204);
  assert.equal((await api.instance(id)).output, 2);
});

test("a task that is given back goes to another worker at once", async (t) => {
  const api = await serve(t, [ECHO]);
  await api.start("echo");
  assert.equal((await api.say(await api.task({ worker: "one" }), "release")).status, 204);
  const { delivery } = await api.task({ worker: "two" });
  assert.equal(delivery, 2);
});

test("a worker is told that its instance was cancelled, by a poll that waits and by its heartbeat", async (t) => {
  const api = await serve(t, [ECHO]);
  const id = await api.start("echo");
  const task = await api.task();
  const waiting = api.poll();
  await api.post(`/v1/instances/${id}/cancel`);
  assert.deepEqual(await waiting, { tasks: [], cancelled: [task.token] });
  assert.deepEqual((await api.say(task, "heartbeat")).body, { cancelled: true });
  const { status, body } = await api.say(task, "complete", { output: 1 });
  assert.deepEqual([status, body.code], [409, "task-lost"]);
  assert.equal((await api.instance(id)).status, "cancelled");
});

test("a task that takes too long is withdrawn from its worker", async (t) => {
  const timeout = ", timeout: { after: { milliseconds: 200 } }";
  const api = await serve(t, [calling("slow", "{ function: work }", timeout)]);
  const id = await api.start("slow");
  const task = await api.task();
  const { cancelled } = await api.poll();
  assert.deepEqual(cancelled, [task.token]);
  const { status, error } = await api.ended(id);
  assert.deepEqual([status, error?.status], ["faulted", 408]);
});

test("tasks wait for workers without taking the places of other activities", async (t) => {
  const shell = `document: { dsl: '1.0.3', namespace: test, name: other, version: '1.0.0' }
do: [ { call: { call: http, with: { method: get, endpoint: http://127.0.0.1:1/ } } } ]`;
  const api = await serve(t, [ECHO, shell], { MILLRACE_ACTIVITY_CONCURRENCY: "1" });
  const waiting = await Promise.all([1, 2, 3].map((n) => api.start("echo", { n })));
  const other = await api.start("other");
  assert.equal((await api.ended(other)).status, "faulted");
  const { tasks } = await api.poll({ max: 10 });
  assert.deepEqual(tasks.map(({ instanceId }) => instanceId).sort(), waiting.sort());
});

test("a worker whose connection is gone gets no task", async (t) => {
  const api = await serve(t, [ECHO]);
  const leave = new AbortController();
  const asked = fetch(`${api.url}/v1/workers/poll`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ worker: "gone", functions: ["work"], wait: "30s" }),
    signal: leave.signal,
  }).catch(() => "aborted");
  const metric = async (): Promise<string> => await (await fetch(`${api.url}/metrics`)).text();
  const polls = async (): Promise<string> =>
    /^millrace_worker_polls_waiting (\d+)$/m.exec(await metric())?.[1] ?? "";
  while ((await polls()) !== "1") await new Promise((resolve) => setImmediate(resolve));
  leave.abort();
  assert.equal(await asked, "aborted");
  while ((await polls()) !== "0") await new Promise((resolve) => setImmediate(resolve));
  await api.start("echo");
  assert.equal((await api.task()).delivery, 1);
  const text = await metric();
  assert.match(text, /^millrace_worker_tasks_delivered_total 1$/m);
  assert.match(text, /^millrace_worker_tasks_leased 1$/m);
});
