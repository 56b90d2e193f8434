/** Large values that cannot be had: who is held up by that, who is not, and what they are told. */
import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import type { Json } from "@millrace/language";
import { PayloadError, type EngineValues } from "../../src/payloads/payloads.ts";
import { document, HELLO, start } from "../harness.ts";
import { digestOf, largeStand, scan } from "./large-stand.ts";

const WAIT = 30_000;
const SIZE = 200_000;
const WAITS = `${document("waits")}
do:
  - hear: { listen: { to: { one: { with: { type: go } } } } }
  - back: { set: "\${ $workflow.input.name }" }`;
const SLEEPS = `${document("sleeps")}
do: [ { sleep: { wait: { seconds: 2 } } }, { back: { set: "\${ $workflow.input.name }" } } ]`;
const SENDS = `${document("sends")}
do: [ { send: { call: http, with: { method: post, endpoint: http://sends/, body: "\${ . }" } } } ]`;

const HIDES = `${document("hides")}
do:
  - read: { call: http, with: { method: get, endpoint: http://hides/ } }
  - hear: { listen: { to: { one: { with: { type: go } } } } }`;

/** What becomes of calls of the store. */
let fate: Partial<Record<"store" | "load", () => Promise<void>>> = {};
const never = (): Promise<void> => new Promise(() => {});
const away = (): Promise<void> =>
  Promise.reject(new PayloadError("unavailable", "the store does not answer"));
let deliver = (): Promise<{ output: Json }> => Promise.resolve({ output: null });

const s = await largeStand([HELLO, WAITS, SLEEPS, SENDS, HIDES], {
  execute: () => deliver(),
  values: (payloads): EngineValues => ({
    accepts: (bytes) => payloads.accepts(bytes),
    async store(tenant, values) {
      await fate.store?.();
      await payloads.store(tenant, values);
    },
    async load(tenant, digests) {
      await fate.load?.();
      return payloads.load(tenant, digests);
    },
  }),
});
after(() => s.stop());
beforeEach(() => {
  fate = {};
  s.logged.length = 0;
});

/** An instance with a large input that is not in memory, and the digest of its large value. */
async function cold(workflow: string, name: string): Promise<{ id: string; digest: string }> {
  const input = scan(name, SIZE);
  const { id } = await start(s.runtime, workflow, input);
  for await (const { kind } of s.runtime.watch(id, 0)) if (kind === "task.started") break;
  await s.again();
  return { id, digest: await digestOf(input["lines"] ?? null) };
}

async function hello(): Promise<void> {
  const { id } = await start(s.runtime, "hello", { name: "you" });
  assert.equal((await s.runtime.waitInstance(id, WAIT)).status, "completed");
}

const damage = (digest: string): Promise<unknown> =>
  s.pool.query(
    "UPDATE payloads SET body = overlay(body PLACING 'X' FROM 10) WHERE digest = decode($1, 'hex')",
    [digest],
  );
const repair = (digest: string, name: string): Promise<unknown> =>
  s.pool.query(
    "UPDATE payloads SET body = convert_to($2, 'UTF8') WHERE digest = decode($1, 'hex')",
    [digest, JSON.stringify(scan(name, SIZE)["lines"])],
  );

const heldUp = () => s.logged.filter(({ message }) => message.includes("is held up"));

test("a corrupt value fails the commands of its instance, and goes on when it is repaired", async () => {
  const { id, digest } = await cold("waits", "corrupt");
  await damage(digest);
  const corrupt = (error: unknown): boolean => {
    assert.ok(error instanceof PayloadError && error.kind === "corrupt", String(error));
    assert.equal(error.digest, digest);
    return true;
  };
  await assert.rejects(s.runtime.signalInstance(id, { kind: "suspend" }), corrupt);
  await assert.rejects(s.runtime.getInstance(id), (error: Error) => {
    assert.match(error.message, new RegExp(`large value of instance ${id}`));
    return corrupt(error);
  });
  // Mail is tried again and again; who is told is told once.
  const go = { specversion: "1.0", id: "corrupt", source: "/test", type: "go" };
  await s.runtime.publishEvents([go]);
  const before = s.runtime.stats().counters.instancesHeldUp;
  while (s.runtime.stats().counters.instancesHeldUp < before + 2) await hello();
  const told = heldUp();
  assert.equal(told.length, 1);
  assert.deepEqual(
    told.map(({ level, fields }) => ({ level, ...fields, err: undefined })),
    [{ level: "error", instance: id, err: undefined }],
  );
  await repair(digest, "corrupt");
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.deepEqual([view.status, view.output], ["completed", "corrupt"]);
});

