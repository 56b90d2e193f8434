/** `listen` on PostgreSQL: events by the runtime's own way in, from instances that wait, have waited, or will. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Json } from "@millrace/language";
import { document, fresh, history, start } from "../harness.ts";

/** Waits for one event of an order, by the order's number. */
const ONE = `${document("one")}
do:
  - paid:
      listen:
        to:
          one:
            with: { type: order.paid }
            correlate: { order: { from: .data.order, expect: "\${ .order }" } }`;

/** Waits for any event of a type, twice. */
const TWICE = `${document("twice")}
do:
  - first: { listen: { to: { one: { with: { type: note } } } } }
  - keep: { set: { first: "\${ .[0].n }" } }
  - second:
      listen: { to: { one: { with: { type: note } } } }
      output: { as: "\${ [ $input.first, .[0].n ] }" }`;

const ALL = `${document("all")}
do:
  - both:
      listen:
        to:
          all:
            - with: { type: left }
              correlate: { k: { from: .data.k, expect: "\${ .k }" } }
            - with: { type: right }
              correlate: { k: { from: .data.k, expect: "\${ .k }" } }`;

const { database, opened, runtime } = await fresh([ONE, TWICE, ALL]);
after(async () => {
  await opened.stop();
  await database.drop();
});

let made = 0;
const event = (type: string, data: Json) => {
  made += 1;
  return { specversion: "1.0", id: `${made}`, source: "/test", type, data };
};
const output = async (id: string): Promise<Json | undefined> => {
  const view = await runtime.waitInstance(id, 20_000);
  assert.equal(view.status, "completed", JSON.stringify(view.error));
  return view.output;
};
/** Resolves when the instance waits. */
async function listens(id: string): Promise<void> {
  for await (const { kind } of runtime.watch(id, 0)) if (kind === "task.started") return;
}

test("an event reaches the instance that it correlates with, and no other", async () => {
  const [a, b] = [
    await start(runtime, "one", { order: 1 }),
    await start(runtime, "one", { order: 2 }),
  ];
  await listens(a.id);
  await runtime.publishEvents([event("order.paid", { order: 2, by: "b" })]);
  assert.deepEqual(await output(b.id), [{ order: 2, by: "b" }]);
  assert.equal((await runtime.getInstance(a.id)).status, "waiting");
  await runtime.publishEvents([event("order.paid", { order: 1, by: "a" })]);
  assert.deepEqual(await output(a.id), [{ order: 1, by: "a" }]);
});

test("an event that came before its instance started is kept for it when they correlate", async () => {
  await runtime.publishEvents([event("order.paid", { order: 3 })]);
  const { id } = await start(runtime, "one", { order: 3 });
  assert.deepEqual(await output(id), [{ order: 3 }]);
});

test("without correlation, events between two listens of an instance are kept, those before its start are not", async () => {
  await runtime.publishEvents([event("note", { n: 0 })]);
  const { id } = await start(runtime, "twice");
  await runtime.publishEvents([event("note", { n: 1 }), event("note", { n: 2 })]);
  assert.deepEqual(await output(id), [1, 2]);
});

test("an event known by source and id is not delivered again", async () => {
  const { id } = await start(runtime, "twice");
  const first = event("note", { n: 1 });
  assert.deepEqual(await runtime.publishEvents([first]), { accepted: 1, duplicates: 0 });
  assert.deepEqual(await runtime.publishEvents([first, first]), { accepted: 0, duplicates: 2 });
  await runtime.publishEvents([event("note", { n: 2 })]);
  assert.deepEqual(await output(id), [1, 2]);
});

test("all: one event of each filter, in any order", async () => {
  const { id } = await start(runtime, "all", { k: "x" });
  await runtime.publishEvents([event("right", { k: "x", r: 1 }), event("left", { k: "y" })]);
  await runtime.publishEvents([event("left", { k: "x", l: 1 })]);
  const events = (await output(id)) as readonly Json[];
  assert.equal(events.length, 2);
});

test("an instance that is cancelled waits no longer, and leaves nothing behind", async () => {
  const { id } = await start(runtime, "one", { order: "cancelled" });
  await listens(id);
  await runtime.signalInstance(id, { kind: "cancel" });
  const { counters } = runtime.stats();
  await runtime.publishEvents([event("order.paid", { order: "cancelled" })]);
  const { id: next } = await start(runtime, "one", { order: "cancelled" });
  assert.deepEqual(await output(next), [{ order: "cancelled" }]);
  assert.equal(runtime.stats().counters.eventsDelivered - counters.eventsDelivered, 1);
  assert.equal((await history(runtime, id)).at(-1)?.kind, "workflow.cancelled");
});

test("an event that nobody can want is counted, and not queued", async () => {
  const before = runtime.stats().counters;
  await runtime.publishEvents([event("nobody", {}), event("order.paid", {})]);
  const after = runtime.stats().counters;
  assert.equal(after.eventsUnmatched - before.eventsUnmatched, 2);
  assert.equal(after.eventsReceived - before.eventsReceived, 2);
});
