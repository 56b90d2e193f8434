/** Workers and servers that die in the middle: the work goes on from the last checkpoint that was acknowledged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createDatabase } from "@millrace/testkit";
import { Child } from "./processes.ts";
import { ApiOf, calling, serve } from "./stand.ts";

const COUNT = calling(
  "count",
  "{ function: work, arguments: '${ { until: .until } }', lease: PT1S }",
);

/** What was acknowledged last before line `before`. */
function saved({ lines }: Child, before = lines.length): number {
  const last = lines.slice(0, before).findLast((line) => line.startsWith("saved "));
  return Number(last?.slice("saved ".length));
}

for (const level of ["progress", "data", "state"])
  test(`a worker that is killed: another goes on from its last checkpoint (${level})`, async (t) => {
    const api = await serve(t, [COUNT]);
    const id = await api.start("count", { until: 12 });
    const first = new Child(t, "worker-child.ts", [api.url, level, "9"]);
    await first.line((line) => line === "saved 8");
    await first.kill();
    const second = new Child(t, "worker-child.ts", [api.url, level]);
    assert.equal(await second.line((line) => line.startsWith("from ")), "from 8");
    const { status, output } = await api.ended(id);
    assert.deepEqual([status, output], ["completed", { counted: 4, from: 8 }]);
  });

test("a server that is killed: the worker goes on from the last checkpoint, on the next server", async (t) => {
  const database = await createDatabase();
  const serving = (port: string): Child =>
    new Child(t, "../server-child.ts", [], {
      MILLRACE_DATABASE_URL: database.url,
      MILLRACE_EXCLUSIVE: "true",
      MILLRACE_PORT: port,
      MILLRACE_LOG_LEVEL: "error",
    });
  const server = serving("0");
  const url = await server.line((line) => line.startsWith("http"));
  const api = new ApiOf(url);
  await api.apply(COUNT);
  const id = await api.start("count", { until: 200 });
  const worker = new Child(t, "worker-child.ts", [url, "state"]);
  await worker.line((line) => line === "saved 10");
  await server.kill();
  const again = serving(new URL(url).port);
  await again.line((line) => line.startsWith("http"));
  const second = await worker.line((line) => line.startsWith("from ") && line !== "from 0");
  const acknowledged = saved(worker, worker.lines.indexOf(second));
  const from = Number(second.slice("from ".length));
  // One more may be durable without its acknowledgement having come through.
  assert.ok(acknowledged >= 10 && [0, 1].includes(from - acknowledged), `${from} ${acknowledged}`);
  const { status, output } = await api.ended(id);
  assert.deepEqual([status, output], ["completed", { counted: 200 - from, from }]);
  await again.kill();
  await database.drop();
});

test("a worker that is told to stop gives its tasks back with how far they are", async (t) => {
  const api = await serve(t, [COUNT]);
  const id = await api.start("count", { until: 5 });
  const first = new Child(t, "worker-child.ts", [api.url, "data", "3"]);
  await first.line((line) => line === "saved 2");
  await first.kill("SIGTERM");
  assert.equal(saved(first), 2);
  const task = await api.task();
  assert.deepEqual([task.delivery, task.checkpoint?.data], [2, 2]);
  await api.say(task, "complete");
  assert.equal((await api.ended(id)).status, "completed");
});
