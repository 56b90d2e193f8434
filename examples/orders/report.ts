/** What the demonstration found: the books of the shop against the orders, as a table. */
import type { Instance } from "@millrace/sdk";
import type { Kill } from "./server-process.ts";
import { EFFECTS, type Effect, type Shop } from "./shop.ts";

export interface Result {
  readonly orders: readonly Instance[];
  readonly shop: Shop;
  readonly kills: readonly Kill[];
  readonly seconds: number;
}

type Outcome = "fulfilled" | "compensated";

/** Effects that an order has when it ends this way: each exactly once, and no other. */
const EXPECTED: Readonly<Record<Outcome, readonly Effect[]>> = {
  fulfilled: ["reservations", "charges", "packages", "notifications"],
  compensated: ["reservations", "packages", "unpackings", "releases", "notifications"],
};

/** One line for everything that is not as it must be; none when all is well. */
export function faults({ orders, shop }: Result): readonly string[] {
  return orders.flatMap((instance) => {
    const { order } = instance.input as { readonly order: number };
    const outcome = outcomeOf(instance);
    if (outcome === undefined) return [`order ${order} (${instance.id}) is ${instance.status}`];
    return EFFECTS.flatMap((effect) => {
      const times = shop.applied[effect].get(order) ?? 0;
      const expected = EXPECTED[outcome].includes(effect) ? 1 : 0;
      return times === expected
        ? []
        : [`order ${order} (${outcome}): ${effect} ${times} times instead of ${expected}`];
    });
  });
}

export function report(result: Result): string {
  const { orders, shop, kills, seconds } = result;
  const count = (outcome: Outcome): number =>
    orders.filter((order) => outcomeOf(order) === outcome).length;
  const found = faults(result);
  return [
    "",
    columns([
      ["orders", String(orders.length)],
      ["  fulfilled", String(count("fulfilled"))],
      ["  compensated", `${count("compensated")}   (card declined: unpacked and released)`],
      ["  unfinished", String(orders.length - count("fulfilled") - count("compensated"))],
    ]),
    "",
    effectTable(shop),
    "",
    ...kills.map(
      ({ what, backAfter }) => `SIGKILL of ${what}: back after ${(backAfter / 1_000).toFixed(1)} s`,
    ),
    "",
    ...found.slice(0, 20),
    found.length === 0
      ? `Every order finished, every effect happened exactly once. ${seconds.toFixed(1)} s.`
      : `${found.length} things are wrong. ${seconds.toFixed(1)} s.`,
  ].join("\n");
}

function effectTable(shop: Shop): string {
  const rows = EFFECTS.map((effect) => {
    const { requests, overloaded, answersLost, repeated } = shop.tallies[effect];
    const times = [...shop.applied[effect].values()];
    const most = Math.max(0, ...times);
    const applied = times.reduce((sum, each) => sum + each, 0);
    return [effect, times.length, applied, most, requests, overloaded, answersLost, repeated].map(
      String,
    );
  });
  const headings = ["at the shop", "orders", "applied", "most per order"];
  return columns([[...headings, "requests", "refused", "answer lost", "repeated"], ...rows]);
}

/** The first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => {
          const width = widths[at] ?? 0;
          return at === 0 || row.length === 2 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}

function outcomeOf({ status, output }: Instance): Outcome | undefined {
  if (status !== "completed") return undefined;
  const { outcome } = output as { readonly outcome?: string };
  return outcome === "fulfilled" || outcome === "compensated" ? outcome : undefined;
}
