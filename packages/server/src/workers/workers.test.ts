import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import { newId } from "@millrace/protocol";
import type { ActivityRequest } from "../activities/executor.ts";
import { ActivityFailure } from "../activities/failure.ts";
import { random10 } from "../runtime/random.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import { Checkpoints } from "./checkpoints.ts";
import { ManualClock } from "./testing-clock.ts";
import type { WorkerError } from "./worker-error.ts";
import type { PollAnswer } from "./handed.ts";
import { Workers } from "./workers.ts";

const TENANT = "default";
const NEVER = new AbortController().signal;

interface Asked {
  readonly request: ActivityRequest;
  readonly result: Promise<Json>;
  readonly abort: (reason?: unknown) => void;
}

/** Workers on a clock of the test, and the dispatcher's part: what a worker gives is taken unless it says otherwise. */
class Stand {
  readonly clock = new ManualClock();
  readonly workers = new Workers({ clock: this.clock });
  #asked = 0;

  /** @param taken what the instance does with the result; `undefined`: nothing yet */
  ask(
    input: JsonObject = {},
    more: Partial<ActivityRequest> = {},
    taken: { readonly taken: boolean | undefined } = { taken: true },
  ): Asked {
    this.#asked += 1;
    const request: ActivityRequest = {
      tenant: TENANT,
      instanceId: newId(this.#asked, 0, random10()),
      workflow: { namespace: "test", name: "w", version: "1.0.0" },
      activityId: "1",
      attempt: 1,
      idempotencyKey: `key${this.#asked}`,
      type: "call:worker",
      name: "work",
      reference: "/do/0/work",
      input: { function: "resize", ...input },
      data: null,
      ...more,
    };
    const gone = new AbortController();
    const result = this.workers.execute(request, undefined, gone.signal);
    const settle = (): void => {
      if (taken.taken !== undefined) this.workers.settled(request, taken.taken);
    };
    void result.then(settle, settle);
    return { request, result, abort: (reason) => gone.abort(reason) };
  }

  poll(worker = "one", max = 1, wait = 0, functions = ["resize"]): Promise<PollAnswer> {
    const wanted = { tenant: TENANT, worker, pool: "default", functions, max };
    return this.workers.poll(wanted, wait, NEVER);
  }

  async token(worker = "one"): Promise<string> {
    const { tasks } = await this.poll(worker);
    assert.equal(tasks.length, 1);
    return tasks[0]?.token ?? "";
  }
}

const lost = (error: unknown): boolean => (error as WorkerError).kind === "task-lost";

test("large values are loaded when a worker takes the task; one whose cannot be had goes aside", async () => {
  const stand = new Stand();
  let there = false;
  let loads = 0;
  const request = { input: { function: "resize", arguments: null } };
  const whole = async (): Promise<ActivityRequest> => {
    loads += 1;
    if (!there) throw new Error("the store is away");
    return { ...large.request, input: { ...request.input, arguments: "all of it" } };
  };
  const large: Asked = stand.ask({ arguments: null }, { whole });
  const small = stand.ask({ arguments: 1 });
  assert.equal(loads, 0);
  assert.deepEqual((await stand.poll()).tasks, []);
  const { tasks } = await stand.poll();
  assert.equal(tasks[0]?.request.instanceId, small.request.instanceId);
  assert.deepEqual([stand.workers.waiting, stand.workers.leased, loads], [0, 1, 1]);
  assert.equal(stand.workers.holds(large.request), false);
  stand.clock.pass(100);
  assert.deepEqual((await stand.poll()).tasks, []);
  there = true;
  stand.clock.pass(199);
  assert.deepEqual([(await stand.poll()).tasks, loads], [[], 2]);
  stand.clock.pass(1);
  const { tasks: last } = await stand.poll();
  assert.deepEqual([last[0]?.work.arguments, last[0]?.delivery], ["all of it", 1]);
  // What is aside is withdrawn like any other.
  there = false;
  const other: Asked = stand.ask({ arguments: null }, { whole });
  assert.deepEqual((await stand.poll()).tasks, []);
  other.abort(new Error("cancelled"));
  await assert.rejects(other.result, /cancelled/);
  stand.clock.pass(10_000);
  assert.equal(stand.workers.waiting, 0);
});

test("a task goes to a worker, and its output to the instance", async () => {
  const stand = new Stand();
  const { request, result } = stand.ask({ arguments: { width: 3 }, lease: "PT5S" });
  const { tasks } = await stand.poll();
  const [task] = tasks;
  assert.ok(task);
  assert.deepEqual(task.work, {
    function: "resize",
    pool: "default",
    arguments: { width: 3 },
    lease: 5_000,
    maxDeliveries: undefined,
  });
  assert.deepEqual([task.request, task.delivery], [request, 1]);
  await stand.workers.complete(TENANT, task.token, { done: true });
  assert.deepEqual(await result, { done: true });
  assert.deepEqual((await stand.poll()).tasks, []);
});

test("a poll that waits is answered with the first task that is for it", async () => {
  const stand = new Stand();
  const other = stand.poll("other", 1, 10_000, ["crop"]);
  const waiting = stand.poll("one", 5, 10_000, ["resize", "rotate"]);
  stand.ask({ function: "rotate" });
  stand.ask({ function: "resize" });
  const { tasks } = await waiting;
  assert.deepEqual(tasks.map(({ work }) => work.function).sort(), ["resize", "rotate"]);
  stand.clock.pass(10_000);
  assert.deepEqual(await other, { tasks: [], cancelled: [] });
  assert.equal(stand.workers.polls, 0);
});

test("a lease without a sign of life ends, and what its holder says later has no effect", async () => {
  const stand = new Stand();
  const { result } = stand.ask({ lease: "PT10S" });
  const first = await stand.token("one");
  stand.clock.pass(9_000);
  assert.equal(stand.workers.heartbeat(TENANT, first), 10_000);
  stand.clock.pass(9_000);
  assert.deepEqual((await stand.poll("two")).tasks, []);
  stand.clock.pass(1_000);
  const { tasks } = await stand.poll("two");
  assert.deepEqual(
    tasks.map(({ delivery }) => delivery),
    [2],
  );
  await assert.rejects(stand.workers.complete(TENANT, first, "late"), lost);
  assert.throws(() => stand.workers.heartbeat(TENANT, first), lost);
  assert.throws(() => stand.workers.release(TENANT, first), lost);
  await stand.workers.complete(TENANT, tasks[0]?.token ?? "", "right");
  assert.equal(await result, "right");
  await assert.rejects(stand.workers.complete(TENANT, first, "late"), lost);
  assert.equal(stand.workers.counters.expired, 1);
});

/** Checkpoints that are read when the test says so. */
function heldUp(workers: Workers): { readonly go: () => void } {
  const gate = Promise.withResolvers<void>();
  const store: CheckpointStore = {
    save: () => Promise.reject(new Error("not asked for")),
    load: async () => {
      await gate.promise;
      return new Map();
    },
    expired: async () => {},
    delete: async () => {},
  };
  workers.attach(new Checkpoints(store, workers.counters), { owns: () => true });
  return { go: gate.resolve };
}

test("a lease begins when the worker is sent the task, and no worker has died of one that was not sent", async () => {
  const stand = new Stand();
  const { go } = heldUp(stand.workers);
  const { result } = stand.ask({ lease: "PT5S", maxDeliveries: 1 });
  const held = stand.poll("one");
  stand.clock.pass(5_000);
  go();
  assert.deepEqual((await held).tasks, []);
  const waiting = stand.poll("two");
  stand.clock.pass(4_000);
  const [task] = (await waiting).tasks;
  assert.equal(task?.delivery, 2);
  stand.clock.pass(4_000);
  await stand.workers.complete(TENANT, task?.token ?? "", "in time");
  assert.equal(await result, "in time");
});

test("leases that end too often fail the task, unless the worker gave it back", async () => {
  const stand = new Stand();
  const { result } = stand.ask({ lease: "PT5S", maxDeliveries: 2 });
  const failed = assert.rejects(
    result,
    /2 times a worker was given .*, the last one being three\./,
  );
  await stand.token("one");
  stand.clock.pass(5_000);
  stand.workers.release(TENANT, await stand.token("two"));
  const last = await stand.token("three");
  stand.clock.pass(5_000);
  await failed;
  assert.throws(() => stand.workers.heartbeat(TENANT, last), lost);
  assert.deepEqual([stand.workers.leased, stand.workers.waiting], [0, 0]);
  assert.equal(stand.workers.counters.givenUp, 1);
});

test("a worker whose task another server delivers again is told that it is lost, not that nobody waits for it", async () => {
  const stand = new Stand();
  const { abort, result } = stand.ask();
  const token = await stand.token();
  stand.workers.stopping();
  abort(new Error("the node stops"));
  await assert.rejects(result);
  assert.throws(() => stand.workers.heartbeat(TENANT, token), lost);
  assert.deepEqual((await stand.poll("one")).cancelled, []);
});

test("a worker that was silent for ten minutes and has no task is not listed", async () => {
  const stand = new Stand();
  stand.ask({ lease: "PT1H" });
  const token = await stand.token("busy");
  await stand.poll("idle");
  const names = (): readonly string[] => stand.workers.list(TENANT, "", 10).map(({ name }) => name);
  stand.clock.pass(600_000);
  assert.deepEqual(names(), ["busy", "idle"]);
  stand.clock.pass(1);
  assert.deepEqual(names(), ["busy"]);
  await stand.workers.complete(TENANT, token, 1);
  assert.deepEqual(names(), ["busy"]);
  stand.clock.pass(600_001);
  assert.deepEqual([names(), stand.workers.list("other", "", 10)], [[], []]);
});

test("a result that is given again is answered as before", async () => {
  const stand = new Stand();
  const { result } = stand.ask();
  const token = await stand.token();
  await Promise.all([1, 2].map((n) => stand.workers.complete(TENANT, token, n)));
  await stand.workers.complete(TENANT, token, 3);
  assert.equal(await result, 1);
  assert.equal(stand.workers.counters.completed, 1);
});

test("a result that the instance does not take is refused", async () => {
  const stand = new Stand();
  stand.ask({}, {}, { taken: false });
  await assert.rejects(stand.workers.complete(TENANT, await stand.token(), 1), lost);
});

test("a result that is not durable in time is neither taken nor refused", async () => {
  const stand = new Stand();
  const { request, result } = stand.ask({}, {}, { taken: undefined });
  const token = await stand.token();
  const given = stand.workers.complete(TENANT, token, 1);
  assert.equal(await result, 1);
  stand.clock.pass(8_000);
  await assert.rejects(given, (error: WorkerError) => error.kind === "unavailable");
  const again = stand.workers.complete(TENANT, token, 1);
  stand.workers.settled(request, true);
  await again;
});

test("a worker's error becomes the task's", async () => {
  const stand = new Stand();
  const { result } = stand.ask();
  const failure = new ActivityFailure("runtime", "no such image", {
    status: 404,
    type: "urn:none",
  });
  await Promise.all([
    assert.rejects(result, failure),
    stand.token().then((token) => stand.workers.fail(TENANT, token, failure)),
  ]);
});

test("a task that is given back is the next that another worker gets", async () => {
  const stand = new Stand();
  const { request } = stand.ask();
  stand.ask();
  stand.workers.release(TENANT, await stand.token("one"));
  const { tasks } = await stand.poll("two");
  assert.equal(tasks[0]?.request.instanceId, request.instanceId);
});

test("an answer that does not reach its worker goes to another", async () => {
  const stand = new Stand();
  stand.ask();
  const answer = await stand.poll("one");
  stand.workers.unreached(answer);
  assert.equal((await stand.poll("two")).tasks.length, 1);
});

test("whoever works for nobody is told: by a heartbeat, and by a poll that waits", async () => {
  const stand = new Stand();
  const { result, abort } = stand.ask();
  const token = await stand.token("one");
  const waiting = stand.poll("one", 1, 10_000);
  abort(new Error("cancelled"));
  await assert.rejects(result, /cancelled/);
  assert.deepEqual(await waiting, { tasks: [], cancelled: [token] });
  assert.equal(stand.workers.heartbeat(TENANT, token), undefined);
  await assert.rejects(stand.workers.complete(TENANT, token, 1), lost);
  assert.deepEqual(await stand.poll("one"), { tasks: [], cancelled: [] });
});

test("a task that is withdrawn while it waits is given to nobody", async () => {
  const stand = new Stand();
  const { result, abort } = stand.ask();
  abort(new Error("cancelled"));
  await assert.rejects(result, /cancelled/);
  assert.deepEqual((await stand.poll()).tasks, []);
  assert.equal(stand.workers.waiting, 0);
});

test("tasks go by priority, and tenants see their own alone", async () => {
  const stand = new Stand();
  stand.ask({}, { priority: 4, idempotencyKey: "last" });
  stand.ask({}, { priority: 0, idempotencyKey: "first" });
  stand.ask({}, { tenant: "other", priority: 0 });
  const { tasks } = await stand.poll("one", 10);
  assert.deepEqual(
    tasks.map(({ request }) => request.idempotencyKey),
    ["first", "last"],
  );
  const [task] = tasks;
  assert.throws(() => stand.workers.heartbeat("other", task?.token ?? ""), lost);
});

test("what no task can be made of is an error of the configuration", async () => {
  const stand = new Stand();
  for (const [input, message] of [
    [{ function: 7 }, /with\.function: .*got a number/],
    [{ function: "a b" }, /with\.function: .*"a b"/],
    [{ pool: "" }, /with\.pool/],
    [{ lease: "PT0S" }, /with\.lease: a lease lasts from 1 second to 1 hour/],
    [{ lease: "soon" }, /with\.lease/],
  ] as const)
    await assert.rejects(stand.ask(input).result, (error: ActivityFailure) => {
      assert.match(error.message, message);
      return error.kind === "configuration";
    });
});
