import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualTimers } from "@millrace/testkit/api";
import { ExportQueue } from "./queue.ts";

/** A queue for four, in batches of two, to a collector that answers when the test says so. */
function queued() {
  const timers = new ManualTimers();
  const sent: (readonly number[])[] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const failures: [error: unknown, items: number][] = [];
  const queue = new ExportQueue<number>({
    clock: timers,
    most: 4,
    batch: 2,
    delay: 1_000,
    send: (items) => {
      sent.push(items);
      const answer = Promise.withResolvers<void>();
      answers.push(answer);
      return answer.promise;
    },
    onFailure: (error, items) => failures.push([error, items]),
  });
  return { queue, timers, sent, answers, failures };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a batch goes when it is full or its time is over, one at a time", async () => {
  const { queue, timers, sent, answers } = queued();
  queue.offer(1);
  await turn();
  assert.deepEqual(sent, []);
  timers.fire();
  await turn();
  assert.deepEqual(sent, [[1]]);
  for (const item of [2, 3, 4]) queue.offer(item);
  await turn();
  assert.deepEqual(sent, [[1]], "two are under way");
  answers[0]?.resolve();
  await turn();
  assert.deepEqual(sent, [[1], [2, 3]]);
  answers[1]?.resolve();
  await turn();
  timers.fire();
  await turn();
  answers[2]?.resolve();
  await queue.flush();
  assert.deepEqual(sent, [[1], [2, 3], [4]]);
  assert.deepEqual(queue.counts, { exported: 4, dropped: 0, failed: 0 });
});

test("what a slow collector leaves no room for is counted and gone", async () => {
  const { queue, sent, answers, failures } = queued();
  for (let item = 1; item <= 3; item += 1) queue.offer(item);
  await turn();
  assert.deepEqual(sent, [[1, 2]]);
  for (let item = 4; item <= 20; item += 1) queue.offer(item);
  assert.equal(queue.size, 4);
  assert.ok(queue.full);
  assert.equal(queue.counts.dropped, 14);
  answers[0]?.reject(new Error("away"));
  await turn();
  assert.deepEqual(sent.at(-1), [3, 4]);
  assert.deepEqual([failures.length, failures[0]?.[1]], [1, 2]);
  assert.deepEqual(queue.counts, { exported: 0, dropped: 14, failed: 2 });
});

test("at the end what waits is sent, but not waited for without limit", async () => {
  const { queue, timers, sent } = queued();
  for (let item = 1; item <= 4; item += 1) queue.offer(item);
  await turn();
  const stopped = queue.stop(5_000);
  await turn();
  timers.fire();
  await stopped;
  assert.deepEqual(sent, [[1, 2]]);
  assert.equal(queue.counts.dropped, 2);
  queue.offer(5);
  assert.equal(queue.counts.dropped, 3);
});
