/** Schedules whose large values cannot be had: they are listed, paused and deleted all the same. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { PayloadError } from "../../src/payloads/payloads.ts";
import { readSpec } from "../../src/scheduler/read-spec.ts";
import { document } from "../harness.ts";
import { digestOf, largeStand, scan } from "./large-stand.ts";

const WAIT = 60_000;
const ECHO = `${document("echo")}
do: [ { give: { set: "\${ { got: . } }" } } ]`;
const workflow = { namespace: "test", name: "echo" };
const by = (input: JsonObject, cron: string) => readSpec({ workflow, cron, input });

/** While true, the store of large values does not answer. */
let away = false;
const s = await largeStand([ECHO], {
  values: (all) => ({
    accepts: (bytes) => all.accepts(bytes),
    store: (tenant, values) => all.store(tenant, values),
    load: (tenant, digests) => (away ? new Promise(() => {}) : all.load(tenant, digests)),
  }),
});
after(() => s.stop());

const stateOf = (name: string): Promise<string> =>
  s.text("SELECT state AS text FROM schedules WHERE name = $1", [name]);

/** Makes a schedule with a large input that no node has in memory. */
async function made(
  name: string,
  cron = "0 0 1 1 *",
): Promise<{ readonly input: JsonObject; readonly digest: string }> {
  const input = scan(name, 200_000);
  await s.schedules.createSchedule({ name, spec: by(input, cron) });
  await s.again();
  return { input, digest: await digestOf(input["lines"] ?? null) };
}

const damage = (digest: string): Promise<unknown> =>
  s.pool.query(
    "UPDATE payloads SET body = overlay(body PLACING 'X' FROM 10) WHERE digest = decode($1, 'hex')",
    [digest],
  );

const isCorrupt = (error: unknown): boolean =>
  error instanceof PayloadError && error.kind === "corrupt";

test("a schedule whose input is damaged is paused, and keeps its reference to it", async () => {
  const { input, digest } = await made("paused");
  await damage(digest);
  const before = JSON.parse(await stateOf("paused")) as { readonly $refs: unknown };
  const view = await s.schedules.pauseSchedule({ name: "paused", note: "damaged" });
  assert.equal(view.paused?.note, "damaged");
  assert.deepEqual(view.spec.input, { ...input, lines: null });
  assert.deepEqual(
    view.payloads?.map((each) => [each.path, each.digest]),
    [["/spec/input/lines", digest]],
  );
  const after = JSON.parse(await stateOf("paused")) as { readonly $refs: unknown };
  assert.deepEqual(after.$refs, before.$refs);
  // Without the input it starts nothing, and says so.
  await assert.rejects(s.schedules.triggerSchedule({ name: "paused" }), isCorrupt);
  await s.pool.query(
    "UPDATE payloads SET body = convert_to($2, 'UTF8') WHERE digest = decode($1, 'hex')",
    [digest, JSON.stringify(input["lines"])],
  );
  const { instanceId } = await s.schedules.triggerSchedule({ name: "paused" });
  assert.deepEqual((await s.runtime.waitInstance(instanceId, WAIT)).input, input);
});

test("a schedule whose input is damaged is deleted while a time of it is held up", async () => {
  const { digest } = await made("due", "* * * * * *");
  await damage(digest);
  const id = await s.text("SELECT id AS text FROM schedules WHERE name = 'due'", []);
  await s.again();
  while (!s.logged.some(({ fields }) => "instance" in fields && fields.instance === id))
    await new Promise((resolve) => setTimeout(resolve, 10));
  await s.schedules.deleteSchedule({ name: "due" });
  assert.equal(await stateOf("due"), "");
});

test("a schedule is listed, paused and deleted while the store of its input does not answer", async () => {
  const { input, digest } = await made("away");
  away = true;
  try {
    const { items } = await s.schedules.listSchedules({ limit: 10 });
    const listed = items.find((each) => each.name === "away");
    assert.deepEqual(listed?.spec.input, { ...input, lines: null });
    assert.equal(listed.payloads?.[0]?.digest, digest);
    // One who needs the input waits for it, and holds up nobody who does not.
    const trigger = s.schedules.triggerSchedule({ name: "away" }).then(
      () => "started",
      () => "refused",
    );
    assert.notEqual((await s.schedules.pauseSchedule({ name: "away" })).paused, undefined);
    await s.schedules.deleteSchedule({ name: "away" });
    assert.equal(await stateOf("away"), "");
    assert.equal(await trigger, "refused");
  } finally {
    away = false;
  }
});