test("an instance is shown without what is not shown of it", async () => {
  deliver = () => Promise.resolve({ output: scan("hides", SIZE) });
  const { id } = await start(s.runtime, "hides", { name: "hides" });
  for await (const each of s.runtime.watch(id, 0))
    if (each.kind === "task.started" && each.name === "hear") break;
  deliver = () => Promise.resolve({ output: null });
  await s.again();
  fate.load = away;
  const { input, status } = await s.runtime.getInstance(id);
  assert.deepEqual([input, status], [{ name: "hides" }, "waiting"]);
});

test("a payload that is gone is told apart, and its history still shows where it was", async () => {
  const { id, digest } = await cold("waits", "missing");
  // Only by a hand that goes round the rules.
  await s.pool.query("DELETE FROM payload_refs WHERE digest = decode($1, 'hex')", [digest]);
  await s.pool.query("DELETE FROM payloads WHERE digest = decode($1, 'hex')", [digest]);
  await assert.rejects(s.runtime.signalInstance(id, { kind: "cancel" }), (error: unknown) => {
    assert.ok(error instanceof PayloadError && error.kind === "missing", String(error));
    return true;
  });
  const { events } = await s.runtime.getHistory(id, 0, 10);
  assert.equal(events[0]?.payloads?.[0]?.digest, digest);
});

test("a store that does not answer holds up who needs it, and nobody beside", async () => {
  const { id } = await cold("sleeps", "hangs");
  const reached = Promise.withResolvers<void>();
  fate.load = () => {
    reached.resolve();
    return never();
  };
  await reached.promise;
  for (let n = 0; n < 5; n += 1) await hello();
  // The node that hangs is given up; the next finds its timer.
  fate = {};
  await s.again({ lingers: true });
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.deepEqual([view.status, view.output], ["completed", "hangs"]);
});

test("a store that is away is asked again until it is back", async () => {
  const { id } = await cold("sleeps", "away");
  const failed = Promise.withResolvers<void>();
  let failures = 0;
  fate.load = () => {
    failures += 1;
    if (failures === 3) failed.resolve();
    return away();
  };
  await failed.promise;
  await hello();
  assert.deepEqual(
    heldUp().map(({ level }) => level),
    ["warn"],
  );
  fate = {};
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.deepEqual([view.status, view.output], ["completed", "away"]);
});

test("a start whose value cannot be stored is refused, and others go on", async () => {
  fate.store = away;
  const started = start(s.runtime, "waits", scan("refused", SIZE));
  const others = Array.from({ length: 5 }, () => hello());
  await assert.rejects(started, /the store does not answer/);
  await Promise.all(others);
  assert.equal(
    (await s.stored()).some(({ size }) => size === 0),
    false,
  );
});

test("a store that never answers to what is to be stored holds up nobody beside", async () => {
  const reached = Promise.withResolvers<void>();
  fate.store = () => {
    reached.resolve();
    return never();
  };
  const started = start(s.runtime, "waits", scan("hangs", SIZE));
  await reached.promise;
  for (let n = 0; n < 5; n += 1) await hello();
  // Whoever asked is told in time.
  await assert.rejects(started, /no answer from the database within|no answer from the store/);
});

test("an activity is delivered again when its large values can be had again", async () => {
  const reached = Promise.withResolvers<void>();
  deliver = () => {
    reached.resolve();
    return new Promise(() => {});
  };
  const { id } = await start(s.runtime, "sends", scan("redelivered", SIZE));
  await reached.promise;
  deliver = () => Promise.resolve({ output: null });
  const failed = Promise.withResolvers<void>();
  let failures = 0;
  fate.load = () => {
    failures += 1;
    if (failures === 3) failed.resolve();
    return away();
  };
  await s.again({ lingers: true });
  await failed.promise;
  await hello();
  assert.deepEqual(
    heldUp().map(({ message }) => message),
    ["an activity is held up: a large value of its request cannot be had"],
  );
  fate = {};
  assert.equal((await s.runtime.waitInstance(id, WAIT)).status, "completed");
});
