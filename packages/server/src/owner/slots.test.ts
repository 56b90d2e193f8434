import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "./entry.ts";
import { type Slot, Slots } from "./slots.ts";

/** Commands for instances of partition 1, at a clock that stands still unless it is set. */
function lined() {
  const time = { now: 0 };
  const slots = new Slots(() => time.now);
  const add = (instanceId: string, more: Partial<Entry> = {}): void => {
    const command = { kind: "resume" } as const;
    slots.add({ instanceId, partition: 1, command, ...more });
  };
  const take = (most = 250): { readonly ids: string[]; readonly slots: Slot[] } => {
    const taken = slots.take(most).map(({ slot }) => slot);
    return { ids: taken.map(({ id }) => id), slots: taken };
  };
  return { slots, add, take, time };
}

test("an instance goes by its most urgent command, and all its commands with it", () => {
  const { slots, add } = lined();
  add("a");
  add("b", { priority: 4 });
  add("b", { priority: 1 });
  add("b", { priority: 3 });
  assert.deepEqual(slots.depths(), [0, 1, 1, 0, 0]);
  const taken = slots.take(250);
  assert.deepEqual(
    taken.map(({ slot, entries }) => [slot.id, entries.map(({ priority }) => priority)]),
    [
      ["b", [4, 1, 3]],
      ["a", [undefined]],
    ],
  );
  assert.deepEqual([slots.queued, slots.hasReady], [0, false]);
});

test("a busy instance is in no line; what came meanwhile is lined up when it is released", () => {
  const { slots, add, take } = lined();
  add("a");
  const [a] = take().slots;
  assert.ok(a !== undefined);
  add("a", { priority: 3 });
  add("a", { priority: 0 });
  assert.deepEqual([slots.hasReady, slots.queued], [false, 2]);
  add("b", { priority: 1 });
  slots.release(a);
  assert.deepEqual(slots.depths(), [1, 1, 0, 0, 0]);
  assert.deepEqual(take().ids, ["a", "b"]);
});

test("what does not fit a batch goes back to where it was, before what came meanwhile", () => {
  const { slots, add, take, time } = lined();
  for (const id of ["a", "b", "c"]) add(id);
  const taken = slots.take(250);
  time.now = 30;
  add("d");
  add("urgent", { priority: 0 });
  for (const { slot, entries } of taken.slice(1).toReversed()) {
    slots.giveBack(slot, entries);
    slots.release(slot, "first");
  }
  assert.deepEqual(slots.oldest(), [0, 0, 30, 0, 0]);
  assert.deepEqual(take().ids, ["urgent", "b", "c", "d"]);
});

test("an instance that is to go alone has the next batch, whatever comes meanwhile", () => {
  const { slots, add, take } = lined();
  add("bad");
  const [bad] = take().slots;
  assert.ok(bad !== undefined);
  bad.alone = true;
  add("bad");
  add("a");
  slots.release(bad);
  assert.deepEqual(take().ids, ["a"]);
  for (let n = 0; n < 10; n += 1) add(`urgent ${n}`, { priority: 0 });
  add("bad", { priority: 0 });
  assert.deepEqual(take().ids, ["bad"]);
  assert.equal(take().ids.length, 10);
  assert.equal(slots.hasReady, false);
});

test("what waits of a lost partition is out of the line, also who was to go alone", () => {
  const { slots, add, take } = lined();
  add("bad");
  const [bad] = take().slots;
  assert.ok(bad !== undefined);
  bad.alone = true;
  add("bad");
  add("a");
  slots.release(bad);
  assert.deepEqual(take().ids, ["a"]);
  add("kept", { partition: 2 });
  add("b", { priority: 0 });
  const dropped = slots.drop(new Set([1]));
  assert.deepEqual(
    dropped.map(({ instanceId }) => instanceId),
    ["bad", "b"],
  );
  assert.deepEqual([slots.queued, slots.depths()], [1, [0, 0, 1, 0, 0]]);
  assert.deepEqual(take().ids, ["kept"]);
});

test("the state in memory says whose an instance is, and how urgent", () => {
  const { slots, add, take } = lined();
  add("a");
  const [a] = take().slots;
  assert.ok(a !== undefined);
  const hot = { state: { priority: 0 }, row: { tenant: "t" }, open: new Map(), size: 2 };
  slots.setHot(a, hot as unknown as NonNullable<Slot["hot"]>);
  slots.release(a);
  add("b");
  add("a");
  assert.equal(a.place?.tenant, "t");
  assert.deepEqual(take().ids, ["a", "b"]);
});

test("what a schedule started stands back, unless somebody waits for the answer", () => {
  const { slots, add, take } = lined();
  add("scheduled");
  const [scheduled] = take().slots;
  assert.ok(scheduled !== undefined);
  const state = { schedule: { id: "s", nominal: 1, report: false } };
  const hot = { state, row: { tenant: "default" }, open: new Map(), size: 2 };
  slots.setHot(scheduled, hot as unknown as NonNullable<Slot["hot"]>);
  slots.release(scheduled);
  add("scheduled");
  add("a");
  assert.deepEqual(take().ids, ["a", "scheduled"]);
  slots.release(scheduled);
  add("scheduled", { fail: () => {} });
  add("b");
  assert.deepEqual(take().ids, ["scheduled", "b"]);
});
