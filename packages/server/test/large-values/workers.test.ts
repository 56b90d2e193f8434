/** Large arguments of remote workers' tasks: loaded when a worker takes the task, not while it waits. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { PayloadError } from "../../src/payloads/payloads.ts";
import { Workers } from "../../src/workers/workers.ts";
import { document, start } from "../harness.ts";
import { largeStand, scan } from "./large-stand.ts";

const WAIT = 60_000;
const MANY = 20;
const WORK = `${document("work")}
do: [ { work: { call: worker, with: { function: resize, arguments: "\${ . }" } } } ]`;
const ALIVE = new AbortController().signal;

const workers = new Workers({ clock: systemClock() });
const loaded: string[] = [];
let away = false;
const s = await largeStand([WORK], {
  workers,
  execute: async (request, signal) => ({
    output: await workers.execute(request, undefined, signal),
  }),
  values: (payloads) => ({
    accepts: (bytes) => payloads.accepts(bytes),
    store: (tenant, values) => payloads.store(tenant, values),
    load(tenant, digests) {
      loaded.push(...digests);
      if (away) throw new PayloadError("unavailable", "the store does not answer");
      return payloads.load(tenant, digests);
    },
  }),
});
after(() => s.stop());

async function untilWaiting(count: number): Promise<void> {
  while (workers.waiting < count) await new Promise((resolve) => setTimeout(resolve, 10));
}
const poll = (max: number) =>
  workers.poll(
    { tenant: "default", worker: "one", pool: "default", functions: ["resize"], max },
    WAIT,
    ALIVE,
  );

test("tasks that wait, new ones and those of an owner before, hold no large values", async () => {
  const inputs = new Map<string, unknown>();
  for (let n = 0; n < MANY; n += 1) {
    const input = scan(`scan ${n}`, 200_000);
    inputs.set((await start(s.runtime, "work", input)).id, input);
  }
  await untilWaiting(MANY);
  assert.deepEqual(loaded, []);
  await s.again();
  await untilWaiting(MANY);
  assert.deepEqual(loaded, []);
  const { tasks } = await poll(3);
  assert.deepEqual([tasks.length, loaded.length], [3, 3]);
  for (const { request, work, token } of tasks) {
    const input = inputs.get(request.instanceId);
    assert.deepEqual([work.arguments, request.attempt], [input, 2]);
    await workers.complete("default", token, "done");
    assert.equal((await s.runtime.waitInstance(request.instanceId, WAIT)).output, "done");
  }
  away = true;
  assert.deepEqual((await poll(MANY)).tasks, []);
  away = false;
  const rest = new Set<string>();
  while (rest.size < MANY - 3)
    for (const { request, token } of (await poll(MANY)).tasks) {
      rest.add(request.instanceId);
      await workers.complete("default", token, "done");
    }
  for (const id of inputs.keys())
    assert.equal((await s.runtime.waitInstance(id, WAIT)).status, "completed");
  const held = s.logged.filter(({ message }) => message.includes("is held up"));
  assert.equal(held.length, MANY - 3);
});
