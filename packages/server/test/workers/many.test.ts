/** A thousand tasks and four workers, one of which dies with tasks in its hands. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Outcome, Worker } from "@millrace/sdk";
import { Child } from "./processes.ts";
import { calling, serveWhole } from "./stand.ts";

const TASKS = 1_000;
const DOUBLE = calling("double", "{ function: double, arguments: '${ .n }', lease: PT8S }");

test("a thousand tasks by four workers, each exactly once in effect", async (t) => {
  const { api, rows } = await serveWhole(t, [DOUBLE]);
  const outcomes = new Map<Outcome, number>();
  const workers = [1, 2, 3].map(
    (n) =>
      new Worker({
        url: api.url,
        name: `worker ${n}`,
        concurrency: 20,
        functions: { double: (value: number) => 2 * value },
        onEnded: (outcome) => outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0)),
      }),
  );
  const doomed = new Child(t, "hanging-child.ts", [api.url]);
  await doomed.line((line) => line === "ready");
  const ids: string[] = [];
  for (let n = 0; n < TASKS; n += 50)
    ids.push(
      ...(await Promise.all(
        Array.from({ length: 50 }, (_, i) => api.start("double", { n: n + i })),
      )),
    );
  await doomed.line((line) => line === "10 tasks");
  await doomed.kill();
  for (const worker of workers) worker.start();
  await Promise.all(ids.map((id) => api.ended(id)));
  for (const worker of workers) await worker.stop();
  const found = await rows(
    "SELECT status, count(*)::int AS n, sum((state::json->>'output')::int)::int AS sum FROM all_instances GROUP BY status",
  );
  const sum = TASKS * (TASKS - 1);
  assert.deepEqual(found, [{ status: "completed", n: TASKS, sum }]);
  // A slow machine may lose a lease, and then the work is done twice; its effect is not.
  assert.ok((outcomes.get("completed") ?? 0) <= TASKS, JSON.stringify([...outcomes]));
  const text = await (await fetch(`${api.url}/metrics`)).text();
  const metric = (name: string): number =>
    Number(new RegExp(`^millrace_${name} (\\d+)$`, "m").exec(text)?.[1]);
  assert.equal(metric("activities_completed_total"), TASKS);
  assert.equal(metric("worker_tasks_completed_total"), TASKS);
  assert.ok(metric("worker_tasks_expired_total") >= 10);
  assert.equal(metric("worker_tasks_leased"), 0);
});
