/** Priorities, from what a user writes to what goes first. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { ActivityRequest, ActivityResult } from "@millrace/server/local";
import { newId } from "@millrace/protocol";
import { type Clock, systemClock } from "../src/clock.ts";
import { silentLogger } from "../src/logger.ts";
import { Counters } from "../src/owner/counters.ts";
import { type Delivery, Dispatcher } from "../src/owner/dispatcher.ts";
import { AGE } from "../src/owner/fair-queue.ts";
import { fresh, HELLO } from "./harness.ts";
import { bench, PARTITIONS, submit } from "./owner-harness.ts";

const WAIT = 20_000;
const named = (name: string, priority: string): string => `
document:
  { dsl: '1.0.3', namespace: test, name: ${name}, version: '1.0.0', metadata: { millrace: { priority: ${priority} } } }`;

/** A dispatcher for one activity at a time, at a clock of its own; `executed` says what began, in order. */
function dispatching() {
  const executed: string[] = [];
  const ends: (() => void)[] = [];
  let now = 0;
  const clock: Clock = { ...systemClock(), monotonic: () => now };
  const execute = ({ activityId }: ActivityRequest): Promise<ActivityResult> =>
    new Promise((resolve) => {
      executed.push(activityId);
      ends.push(() => resolve({ output: null }));
    });
  const counters = new Counters();
  const config = {
    executor: { execute },
    concurrency: 1,
    counters,
    clock,
    drain: 0,
    log: silentLogger,
    random: Math.random,
  };
  const dispatcher = new Dispatcher(config);
  return {
    executed,
    dispatcher,
    at: (ms: number) => void (now = ms),
    /** Ends what runs, so that the next begins. */
    next: async () => {
      ends.shift()?.();
      await new Promise(setImmediate);
    },
  };
}

function delivery(activityId: string, priority: number, tenant = "default"): Delivery {
  const request = {
    tenant,
    instanceId: "i",
    workflow: { namespace: "test", name: "w", version: "1.0.0" },
    activityId,
    priority,
    idempotencyKey: activityId,
    type: "call:http",
    name: "a",
    reference: "/do/0/a",
    input: {},
    data: null,
  } as const;
  return { partition: 1, instanceId: "i", activityId, attempt: 1, request };
}

test("an urgent activity goes next, whatever flood waits; an old one before a younger one of higher priority", async () => {
  const { dispatcher, executed, at, next } = dispatching();
  dispatcher.dispatch(Array.from({ length: 1000 }, (_, n) => delivery(`flood ${n}`, 4)));
  dispatcher.dispatch([delivery("urgent", 0)]);
  assert.deepEqual(dispatcher.depths(), [1, 0, 0, 0, 999]);
  await next();
  assert.deepEqual(executed, ["flood 0", "urgent"]);
  at(3 * AGE + 1);
  assert.deepEqual(dispatcher.oldest(), [0, 0, 0, 0, 3 * AGE + 1]);
  dispatcher.dispatch([delivery("high", 1), delivery("high too", 1)]);
  for (let n = 0; n < 4; n += 1) await next();
  assert.deepEqual(executed.slice(2), ["flood 1", "high", "flood 2", "high too"]);
  await dispatcher.stop();
  assert.equal(dispatcher.queued, 0);
});

test("a tenant's flood of activities takes every other turn from another tenant, and no more", async () => {
  const { dispatcher, executed, next } = dispatching();
  dispatcher.dispatch(Array.from({ length: 100 }, (_, n) => delivery(`flood ${n}`, 2)));
  dispatcher.dispatch(["x", "y"].map((id) => delivery(id, 2, "other")));
  for (let n = 0; n < 4; n += 1) await next();
  assert.deepEqual(executed, ["flood 0", "flood 1", "x", "flood 2", "y"]);
  await dispatcher.stop();
});

test("a delivery that is made again keeps its place, and one taken back loses it", async () => {
  const { dispatcher, executed, next } = dispatching();
  dispatcher.dispatch(["a", "b", "c", "d"].map((id) => delivery(id, 2)));
  dispatcher.dispatch([{ ...delivery("b", 2), attempt: 2 }]);
  dispatcher.cancel("i", "c");
  dispatcher.dispatch([delivery("c", 2)]);
  for (let n = 0; n < 4; n += 1) await next();
  assert.deepEqual(executed, ["a", "b", "d", "c"]);
  assert.deepEqual([dispatcher.running, dispatcher.queued], [0, 0]);
});

