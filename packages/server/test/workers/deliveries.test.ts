/** A task that ends its workers, one after the other, does not do so for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerTask, WorkerTasks } from "@millrace/protocol";
import { type ApiOf, calling, serve, serveWhole } from "./stand.ts";

const RUNTIME = "https://open-workflow-specification.org/spec/1.0.0/errors/runtime";
const POISON = calling("poison", "{ function: work, lease: PT1S, maxDeliveries: 2 }");

test("a task whose workers die under it fails in the end, and its latest checkpoint is kept for a retry", async (t) => {
  const { api, rows } = await serveWhole(t, [POISON]);
  const id = await api.start("poison");
  const first = await api.task({ worker: "one" });
  await api.checkpoint(first, { percent: 40, state: { next: 7 } });
  const second = await api.task({ worker: "two" });
  assert.equal(second.delivery, 2);
  const { status, error } = await api.ended(id);
  assert.equal(status, "faulted");
  const { detail = "", ...rest } = error ?? {};
  const title = "Maximum Deliveries Reached";
  assert.deepEqual(rest, { type: RUNTIME, status: 500, title, instance: "/do/0/work" });
  assert.match(
    detail,
    /^2 times a worker was given the task .* for PT1S, the last one being two\./,
  );
  for (const task of [first, second])
    assert.equal((await api.say(task, "complete", { output: 1 })).body.code, "task-lost");
  const metrics = await (await fetch(`${api.url}/metrics`)).text();
  assert.match(metrics, /^millrace_worker_tasks_given_up_total 1$/m);
  assert.equal((await api.post(`/v1/instances/${id}/retry`)).status, 200);
  const again = await api.task({ worker: "three" });
  assert.deepEqual([again.delivery, again.checkpoint?.state], [1, { next: 7 }]);
  // What was counted before the retry is over.
  await api.say(again, "release");
  const last = await api.task({ worker: "four" });
  assert.equal((await api.say(last, "complete", { output: "done" })).status, 204);
  assert.equal((await api.instance(id)).output, "done");
  while ((await rows("SELECT FROM activity_checkpoints")).length > 0)
    await new Promise((resolve) => setImmediate(resolve));
});

test("a workflow can catch what a task does that ends its workers, and a task given back is none", async (t) => {
  const text = `document: { dsl: '1.0.3', namespace: test, name: caught, version: '1.0.0' }
do:
  - safe:
      try: [ { work: { call: worker, with: { function: work, lease: PT1S, maxDeliveries: '\${ 1 }' } } } ]
      catch:
        errors: { with: { type: ${RUNTIME}, title: Maximum Deliveries Reached } }
        as: error
        do: [ { instead: { set: { status: '\${ $error.status }' } } } ]`;
  const api = await serve(t, [text]);
  const id = await api.start("caught");
  for (const worker of ["one", "two", "three"])
    assert.equal((await api.say(await api.task({ worker }), "release")).status, 204);
  await api.task({ worker: "four" });
  const { status, output } = await api.ended(id);
  assert.deepEqual([status, output], ["completed", { status: 500 }]);
});

test("the server's limit counts for tasks that have none of their own; 0 is none", async (t) => {
  const own = calling("own", "{ function: own, lease: PT1S, maxDeliveries: 0 }");
  const served = calling("served", "{ function: work, lease: PT1S }");
  const api = await serve(t, [own, served], { MILLRACE_WORKER_MAX_DELIVERIES: "1" });
  await api.start("own");
  await api.task({ functions: ["own"] });
  const id = await api.start("served");
  await api.task();
  assert.equal((await api.ended(id)).status, "faulted");
  const again = await api.task({ functions: ["own"] });
  assert.equal(again.delivery, 2);
});

test("leases that ended under an earlier owner count", async (t) => {
  const { api, rows, beside, stop } = await serveWhole(t, [POISON]);
  const id = await api.start("poison");
  await api.task({ worker: "one" });
  while ((await rows("SELECT FROM activity_checkpoints WHERE expiries = 1")).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const next = await beside();
  await stop();
  const task = await taskOf(next);
  assert.deepEqual([task.attempt, task.delivery], [2, 1]);
  const { status, error } = await next.ended(id);
  assert.deepEqual([status, error?.title], ["faulted", "Maximum Deliveries Reached"]);
});

/** Of a server that does not run the workflows yet. */
async function taskOf(api: ApiOf): Promise<WorkerTask> {
  for (;;) {
    const asked = { worker: "two", functions: ["work"], wait: "1s" };
    const { status, body } = await api.post<WorkerTasks>("/v1/workers/poll", asked);
    const [task] = status === 200 ? body.tasks : [];
    if (task !== undefined) return task;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
