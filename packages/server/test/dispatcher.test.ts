import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../src/clock.ts";
import type { ActivityResult } from "../src/activities/executor.ts";
import { newId } from "@millrace/protocol";
import { silentLogger } from "../src/logger.ts";
import type { Entry } from "../src/owner/entry.ts";
import type { Owner } from "../src/owner/owner.ts";
import { random10 } from "../src/runtime/random.ts";
import { Workers } from "../src/workers/workers.ts";
import { Counters } from "../src/owner/counters.ts";
import { type Delivery, Dispatcher } from "../src/owner/dispatcher.ts";

/** What the dispatcher submits, for a test to deal with. */
class Submitted {
  readonly entries: Entry[] = [];
  readonly owner = {
    submit: (entry: Entry) => void this.entries.push(entry),
  } as Partial<Owner> as Owner;
}

test("a worker's result on its way into the instance is not delivered again with a new epoch, and is acknowledged", async () => {
  const clock = systemClock();
  const workers = new Workers({ clock });
  const { entries, owner } = new Submitted();
  const dispatcher = new Dispatcher({
    executor: {
      execute: async (request, signal) => ({
        output: await workers.execute(request, undefined, signal),
      }),
    },
    remote: workers,
    concurrency: 1,
    counters: new Counters(),
    clock,
    drain: 0,
    log: silentLogger,
    random: Math.random,
  });
  dispatcher.attach(owner);
  const instanceId = newId(1, 3, random10());
  const remote = delivery(3, "a");
  const request = {
    ...remote.request,
    instanceId,
    type: "call:worker",
    input: { function: "work" },
  } as const;
  const asked = { ...remote, instanceId, request };
  const wanted = { tenant: "default", worker: "one", pool: "default", functions: ["work"], max: 1 };
  const poll = () => workers.poll(wanted, 0, new AbortController().signal);
  dispatcher.dispatch([asked]);
  const { tasks } = await poll();
  const completed = workers.complete("default", tasks[0]?.token ?? "", 7);
  while (entries.length === 0) await new Promise((resolve) => setImmediate(resolve));
  // The outcome of a commit is not known: the partition is taken again, and what is open in the database delivered.
  dispatcher.drop([3]);
  dispatcher.dispatch([{ ...asked, attempt: 2 }]);
  assert.deepEqual((await poll()).tasks, []);
  entries[0]?.done?.({ kind: "applied" });
  await completed;
  assert.deepEqual([entries.length, workers.leased, workers.waiting], [1, 0, 0]);
});

function delivery(partition: number, activityId: string): Delivery {
  const workflow = { namespace: "test", name: "w", version: "1.0.0" };
  const of = { tenant: "default", instanceId: `i${partition}`, workflow, activityId };
  const what = {
    type: "call:http",
    name: "a",
    reference: "/do/0/a",
    input: {},
    data: null,
  } as const;
  const request = { ...of, ...what, idempotencyKey: activityId };
  return { partition, instanceId: of.instanceId, activityId, attempt: 1, request };
}

test("what waits of a partition taken anew is not executed, unless it is delivered again", async () => {
  const executed: string[] = [];
  const ends: (() => void)[] = [];
  const dispatcher = new Dispatcher({
    executor: {
      execute: ({ activityId }) =>
        new Promise<ActivityResult>((resolve) => {
          executed.push(activityId);
          ends.push(() => resolve({ output: null }));
        }),
    },
    concurrency: 1,
    counters: new Counters(),
    clock: systemClock(),
    drain: 0,
    log: silentLogger,
    random: Math.random,
  });
  dispatcher.dispatch(["a", "b", "c"].map((id) => delivery(1, id)));
  dispatcher.dispatch([delivery(2, "d")]);
  dispatcher.drop([1]);
  dispatcher.dispatch([{ ...delivery(1, "c"), attempt: 2 }]);
  for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
    end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(executed, ["a", "d", "c"]);
  assert.deepEqual([dispatcher.running, dispatcher.queued], [0, 0]);
});
