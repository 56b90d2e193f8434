/** The workflow of an order, with time skipped and the shop's answers given. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ScheduleActivity, WorkflowError } from "@millrace/engine";
import type { Json } from "@millrace/language";
import { type Answer, simulate, type Simulated } from "@millrace/testkit";

const definition = readFileSync(join(import.meta.dirname, "order.yaml"), "utf8");

const INPUT = {
  order: 7,
  shop: "http://shop.example",
  card: "4000-0001",
  items: [{ sku: "flour", quantity: 2, price: 1.5 }],
};

interface Run extends Simulated {
  /** What the shop was told, in order, with the key of each call. */
  readonly told: readonly { readonly what: string; readonly key: string; readonly body: Json }[];
}

function run(answer: (what: string, call: number) => Answer, input: Json = INPUT): Run {
  const told: { what: string; key: string; body: Json }[] = [];
  const activity = ({ input: call, idempotencyKey }: ScheduleActivity): Answer => {
    const what = (call["endpoint"] as string).replace("http://shop.example/", "");
    told.push({ what, key: idempotencyKey, body: call["body"] ?? null });
    return answer(what, told.filter((each) => each.what === what).length);
  };
  return { ...simulate(definition, { input, activity }), told };
}

function failure(status: number): { readonly error: WorkflowError } {
  const type = "https://open-workflow-specification.org/spec/1.0.0/errors/communication";
  return { error: { type, status, title: "Shop" } };
}
const DONE: Answer = { output: { ok: true } };

test("an order is reserved, charged and packed, and the customer is told", () => {
  const { state, told } = run(() => DONE);
  assert.deepEqual(
    told.map(({ what }) => what),
    ["reservations", "charges", "packages", "notifications"],
  );
  assert.deepEqual(told[1]?.body, { order: 7, card: "4000-0001", amount: 3 });
  assert.deepEqual(state.output, { order: 7, outcome: "fulfilled", total: 3 });
});

test("a declined card undoes what was done, after the packing is at rest", () => {
  const { state, told } = run((what) => (what === "charges" ? failure(402) : DONE));
  assert.deepEqual(
    told.map(({ what }) => what),
    ["reservations", "charges", "packages", "unpackings", "releases", "notifications"],
  );
  assert.deepEqual(state.output, { order: 7, outcome: "compensated", total: 3 });
});

test("what may pass is asked again under the same key, each effect under its own", () => {
  const { state, told } = run((_, call) => (call <= 3 ? failure(502 + (call % 2)) : DONE));
  assert.equal(state.status, "completed");
  const keys = Map.groupBy(told, ({ what }) => what);
  for (const [what, calls] of keys) {
    assert.equal(calls.length, 4, what);
    assert.equal(new Set(calls.map(({ key }) => key)).size, 1, what);
  }
  assert.equal(new Set(told.map(({ key }) => key)).size, keys.size);
});

test("a shop that stays away ends the order with its error", () => {
  const { state, told } = run(() => failure(503));
  assert.deepEqual([state.status, state.error?.status], ["faulted", 503]);
  assert.ok(told.length > 5);
});

test("an order without items is refused before anything happens", () => {
  const { state, told } = run(() => DONE, { ...INPUT, items: [] });
  assert.match(state.error?.type ?? "", /validation$/);
  assert.deepEqual(told, []);
});
