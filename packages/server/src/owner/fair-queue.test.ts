import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AGE, BACKGROUND, FairQueue, type Queued } from "./fair-queue.ts";

interface Item {
  readonly id: number;
  readonly priority: number;
  readonly tenant: string;
  readonly background: boolean;
  readonly at: number;
}

const deadline = ({ at, priority, background }: Item): number =>
  at + priority * AGE + (background ? BACKGROUND : 0);
const laneOf = ({ priority, background }: Item): number => 2 * priority + (background ? 1 : 0);
const first = (items: readonly Item[]): number => Math.min(...items.map(deadline));

/** The queue, and what is in it as a plain set. */
class Tested {
  readonly queue = new FairQueue<Item>();
  readonly waiting = new Map<Item, Queued<Item>>();
  #ids = 0;
  now = 0;

  push(of: Omit<Item, "id" | "at">): Item {
    const item = { ...of, id: (this.#ids += 1), at: this.now };
    this.waiting.set(item, this.queue.push(item, item, this.now));
    return item;
  }

  take(): Item | undefined {
    const item = this.queue.take();
    if (item !== undefined) assert.ok(this.waiting.delete(item), "it was taken twice");
    return item;
  }

  ids(): number[] {
    const ids: number[] = [];
    for (let item = this.take(); item !== undefined; item = this.take()) ids.push(item.id);
    return ids;
  }
}

const plain = { priority: 2, tenant: "a", background: false };

/** Things that happen to a queue: `wait` milliseconds later. */
interface Step extends Omit<Item, "id" | "at"> {
  readonly wait: number;
  readonly act: "push" | "take" | "remove" | "put back";
}

const step = fc.record<Step>({
  wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 * AGE })),
  act: fc.oneof(
    { weight: 4, arbitrary: fc.constant("push" as const) },
    { weight: 3, arbitrary: fc.constant("take" as const) },
    { weight: 1, arbitrary: fc.constantFrom("remove" as const, "put back" as const) },
  ),
  priority: fc.integer({ min: 0, max: 4 }),
  tenant: fc.constantFrom("a", "b", "c"),
  background: fc.boolean(),
});

test("of one age, the higher priority goes first, and what runs in the background last in its own", () => {
  const tested = new Tested();
  for (const priority of [4, 2, 0, 3, 1])
    for (const background of [true, false]) tested.push({ ...plain, priority, background });
  assert.deepEqual(tested.ids(), [6, 5, 10, 9, 4, 3, 8, 7, 2, 1]);
});

test("what has waited long enough goes before a higher priority that came later, but not twice in a row", () => {
  const tested = new Tested();
  for (let n = 0; n < 3; n += 1) tested.push({ ...plain, priority: 4 });
  tested.now = 3 * AGE + 1;
  for (let n = 0; n < 2; n += 1) tested.push({ ...plain, priority: 1 });
  assert.deepEqual(tested.ids(), [1, 4, 2, 5, 3]);
});

test("a backlog of any age holds up a higher priority by one turn", () => {
  const tested = new Tested();
  for (let n = 0; n < 1000; n += 1) tested.push({ ...plain, priority: 3 });
  tested.now = 60_000;
  for (let n = 0; n < 10; n += 1) {
    const urgent = tested.push({ ...plain, priority: 0 });
    const taken = [tested.take(), tested.take()];
    assert.ok(taken.includes(urgent));
  }
});

test("tenants of one priority take turns, each first come first served", () => {
  const tested = new Tested();
  for (let n = 0; n < 5; n += 1) tested.push({ ...plain, tenant: "a" });
  for (let n = 0; n < 2; n += 1) tested.push({ ...plain, tenant: "b" });
  assert.equal(tested.take()?.id, 1);
  tested.push({ ...plain, tenant: "c" });
  assert.deepEqual(tested.ids(), [6, 2, 8, 7, 3, 4, 5]);
});

test("a tenant with little to do does not make the others of its priority look younger than they are", () => {
  const tested = new Tested();
  for (let n = 0; n < 3; n += 1) tested.push({ ...plain, tenant: "a" });
  for (let n = 0; n < 3; n += 1) tested.push({ ...plain, tenant: "a", priority: 4 });
  tested.now = 10_000;
  tested.push({ ...plain, tenant: "b" });
  assert.deepEqual(tested.ids(), [1, 7, 2, 3, 4, 5, 6]);
});

