import assert from "node:assert/strict";
import { test } from "node:test";
import type { Checkpoint } from "@millrace/protocol";
import { type CheckpointOptions, INTERVAL, TaskCheckpoints } from "./worker-checkpoints.ts";

/** A server that answers when it is told to, and a clock. */
class Stand {
  now = 0;
  readonly sent: CheckpointOptions[] = [];
  readonly #answers: PromiseWithResolvers<Checkpoint>[] = [];
  #timer: { readonly at: number; readonly run: () => void } | undefined;
  readonly checkpoints: TaskCheckpoints;

  constructor(percent?: number) {
    this.checkpoints = new TaskCheckpoints({
      send: (content) => {
        this.sent.push(content);
        const answer = Promise.withResolvers<Checkpoint>();
        this.#answers.push(answer);
        return answer.promise;
      },
      isRefused: (error) => (error as Error).message === "refused",
      now: () => this.now,
      after: (milliseconds, run) => {
        this.#timer = { at: this.now + milliseconds, run };
        return () => (this.#timer = undefined);
      },
      percent,
    });
  }

  async answer(error?: Error): Promise<void> {
    const answer = this.#answers.shift();
    assert.ok(answer, "nothing was sent");
    if (error === undefined) answer.resolve({} as Checkpoint);
    else answer.reject(error);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async pass(milliseconds: number): Promise<void> {
    this.now += milliseconds;
    if (this.#timer !== undefined && this.#timer.at <= this.now) {
      const { run } = this.#timer;
      this.#timer = undefined;
      run();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("what is held back goes 30 s after the last, the latest word on each thing", async () => {
  const stand = new Stand();
  assert.equal(await stand.checkpoints.give({ percent: 1, note: "first", data: { a: 1 } }), false);
  assert.equal(await stand.checkpoints.give({ percent: 2 }), false);
  assert.equal(await stand.checkpoints.give({ percent: 3, note: "third" }), false);
  await stand.pass(INTERVAL - 1);
  assert.deepEqual(stand.sent, []);
  await stand.pass(1);
  assert.deepEqual(stand.sent, [{ percent: 3, note: "third", data: { a: 1 } }]);
  await stand.answer();
  await stand.checkpoints.give({ state: "all" });
  await stand.checkpoints.give({ data: "part" });
  await stand.pass(INTERVAL);
  assert.deepEqual(stand.sent[1], { data: "part" });
});

test("each tenth of the way goes at once, counted from where the work goes on", async () => {
  const stand = new Stand(40);
  assert.equal(await stand.checkpoints.give({ percent: 49.9 }), false);
  const due = stand.checkpoints.give({ percent: 50 });
  await stand.answer();
  assert.equal(await due, true);
  assert.equal(await stand.checkpoints.give({ percent: 59 }), false);
  const next = stand.checkpoints.give({ percent: 61 });
  await stand.answer();
  assert.equal(await next, true);
  assert.deepEqual(
    stand.sent.map(({ percent }) => percent),
    [50, 61],
  );
});

test("an event goes at once; what comes while it is under way goes after it, together", async () => {
  const stand = new Stand();
  const first = stand.checkpoints.give({ data: 1, now: true });
  const second = stand.checkpoints.give({ data: 2, now: true });
  const third = stand.checkpoints.give({ data: 3, now: true });
  assert.deepEqual(stand.sent, [{ data: 1 }]);
  await stand.answer();
  assert.equal(await first, true);
  assert.deepEqual(stand.sent, [{ data: 1 }, { data: 3 }]);
  await stand.answer();
  assert.deepEqual(await Promise.all([second, third]), [true, true]);
});

test("what could not be sent goes with the next, and newer words win", async () => {
  const stand = new Stand();
  const first = stand.checkpoints.give({ percent: 20, note: "old", data: 1, now: true });
  await stand.answer(new Error("down"));
  assert.equal(await first, false);
  await stand.checkpoints.give({ note: "new" });
  await stand.pass(INTERVAL);
  assert.deepEqual(stand.sent[1], { percent: 20, note: "new", data: 1 });
});

test("after the end nothing is sent any more", async () => {
  const stand = new Stand();
  await stand.checkpoints.give({ data: 1 });
  stand.checkpoints.end();
  await stand.pass(INTERVAL);
  assert.deepEqual(stand.sent, []);
});

test("what is refused is not sent again, nor does it hold up what comes later", async () => {
  const stand = new Stand();
  const refused = stand.checkpoints.give({ digest: "unknown", now: true });
  await stand.answer(new Error("refused"));
  assert.equal(await refused, false);
  await stand.pass(INTERVAL);
  assert.equal(stand.sent.length, 1);
  const later = stand.checkpoints.give({ percent: 5, now: true });
  await stand.answer();
  assert.equal(await later, true);
  assert.deepEqual(stand.sent[1], { percent: 5 });
});
