/** The worker of the SDK: what its functions are given, and how they learn that they can stop. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import {
  type MillraceError,
  type Outcome,
  type Task,
  TaskEndedError,
  TaskFailure,
  Worker,
} from "@millrace/sdk";
import { calling, serve } from "./stand.ts";

const LARGE = Array.from({ length: 4_000 }, (_, n) => `part ${n}`);
const AGAIN = `document: { dsl: '1.0.3', namespace: test, name: again, version: '1.0.0' }
do:
  - safe:
      try: [ { work: { call: worker, with: { function: work } } } ]
      catch:
        errors: { with: { type: urn:busy } }
        retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 3 } } }`;

type Work = (args: never, task: Task) => unknown;

function working(t: TestContext, url: string, work: Work) {
  const ended = Promise.withResolvers<Outcome>();
  const worker = new Worker({
    url,
    functions: { work },
    onEnded: (outcome) => ended.resolve(outcome),
  });
  worker.start();
  t.after(() => worker.stop({ grace: 0 }));
  return { worker, ended: ended.promise };
}

test("a large state comes back whole, from its payload", async (t) => {
  const api = await serve(t, [AGAIN]);
  const seen: (Task["lastCheckpoint"] | undefined)[] = [];
  working(t, api.url, async (_, task) => {
    seen.push(task.lastCheckpoint);
    if (task.lastCheckpoint !== undefined) return "done";
    // Held back, and sent before the failure is told.
    assert.equal(await task.checkpoint({ percent: 5, state: LARGE }), false);
    throw new TaskFailure({ type: "urn:busy", status: 503, detail: "come again" });
  });
  const { status, output } = await api.ended(await api.start("again"));
  assert.deepEqual([status, output], ["completed", "done"]);
  const [first, second] = seen;
  assert.equal(first, undefined);
  assert.deepEqual([second?.level, second?.percent, second?.number], ["state", 5, 1]);
  assert.match(second?.digest ?? "", /^[0-9a-f]{64}$/);
  assert.deepEqual(second?.state, LARGE);
});

test("what a function throws is the task's error, and what it gives is its output", async (t) => {
  const api = await serve(t, [calling("one", "{ function: work, arguments: '${ .n }' }")]);
  working(t, api.url, (n: number) => {
    if (n === 0) throw new RangeError("nothing to do");
    return n === 1 ? undefined : { n };
  });
  const failed = await api.ended(await api.start("one", { n: 0 }));
  assert.deepEqual([failed.status, failed.error?.detail], ["faulted", "RangeError: nothing to do"]);
  assert.equal((await api.ended(await api.start("one", { n: 1 }))).output, null);
  assert.deepEqual((await api.ended(await api.start("one", { n: 2 }))).output, { n: 2 });
});

test("an output that no server takes is the task's error, not a task without end", async (t) => {
  const api = await serve(t, [calling("one", "{ function: work, arguments: '${ .n }' }")], {
    MILLRACE_MAX_BODY_BYTES: "100000",
  });
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const outputs: readonly unknown[] = ["x".repeat(200_000), circle, 7n];
  working(t, api.url, (n: number) => {
    if (n < outputs.length) return outputs[n];
    throw new TaskFailure({ status: 99, detail: "no status of HTTP" });
  });
  for (const [n, expected] of [
    [0, /^the output cannot be sent: MillraceError: Request body is too large$/],
    [1, /^the output cannot be sent: TypeError: .*circular/],
    [2, /^the output cannot be sent: TypeError: .*BigInt/],
    [3, /^TaskFailure: no status of HTTP$/],
  ] as const) {
    const { status, error } = await api.ended(await api.start("one", { n }));
    assert.equal(status, "faulted");
    assert.match(error?.detail ?? "", expected);
  }
});

test("a checkpoint that the server refuses is told, and the task goes on", async (t) => {
  const api = await serve(t, [calling("one", "{ function: work }")]);
  const errors: unknown[] = [];
  const worker = new Worker({
    url: api.url,
    functions: {
      work: async (_: never, task: Task) => [
        await task.checkpoint({ percent: 101, now: true }),
        await task.checkpoint({ percent: 7, now: true }),
      ],
    },
    onError: (error) => errors.push(error),
  });
  worker.start();
  t.after(() => worker.stop({ grace: 0 }));
  const { output } = await api.ended(await api.start("one"));
  assert.deepEqual(output, [false, true]);
  assert.deepEqual(
    errors.map((error) => (error as MillraceError).code),
    ["invalid-request"],
  );
});

test("a function hears that its instance was cancelled", async (t) => {
  const api = await serve(t, [calling("long", "{ function: work }")]);
  const begun = Promise.withResolvers<Task>();
  const { ended } = working(t, api.url, async (_, task) => {
    begun.resolve(task);
    await new Promise((_resolve, reject) => {
      task.signal.addEventListener("abort", () => reject(task.signal.reason as Error));
    });
  });
  const id = await api.start("long");
  const { signal } = await begun.promise;
  await api.post(`/v1/instances/${id}/cancel`);
  assert.equal(await ended, "cancelled");
  assert.ok(signal.reason instanceof TaskEndedError && signal.reason.end === "cancelled");
});

test("a worker that stops lets its tasks end, and takes no more", async (t) => {
  const api = await serve(t, [calling("long", "{ function: work }")]);
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { worker, ended } = working(t, api.url, async () => {
    begun.resolve();
    await go.promise;
    return "in time";
  });
  const id = await api.start("long");
  await begun.promise;
  const stopped = worker.stop({ grace: 600_000 });
  const other = await api.start("long");
  go.resolve();
  assert.equal(await ended, "completed");
  await stopped;
  assert.equal((await api.ended(id)).output, "in time");
  assert.equal((await api.instance(other)).status, "running");
});

test("options that make no worker are refused", () => {
  const url = "http://127.0.0.1:1";
  const functions = { work: () => null };
  for (const [options, message] of [
    [{ url: [], functions }, /^url: expected at least one$/],
    [{ url: "nowhere", functions }, /^url: expected one such as/],
    [{ url, functions: {} }, /^functions: expected at least one$/],
    [{ url, functions: { "a b": () => null } }, /^functions: a name has letters.*got "a b"$/],
    [{ url, functions, concurrency: 0.5 }, /^concurrency: expected a whole number above 0$/],
  ] as const)
    assert.throws(() => new Worker(options), { name: "TypeError", message });
});
