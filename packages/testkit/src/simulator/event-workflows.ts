/** Workflows that listen, the events that they hear of an order, and what each comes to when it has heard them. */
import { canonicalJson, type Json, type JsonObject, load } from "@millrace/language";
import type { FilterRow } from "@millrace/server/ports";
import type { SimulatedWorkflow } from "./workflows.ts";

const filter = (kind: string, expect = "${ $workflow.input.order }"): string => {
  const expected = expect === "" ? "" : `, expect: '${expect}'`;
  return `{ with: { type: com.sim.${kind} }, correlate: { order: { from: .data.order${expected} } } }`;
};
const ITEMS = `{ any: [ ${filter("item")} ], until: '\${ . | length >= 3 }' }`;
const none = (): JsonObject => ({});
/** What is heard, whatever it costs. */
const heard =
  (of: (order: Json) => Json) =>
  ({ order = null }: JsonObject) => ({ output: { all: of(order) }, effects: 0, activities: 0 });

export const LISTENING: readonly SimulatedWorkflow[] = [
  {
    name: "hears-one",
    input: none,
    outcome: heard((order) => [{ order, kind: "paid" }]),
    tasks: `
do:
  - paid: { listen: { to: { one: ${filter("paid")} } } }
  - end: { set: { all: '\${ . }' } }
`,
  },
  {
    name: "hears-all",
    input: none,
    outcome: heard(() => ["paid", "shipped"]),
    tasks: `
do:
  - both: { listen: { to: { all: [ ${filter("paid")}, ${filter("shipped")} ] } } }
  - end: { set: { all: '\${ map(.kind) | sort }' } }
`,
  },
  {
    name: "hears-pair",
    input: none,
    // Of the order whose event came first.
    outcome: heard(() => 1),
    tasks: `
do:
  - both: { listen: { to: { all: [ ${filter("paid", "")}, ${filter("shipped", "")} ] } } }
  - end: { set: { all: '\${ map(.order) | unique | length }' } }
`,
  },
  {
    name: "hears-items",
    input: none,
    outcome: heard(() => [1, 2, 3]),
    tasks: `
do:
  - items: { listen: { to: ${ITEMS} } }
  - end: { set: { all: '\${ map(.n) }' } }
`,
  },
  {
    name: "hears-each",
    input: none,
    outcome: heard(() => [1, 2, 3]),
    tasks: `
do:
  - items:
      listen: { to: ${ITEMS} }
      foreach: { do: [ { pause: { wait: PT0.3S } }, { keep: { set: '\${ $item }' } } ], output: { as: .n } }
  - end: { set: { all: '\${ . }' } }
`,
  },
  {
    name: "hears-twice",
    input: none,
    outcome: heard(() => "paid and shipped"),
    tasks: `
do:
  - paid: { listen: { to: { one: ${filter("paid")} } }, export: { as: '\${ .[0].kind }' } }
  - pause: { wait: PT0.5S }
  - shipped: { listen: { to: { one: ${filter("shipped")} } } }
  - end: { set: { all: '\${ $context + " and " + .[0].kind }' } }
`,
  },
  {
    name: "hears-both",
    input: none,
    outcome: heard(() => [["paid"], [1, 2, 3]]),
    tasks: `
do:
  - both:
      fork:
        branches:
          - paid: { listen: { to: { one: ${filter("paid")} } }, output: { as: '\${ map(.kind) }' } }
          - items: { listen: { to: ${ITEMS} }, output: { as: '\${ map(.n) }' } }
  - end: { set: { all: '\${ . }' } }
`,
  },
  {
    name: "hears-nothing",
    input: none,
    outcome: heard(() => "late"),
    tasks: `
do:
  - never:
      try: [ { hear: { listen: { to: { one: ${filter("never")} } }, timeout: { after: PT4S } } } ]
      catch: { errors: { with: { status: 408 } }, do: [ { late: { set: '\${ "late" }' } } ] }
  - end: { set: { all: '\${ . }' } }
`,
  },
];

/** Strategies of schedules: every tick; an order that is paid and shipped. */
export const ON: readonly JsonObject[] = [
  { one: { with: { type: "com.sim.tick" } } },
  {
    all: ["paid", "shipped"].map((kind) => ({
      with: { type: `com.sim.${kind}` },
      correlate: { order: { from: ".data.order" } },
    })),
  },
];

/** The filters of these definitions, as they are stored when they are applied. */
export function filtersOf(texts: readonly string[]): readonly FilterRow[] {
  const on = ON.map((strategy) => {
    const document = { dsl: "1.0.3", namespace: "sim", name: "on", version: "1.0.0" };
    return JSON.stringify({
      document,
      schedule: { on: strategy },
      do: [{ none: { set: { a: 1 } } }],
    });
  });
  return [...texts, ...on].flatMap((text) => {
    const loaded = load(text);
    if (!("program" in loaded)) throw new Error(`it does not compile: ${JSON.stringify(loaded)}`);
    return loaded.program.eventFilters.map(({ id, type, source, definition }) => ({
      tenant: "default",
      filter: id,
      ...(type === undefined ? {} : { type }),
      ...(source === undefined ? {} : { source }),
      definition: canonicalJson(definition),
    }));
  });
}
