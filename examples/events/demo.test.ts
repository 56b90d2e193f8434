/** The demonstration, run as users run it; and what it says when something is not as it must be. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { Instance, ScheduleDecision } from "@millrace/sdk";
import { type Found, missing, TYPES } from "./report.ts";

test("three correlated events with the server killed between them: nothing missing, nothing twice", async (t) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "demo.ts")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill());
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stdout.match(/^SIGKILL of server/gm)?.length, 2, stdout);
  assert.match(stdout, /^nothing missing, nothing twice/m);
});

const instance = (id: string, output: unknown) => ({ id, output }) as Instance;
const decision = (second: number, instanceId?: string) =>
  ({
    nominal: `2027-01-01T00:00:0${second}.000Z`,
    ...(instanceId === undefined
      ? { outcome: "skipped", reason: "overlap" }
      : { outcome: "started", instanceId }),
  }) as ScheduleDecision;
const told = (type: string, subject?: string) => ({
  id: `${type} ${subject}`,
  type,
  ...(subject === undefined ? {} : { subject }),
});

const output = { order: "A", paid: 42, parcel: "P-1", carrier: "snail" };
const receipt = { receipt: "Order A: 42 EUR, parcel P-1, with snail" };
const events = [
  told(TYPES.started, "1"),
  told(TYPES.closed),
  told(TYPES.completed, "1"),
  told(TYPES.started, "2"),
  told(TYPES.completed, "2"),
];
const right: Found = {
  started: [{ order: "A", name: "steps", id: "1" }],
  orders: [instance("1", output)],
  receipts: [instance("2", receipt)],
  decisions: [decision(4, "4"), decision(2, "3")],
  counts: [instance("3", {}), instance("4", {})],
  receiver: receiving(events),
};

function receiving(list: typeof events): Found["receiver"] {
  const counts = { repeated: 0, turnedAway: 1, forged: 0 };
  return { received: new Map(list.map((event, index) => [`${index}`, event])), counts };
}

const wrong: readonly (readonly [string, Partial<Found>, RegExp])[] = [
  ["an event that was not taken", { orders: [instance("1", { order: "A" })] }, /^steps A gave/],
  ["an order without a receipt", { receipts: [] }, /^receipts: \[\]/],
  ["a time that is missing", { decisions: [decision(6, "4"), decision(2, "3")] }, /4000 ms before/],
  ["a time passed over", { decisions: [decision(4), decision(2, "3")] }, /because of overlap/],
  ["an instance too many", { counts: ["3", "4", "5"].map((id) => instance(id, {})) }, /2 times, 3/],
  ["an end that was not told", { receiver: receiving(events.slice(0, -1)) }, /of 2 it got/],
  ["an end told before the start", { receiver: receiving(events.toReversed()) }, /of 1 it got/],
  ["an order told of twice", { receiver: receiving([...events, told(TYPES.closed)]) }, /2 orders/],
];

test("the report has nothing to say when all is well", () => assert.deepEqual(missing(right), []));

for (const [what, part, said] of wrong)
  test(`the report names ${what}`, () => {
    assert.match(missing({ ...right, ...part }).join("\n"), said);
  });