test("what is put back is first again, with its age", () => {
  const tested = new Tested();
  for (let n = 0; n < 2; n += 1) tested.push({ ...plain, priority: 3 });
  const [oldest] = tested.waiting.values();
  assert.ok(oldest !== undefined);
  assert.equal(tested.take()?.id, 1);
  assert.deepEqual(tested.queue.ages(40), [0, 0, 0, 40, 0]);
  tested.now = 50;
  tested.queue.putBack(oldest);
  tested.queue.putBack(oldest);
  tested.waiting.set(oldest.value, oldest);
  assert.equal(tested.queue.size, 2);
  assert.deepEqual(tested.ids(), [1, 2]);
});

test("whatever happens, what is taken has the earliest deadline, or the highest rank after one that went before it", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.infiniteStream(fc.nat()), (plan, which) => {
      const tested = new Tested();
      const { queue, waiting } = tested;
      let jumped = false;
      for (const { wait, act, ...of } of plan) {
        tested.now += wait;
        const [some] = [...waiting.values()].slice(which.next().value % (waiting.size || 1));
        if (act === "push") tested.push(of);
        else if (act === "remove" && some !== undefined) {
          assert.ok(queue.has(some) && queue.remove(some));
          assert.ok(!queue.has(some) && !queue.remove(some));
          waiting.delete(some.value);
        } else {
          const all = [...waiting.keys()];
          const next = queue.peek();
          const item = tested.take();
          assert.equal(item, next?.value);
          assert.equal(item === undefined, all.length === 0);
          if (item === undefined) continue;
          const highest = Math.min(...all.map(laneOf));
          const lane = all.filter((each) => laneOf(each) === laneOf(item));
          if (jumped) assert.equal(laneOf(item), highest);
          else assert.equal(first(lane), first(all));
          const own = lane.filter(({ tenant }) => tenant === item.tenant);
          assert.equal(item.id, Math.min(...own.map(({ id }) => id)));
          const oldest = deadline(item) === first(lane);
          if (act === "put back" && next !== undefined && oldest) {
            queue.putBack(next);
            waiting.set(item, next);
          }
          jumped = laneOf(item) > highest;
        }
        assert.equal(queue.size, waiting.size);
        const depths = [0, 1, 2, 3, 4].map(
          (priority) => [...waiting.keys()].filter((each) => each.priority === priority).length,
        );
        assert.deepEqual(queue.depths(), depths);
      }
    }),
    { numRuns: 400 },
  );
});

test("between two turns of a tenant every other that waits in the lane has exactly one", () => {
  const items = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(items, (tenants) => {
      const tested = new Tested();
      for (const tenant of tenants) tested.push({ ...plain, tenant });
      const since = new Map<string, string[]>();
      for (let item = tested.take(); item !== undefined; item = tested.take()) {
        const others = since.get(item.tenant);
        const still = new Set([...tested.waiting.keys()].map(({ tenant }) => tenant));
        still.delete(item.tenant);
        if (others !== undefined) {
          assert.equal(new Set(others).size, others.length);
          for (const other of still) assert.ok(others.includes(other));
        }
        since.delete(item.tenant);
        for (const list of since.values()) list.push(item.tenant);
        since.set(item.tenant, []);
      }
    }),
  );
});

test("at any rates of any mix, before an item go a bounded number of others", () => {
  // `in20`: items that come in twenty turns.
  const flow = fc.record({
    priority: fc.integer({ min: 0, max: 4 }),
    tenant: fc.constantFrom("a", "b", "c"),
    background: fc.boolean(),
    in20: fc.integer({ min: 0, max: 40 }),
  });
  const flows = fc.array(flow, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(flows, fc.integer({ min: 1, max: 200 }), (mix, msPerTurn) => {
      const tested = new Tested();
      /** With the number of turns before each came. */
      const pushed = new Map<Item, number>();
      const tenants = new Set(mix.map(({ tenant }) => tenant)).size;
      const inTime = (item: Item, turns: number): void => {
        const before = [...pushed.keys()].filter((each) => deadline(each) <= deadline(item));
        assert.ok(turns - (pushed.get(item) ?? 0) <= 2 * tenants * before.length);
      };
      // More comes than goes: what starves here would starve for ever.
      for (let turn = 0; turn < 400; turn += 1) {
        tested.now = turn * msPerTurn;
        for (const { in20, ...of } of mix) {
          const due = Math.floor(((turn + 1) * in20) / 20) - Math.floor((turn * in20) / 20);
          for (let n = 0; n < due; n += 1) pushed.set(tested.push(of), turn);
        }
        const taken = tested.take();
        if (taken !== undefined) inTime(taken, turn);
      }
      for (const item of tested.waiting.keys()) inTime(item, 400);
    }),
    { numRuns: 60 },
  );
});
