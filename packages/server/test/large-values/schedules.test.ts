/** Large values of schedules: their input, and the events that they gather. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { PayloadError } from "../../src/payloads/payloads.ts";
import type { CloudEventObject } from "../../src/runtime.ts";
import { readSpec } from "../../src/scheduler/read-spec.ts";
import type { ScheduleView } from "../../src/scheduler/service.ts";
import { postgresSweepStore } from "../../src/store/postgres/payload-sweep-store.ts";
import { document } from "../harness.ts";
import { digestOf, largeStand, scan } from "./large-stand.ts";

const WAIT = 60_000;
const SMALL = 32 * 1024;
const ECHO = `${document("echo")}
do: [ { give: { set: "\${ { got: . } }" } } ]`;
const workflow = { namespace: "test", name: "echo" };

const s = await largeStand([ECHO]);
after(() => s.stop());

const stateOf = (name: string): Promise<string> =>
  s.text("SELECT state AS text FROM schedules WHERE name = $1", [name]);
const idOf = (name: string): Promise<string> =>
  s.text("SELECT id AS text FROM schedules WHERE name = $1", [name]);
const listedOf = async (name: string): Promise<ScheduleView | undefined> =>
  (await s.schedules.listSchedules({ limit: 10 })).items.find((each) => each.name === name);
const by = (input: JsonObject) =>
  readSpec({ workflow, cron: "0 0 1 1 *", input, overlap: "allow" });
const event = (id: string, type: string, data: object): CloudEventObject =>
  ({ specversion: "1.0", id, source: "/test", type, data }) as CloudEventObject;

/** What the instance of a schedule's newest decision gave. */
async function given(name: string): Promise<unknown> {
  for (;;) {
    const { items } = await s.schedules.listDecisions({ name, limit: 1 });
    const [last] = items;
    if (last?.instanceId !== undefined) {
      const view = await s.runtime.waitInstance(last.instanceId, WAIT).catch(() => undefined);
      if (view?.status === "completed") return (view.output as { got: unknown }).got;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("a schedule's large input is stored once, whoever it starts", async () => {
  const input = scan("nightly", 900_000);
  const digest = await digestOf(input["lines"] ?? null);
  await s.schedules.createSchedule({ name: "nightly", spec: by(input) });
  const started: string[] = [];
  for (const key of ["1", "2", "3"]) {
    if (key === "3") await s.again();
    const { instanceId } = await s.schedules.triggerSchedule({ name: "nightly", key });
    started.push(instanceId);
    const view = await s.runtime.waitInstance(instanceId, WAIT);
    assert.deepEqual([view.status, view.input], ["completed", input]);
    const row = await stateOf("nightly");
    assert.ok(row.length < SMALL, `the schedule's row has ${row.length} characters`);
  }
  assert.equal((await s.stored()).filter((each) => each.digest === digest).length, 1);
  for (const holder of [await idOf("nightly"), ...started])
    assert.deepEqual(await s.refs(holder), [digest]);
  const view = await s.schedules.getSchedule({ name: "nightly" });
  assert.deepEqual(view.spec.input, input);
  assert.equal(view.payloads, undefined);
  const bytes = JSON.stringify(input["lines"]).length;
  const listed = await listedOf("nightly");
  assert.deepEqual(listed?.spec.input, { ...input, lines: null });
  assert.deepEqual(listed.payloads, [{ path: "/spec/input/lines", digest, bytes }]);
  // The very same again changes nothing, whether it is in memory or not.
  for (const cold of [false, true]) {
    if (cold) await s.again();
    const before = await stateOf("nightly");
    await s.schedules.updateSchedule({ name: "nightly", spec: by(input) });
    assert.equal(await stateOf("nightly"), before);
  }
});

test("an input that a schedule has no more is let go of", async () => {
  const name = "changing";
  const input = scan(name, 200_000);
  const digest = await digestOf(input["lines"] ?? null);
  await s.schedules.createSchedule({ name, spec: by(input) });
  const sweeps = postgresSweepStore(s.pool);
  const id = await idOf(name);
  const isDue = async (): Promise<boolean> =>
    (await sweeps.holders("", 1_000, 60_000)).due.some(({ holder }) => holder === id);
  const hourAgo = (): Promise<unknown> =>
    s.pool.query("UPDATE payload_refs SET at = at - 3600000 WHERE holder = $1", [id]);
  await hourAgo();
  assert.ok(await isDue());
  const look = await sweeps.lookAt(id, 60_000);
  assert.deepEqual([look.unmentioned, look.settled], [[], true]);
  await sweeps.mark(id, { ...look, at: look.at - 600_000 });
  assert.ok(!(await isDue()), "nothing has changed since");
  await s.schedules.updateSchedule({ name, spec: by({ small: true }) });
  assert.ok(await isDue(), "it has changed");
  const { unmentioned } = await sweeps.lookAt(id, 60_000);
  assert.deepEqual(
    unmentioned.map((each) => each.digest),
    [digest],
  );
  await sweeps.dropRefs(unmentioned);
  assert.deepEqual(await s.refs(id), []);
});

test("large events that a schedule gathers wait among the payloads, over a restart", async () => {
  const name = "pairs";
  const on = { all: [{ with: { type: "left" } }, { with: { type: "right" } }] };
  await s.schedules.createSchedule({ name, spec: readSpec({ workflow, on }) });
  const [left, right] = [scan("left", 300_000), scan("right", 300_000)];
  await s.runtime.publishEvents([event("1", "left", left)]);
  for (;;) {
    const row = JSON.parse(await stateOf(name)) as { groups?: readonly unknown[] };
    if (row.groups?.length === 1) break;
  }
  const row = await stateOf(name);
  assert.ok(row.length < SMALL, `the schedule's row has ${row.length} characters`);
  await s.again();
  await s.runtime.publishEvents([event("2", "right", right)]);
  assert.deepEqual(await given(name), [left, right]);
});

test("a damaged input holds up its schedule, which says so, and no other", async () => {
  const name = "damaged";
  const input = scan(name, 200_000);
  const digest = await digestOf(input["lines"] ?? null);
  await s.schedules.createSchedule({ name, spec: by(input) });
  await s.pool.query(
    "UPDATE payloads SET body = overlay(body PLACING 'X' FROM 10) WHERE digest = decode($1, 'hex')",
    [digest],
  );
  await s.again();
  const corrupt = (error: unknown): boolean => {
    assert.ok(error instanceof PayloadError && error.kind === "corrupt", String(error));
    assert.equal(error.digest, digest);
    return true;
  };
  await assert.rejects(s.schedules.triggerSchedule({ name }), corrupt);
  await assert.rejects(s.schedules.getSchedule({ name }), (error: Error) => {
    assert.match(error.message, /a large value of schedule damaged/);
    return corrupt(error);
  });
  // What does not show it needs no part of it.
  assert.deepEqual(
    (await listedOf(name))?.payloads?.map((each) => each.digest),
    [digest],
  );
  assert.deepEqual((await s.schedules.listDecisions({ name, limit: 1 })).items, []);
  await s.schedules.createSchedule({ name: "sound", spec: by({ small: true }) });
  const { instanceId } = await s.schedules.triggerSchedule({ name: "sound" });
  assert.equal((await s.runtime.waitInstance(instanceId, WAIT)).status, "completed");
  await s.pool.query(
    "UPDATE payloads SET body = convert_to($2, 'UTF8') WHERE digest = decode($1, 'hex')",
    [digest, JSON.stringify(input["lines"])],
  );
  const again = await s.schedules.triggerSchedule({ name });
  assert.deepEqual((await s.runtime.waitInstance(again.instanceId, WAIT)).input, input);
});