test("starts that somebody waits for overtake the flood of a schedule", async () => {
  const flooded = Promise.withResolvers<void>();
  const b = await bench([HELLO], {
    commit: async (batch, commit) => {
      flooded.resolve();
      await commit(batch);
    },
  });
  const start = (background: boolean) => {
    const partition = Math.floor(Math.random() * PARTITIONS);
    const instanceId = newId(partition, Date.now(), randomBytes(10));
    const workflow = { tenant: "default", namespace: "test", name: "hello", version: "1.0.0" };
    const command = { kind: "start", instanceId, input: {} } as const;
    return submit(b.owner, { instanceId, partition, command, start: { workflow }, background });
  };
  const FLOOD = 6000;
  let done = 0;
  const flood = Array.from({ length: FLOOD }, () => start(true).then(() => (done += 1)));
  await flooded.promise;
  const before = await Promise.all(Array.from({ length: 20 }, () => start(false).then(() => done)));
  assert.ok(b.owner.slots.depths()[2] !== 0, "the flood is over before its time");
  // What was in batches already, and half of the next ones.
  assert.ok(Math.max(...before) <= FLOOD / 2, `${Math.max(...before)} went before`);
  await Promise.all(flood);
  assert.deepEqual(b.owner.slots.depths(), [0, 0, 0, 0, 0]);
  await b.close();
});

test("a start's priority is its own, else the workflow's, else P2; children have their parent's", async () => {
  const asked: ActivityRequest[] = [];
  const child = `${named("child", "P4")}\ndo: [ { c: { call: http, with: { method: get, endpoint: http://x/ } } } ]`;
  const run = "run: { workflow: { namespace: test, name: child, version: latest } }";
  const parent = `${named("parent", "P1")}\ndo: [ { r: { ${run} } } ]`;
  const plain = `document: { dsl: '1.0.3', namespace: test, name: plain, version: '1.0.0' }\ndo: [ { r: { ${run} } } ]`;
  const { database, opened, runtime } = await fresh([child, parent, plain], async (request) => {
    asked.push(request);
    return { output: null };
  });
  const started = async (name: string, priority?: number): Promise<number> => {
    const own = priority === undefined ? {} : { priority };
    const { id } = await runtime.startInstance({ namespace: "test", name, input: {}, ...own });
    const view = await runtime.waitInstance(id, WAIT);
    assert.equal(view.status, "completed");
    return view.priority;
  };
  assert.equal(await started("child"), 4);
  assert.equal(await started("parent"), 1);
  assert.equal(await started("parent", 0), 0);
  assert.equal(await started("plain"), 2);
  assert.deepEqual(
    asked.map(({ priority }) => priority),
    [4, 1, 0, undefined],
  );
  const listed = async (...priority: number[]): Promise<string[]> => {
    const { items } = await runtime.listInstances({ limit: 50, priority });
    return items.map((each) => `${each.name} ${each.priority}`).toSorted();
  };
  assert.deepEqual(await listed(0), ["child 0", "parent 0"]);
  assert.deepEqual(await listed(1, 4), ["child 1", "child 4", "parent 1"]);
  assert.deepEqual(await listed(2), ["child 2", "plain 2"]);
  await opened.stop();
  await database.drop();
});

test("a key used with another priority was used with another request", async () => {
  const { database, opened, runtime } = await fresh([HELLO]);
  const request = { namespace: "test", name: "hello", input: {}, idempotencyKey: "k" };
  const first = await runtime.startInstance({ ...request, priority: 1 });
  assert.deepEqual(await runtime.startInstance({ ...request, priority: 1 }), {
    id: first.id,
    created: false,
  });
  await assert.rejects(runtime.startInstance(request), /used with another request/);
  await assert.rejects(runtime.startInstance({ ...request, priority: 2 }), /another request/);
  await opened.stop();
  await database.drop();
});

test("a message that starts an instance has the priority of its workflow; what a schedule started is in the background", async () => {
  const call = "do: [ { c: { call: http, with: { method: get, endpoint: http://x/ } } } ]";
  const b = await bench([`${named("nightly", "P3")}\n${call}`]);
  const workflow = { tenant: "default", namespace: "test", name: "nightly", version: "1.0.0" };
  assert.equal((await b.owner.programs.get(workflow))?.priority, 3);
  const id = newId(1, Date.now(), randomBytes(10));
  const occasion = { origin: "time", nominal: 0 };
  const schedule = { id: newId(1, 0, randomBytes(10)), occasion, dueAt: 0, report: false };
  const mail = { command: { kind: "start", instanceId: id, input: {}, schedule }, workflow };
  await b.pool.query(
    "INSERT INTO inbox (partition, id, instance_id, command) VALUES (1, $1, $2, $3)",
    [newId(1, 1, randomBytes(10)), id, JSON.stringify(mail)],
  );
  await b.drainInbox();
  assert.deepEqual(b.owner.slots.depths(), [0, 0, 0, 1, 0]);
  while (b.letOut.length === 0) await new Promise(setImmediate);
  const [delivery] = b.letOut.flatMap(({ deliveries }) => deliveries);
  assert.deepEqual([delivery?.background, delivery?.request.priority], [true, 3]);
  await b.close();
});
