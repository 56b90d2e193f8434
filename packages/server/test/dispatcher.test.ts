import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../src/clock.ts";
import type { ActivityResult } from "../src/activities/executor.ts";
import { silentLogger } from "../src/logger.ts";
import { Counters } from "../src/owner/counters.ts";
import { type Delivery, Dispatcher } from "../src/owner/dispatcher.ts";

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
