/** Schedules on a real database: what starts, when, how often, and what is on record. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { RunningRuntime } from "@millrace/server";
import type { TestDatabase } from "@millrace/testkit";
import pg from "pg";
import { type InstanceView, RuntimeError } from "../src/runtime.ts";
import { DEFAULTS, type ScheduleDecision, type ScheduleSpec } from "../src/scheduler/schedule.ts";
import { CALLER, document, fresh, HELLO, open } from "./harness.ts";

const SPEC: ScheduleSpec = {
  ...DEFAULTS,
  workflow: { namespace: "test", name: "hello" },
  input: { name: "you" },
  trigger: { kind: "every", milliseconds: 100 },
  overlap: "allow",
};
const HOUR = 3_600_000;

describe("schedules", () => {
  let database: TestDatabase;
  let opened: RunningRuntime;
  before(async () => {
    ({ database, opened } = await fresh([HELLO, CALLER]));
  });
  after(async () => {
    await opened.stop();
    await database.drop();
  });

  const decisions = async (name: string): Promise<readonly ScheduleDecision[]> =>
    (await opened.schedules.listDecisions({ name, limit: 500 })).items;
  /** Asks until there are so many. */
  async function until(name: string, many: number): Promise<readonly ScheduleDecision[]> {
    for (;;) {
      const found = await decisions(name);
      if (found.length >= many) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What is on record as started is there a moment later. */
  async function ended(id: string): Promise<InstanceView> {
    for (;;) {
      try {
        return await opened.runtime.waitInstance(id, 10_000);
      } catch (error) {
        if (!(error instanceof RuntimeError && error.kind === "not-found")) throw error;
      }
    }
  }

  it("start an instance for each time, in the schedule's partition, with its input", async () => {
    await opened.schedules.createSchedule({ name: "often", spec: SPEC });
    const found = await until("often", 5);
    await opened.schedules.deleteSchedule({ name: "often" });
    const times = found.map(({ nominal }) => nominal).toSorted((a, b) => a - b);
    for (const [n, time] of times.entries())
      if (n > 0) assert.equal(time - (times[n - 1] ?? 0), 100);
    for (const { instanceId, outcome } of found) {
      assert.equal(outcome, "started");
      const view = await ended(String(instanceId));
      assert.deepEqual(view.output, { message: "Hello you" });
    }
    assert.equal(new Set(found.map(({ instanceId }) => instanceId)).size, found.length);
  });

  it("go on where they stood when the server comes back, each time once", async () => {
    await opened.schedules.createSchedule({ name: "restart", spec: SPEC });
    await until("restart", 2);
    await opened.stop();
    opened = await open(database);
    const { length } = await decisions("restart");
    const found = await until("restart", length + 3);
    await opened.schedules.deleteSchedule({ name: "restart" });
    const times = found.map(({ nominal }) => nominal).toSorted((a, b) => a - b);
    for (const [n, time] of times.entries())
      if (n > 0) assert.equal(time - (times[n - 1] ?? 0), 100);
  });

  it("wait for the end of what runs, and are told of it", async () => {
    await opened.stop();
    let calls = 0;
    opened = await open(database, async () => {
      calls += 1;
      return { output: calls };
    });
    const workflow = { namespace: "test", name: "caller" };
    const trigger = { kind: "after", milliseconds: 10 } as const;
    await opened.schedules.createSchedule({ name: "after", spec: { ...SPEC, workflow, trigger } });
    const found = await until("after", 3);
    await opened.schedules.deleteSchedule({ name: "after" });
    assert.ok(found.every(({ outcome }) => outcome === "started"));
    assert.ok(calls >= 2);
  });

  it("are paused with a note, resumed, and triggered meanwhile", async () => {
    const trigger = { kind: "every", milliseconds: HOUR } as const;
    const name = "by-hand";
    await opened.schedules.createSchedule({ name, spec: { ...SPEC, trigger } });
    const { paused } = await opened.schedules.pauseSchedule({ name, note: "maintenance" });
    assert.equal(paused?.note, "maintenance");
    const first = await opened.schedules.triggerSchedule({ name, key: "k", input: { name: "me" } });
    const again = await opened.schedules.triggerSchedule({ name, key: "k" });
    assert.deepEqual(again, { instanceId: first.instanceId, created: false });
    const view = await opened.runtime.waitInstance(first.instanceId, 10_000);
    assert.deepEqual(view.output, { message: "Hello me" });
    assert.equal((await opened.schedules.resumeSchedule({ name })).paused, undefined);
    const page = await opened.schedules.listSchedules({ limit: 10, workflow: "hello" });
    assert.deepEqual(
      page.items.map((each) => each.name),
      [name],
    );
    const [next] = await opened.schedules.previewSchedule({ name, count: 1 });
    assert.equal(next?.nominal, page.items[0]?.next?.nominal);
    await opened.schedules.deleteSchedule({ name });
  });

  it("start one instance for a key, however many ask at once", async () => {
    const trigger = { kind: "every", milliseconds: HOUR } as const;
    const name = "at-once";
    await opened.schedules.createSchedule({ name, spec: { ...SPEC, trigger } });
    const asked = Array.from({ length: 8 }, () =>
      opened.schedules.triggerSchedule({ name, key: "k" }),
    );
    const ids = new Set((await Promise.all(asked)).map(({ instanceId }) => instanceId));
    assert.equal(ids.size, 1);
    await opened.schedules.deleteSchedule({ name });
  });

  it("keep the record of a stretch whose first time is filled in", async () => {
    const name = "stretch";
    await opened.schedules.createSchedule({ name, spec: SPEC, paused: {} });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await opened.schedules.updateSchedule({ name, spec: { ...SPEC, input: { name: "me" } } });
    const [stretch] = await decisions(name);
    assert.ok(stretch?.reason === "paused" && (stretch.count ?? 0) > 1, JSON.stringify(stretch));
    const { nominal } = stretch;
    await opened.schedules.backfillSchedule({ name, from: nominal, until: nominal });
    const both = await until(name, 2);
    assert.ok(both.some((each) => each.nominal === nominal && each.outcome === "started"));
    assert.deepEqual(
      both.find(({ until: last }) => last !== undefined),
      stretch,
    );
    await opened.schedules.deleteSchedule({ name });
  });

  it("fill a stretch of the past, and meet what is there", async () => {
    const trigger = { kind: "cron", expression: "0 * * * *" } as const;
    const name = "backfill";
    await opened.schedules.createSchedule({ name, spec: { ...SPEC, trigger } });
    const until_ = Date.now() - HOUR;
    const stretch = { name, from: until_ - 10 * HOUR, until: until_ };
    const { times } = await opened.schedules.backfillSchedule(stretch);
    const found = await until(name, times);
    assert.equal(found.length, times);
    const ids = found.map(({ instanceId }) => instanceId);
    for (const id of ids) await ended(String(id));
    await opened.schedules.backfillSchedule(stretch);
    // A trigger behind it in the queue of the schedule: what it started is on record when the second backfill is.
    const { instanceId } = await opened.schedules.triggerSchedule({ name });
    await opened.runtime.waitInstance(instanceId, 10_000);
    const again = (await decisions(name)).filter(({ origin }) => origin === "backfill");
    assert.deepEqual(
      again.map((each) => each.instanceId),
      ids,
    );
    await opened.schedules.deleteSchedule({ name });
  });

  it("say on record that there is no such workflow any more", async () => {
    const workflow = { namespace: "test", name: "hello", version: "9.9.9" };
    await assert.rejects(
      opened.schedules.createSchedule({ name: "gone", spec: { ...SPEC, workflow } }),
      (error) => error instanceof RuntimeError && error.kind === "not-found",
    );
    await opened.schedules.createSchedule({ name: "gone", spec: SPEC });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(
      `UPDATE schedules SET state = jsonb_set(state::jsonb, '{spec,workflow,version}', '"9.9.9"')::text WHERE name = 'gone'`,
    );
    await client.end();
    for (;;) {
      const found = await decisions("gone");
      const refused = found.find(({ reason }) => reason === "unknown-workflow");
      if (refused !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await opened.schedules.deleteSchedule({ name: "gone" });
  });

  it("by an event go on with its trace", async () => {
    const trigger = { kind: "on", strategy: { one: { with: { type: "traced" } } }, read: "data" };
    const spec = { ...SPEC, trigger } as ScheduleSpec;
    await opened.schedules.createSchedule({ name: "traced", spec });
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const event = { specversion: "1.0", id: "1", source: "/test", type: "traced", data: {} };
    await opened.runtime.publishEvents([{ ...event, traceparent, tracestate: "vendor=1" }]);
    const [{ instanceId } = {}] = await until("traced", 1);
    await ended(String(instanceId));
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query("SELECT state FROM all_instances WHERE id = $1", [
      instanceId,
    ]);
    await client.end();
    assert.deepEqual(JSON.parse(rows[0].state).trace, { traceparent, tracestate: "vendor=1" });
    await opened.schedules.deleteSchedule({ name: "traced" });
  });

  it("come and go with the definition of their workflow", async () => {
    const text = (version: string, schedule: string): string =>
      `${document("nightly").replace("1.0.0", version)}\n${schedule}\ndo: [ { a: { set: { b: 1 } } } ]`;
    const apply = (version: string, schedule: string) =>
      opened.runtime.applyWorkflow({ text: text(version, schedule) });
    await apply("1.0.0", `schedule: { cron: "0 3 * * *" }`);
    const name = "test.nightly";
    const { spec, source } = await opened.schedules.getSchedule({ name });
    assert.equal(source, "definition");
    assert.deepEqual(spec.trigger, { kind: "cron", expression: "0 3 * * *" });
    await apply("1.1.0", `schedule: { cron: "0 4 * * *" }`);
    await apply("1.0.1", `schedule: { cron: "0 5 * * *" }`);
    const changed = await opened.schedules.getSchedule({ name });
    assert.deepEqual(changed.spec.trigger, { kind: "cron", expression: "0 4 * * *" });
    await assert.rejects(
      opened.schedules.deleteSchedule({ name }),
      (error) => error instanceof RuntimeError && error.kind === "conflict",
    );
    await apply("1.2.0", "");
    await assert.rejects(
      opened.schedules.getSchedule({ name }),
      (error) => error instanceof RuntimeError && error.kind === "not-found",
    );
  });
});
