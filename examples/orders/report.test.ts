/** The audit finds what it is there to find; otherwise its "exactly once" would mean nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instance } from "@millrace/sdk";
import { faults, report } from "./report.ts";
import { EFFECTS, type Effect, type Shop } from "./shop.ts";

const FULFILLED: readonly Effect[] = ["reservations", "charges", "packages", "notifications"];

/** Books in which order 1 had these effects. */
function books(effects: readonly Effect[]): Shop {
  const applied = Object.fromEntries(EFFECTS.map((each) => [each, new Map<number, number>()]));
  for (const each of effects) applied[each]?.set(1, (applied[each].get(1) ?? 0) + 1);
  const tally = { requests: 0, overloaded: 0, answersLost: 0, repeated: 0 };
  return {
    url: "",
    applied: applied as Record<Effect, Map<number, number>>,
    tallies: Object.fromEntries(EFFECTS.map((each) => [each, tally])) as Shop["tallies"],
    total: effects.length,
    when: () => {},
    close: () => {},
  };
}

function order(status: Instance["status"], outcome?: string): Instance {
  const at = "2026-01-01T00:00:00.000Z";
  return {
    id: "ID",
    namespace: "shop",
    name: "order",
    version: "1.0.0",
    status,
    priority: "P2",
    createdAt: at,
    updatedAt: at,
    input: { order: 1 },
    ...(outcome === undefined ? {} : { output: { outcome } }),
  };
}

function found(instance: Instance, effects: readonly Effect[]): readonly string[] {
  return faults({ orders: [instance], shop: books(effects), kills: [], seconds: 1 });
}

test("an order whose effects happened once each is right", () => {
  assert.deepEqual(found(order("completed", "fulfilled"), FULFILLED), []);
  const undone: Effect[] = ["reservations", "packages", "unpackings", "releases", "notifications"];
  assert.deepEqual(found(order("completed", "compensated"), undone), []);
});

test("an effect that happened twice is found", () => {
  const twice = found(order("completed", "fulfilled"), [...FULFILLED, "charges"]);
  assert.equal(twice.length, 1);
  assert.match(twice[0] ?? "", /charges 2 times instead of 1/);
});

test("an effect that never happened is found", () => {
  const missing = found(order("completed", "fulfilled"), FULFILLED.slice(0, 3));
  assert.match(missing.join("\n"), /notifications 0 times instead of 1/);
});

test("a charge for an order that was compensated is found", () => {
  const effects: Effect[] = [...FULFILLED, "unpackings", "releases"];
  assert.match(found(order("completed", "compensated"), effects).join("\n"), /charges 1 times/);
});

test("an order that has not ended well is found", () => {
  for (const status of ["running", "faulted", "cancelled", "suspended"] as const)
    assert.match(found(order(status), FULFILLED).join("\n"), new RegExp(`is ${status}`));
});

test("the table says how it stands", () => {
  const result = { shop: books(FULFILLED), kills: [], seconds: 1.25 };
  const right = report({ ...result, orders: [order("completed", "fulfilled")] });
  const wrong = report({ ...result, orders: [order("faulted")] });
  assert.match(right, /exactly once\. 1\.3 s\./);
  assert.match(wrong, /unfinished +1/);
  assert.doesNotMatch(wrong, /exactly once/);
});
