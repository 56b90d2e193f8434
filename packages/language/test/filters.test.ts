/** Event filters: what a definition's filters are compiled to, and the same ones compiled again where events arrive. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compileEventFilter,
  deepEqual,
  type EventFilterNode,
  formatIssue,
  type Json,
  type JsonObject,
  load,
  type Program,
  type SharedEventFilter,
} from "@millrace/language";

const context = { now: 0 };

function program(definition: JsonObject): Program {
  const document = { dsl: "1.0.3", namespace: "test", name: "filters", version: "1.0.0" };
  const loaded = load(JSON.stringify({ document, ...definition }));
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.issues.map(formatIssue).join("\n"));
  return loaded.program;
}

function node(filter: JsonObject, rest: JsonObject = {}): EventFilterNode {
  const { eventFilters } = program({ ...rest, do: [{ l: { listen: { to: { one: filter } } } }] });
  const [only] = eventFilters;
  assert.ok(only && eventFilters.length === 1);
  return only;
}

/** The filter as it is compiled from what is stored. */
function shared(filter: JsonObject, rest: JsonObject = {}): SharedEventFilter {
  return compileEventFilter(JSON.parse(JSON.stringify(node(filter, rest).definition)));
}

function event(more: JsonObject): JsonObject {
  return { specversion: "1.0", id: "1", source: "/s", type: "t", ...more };
}

function passes(asked: JsonObject, given: JsonObject): boolean {
  return shared({ with: asked }).passes(event(given), context);
}

test("an attribute passes by its value, of any type", () => {
  const cases: readonly (readonly [Json, Json, boolean])[] = [
    ["a", "a", true],
    ["a", "ab", false],
    [3, 3, true],
    [3, "3", false],
    [{ a: [1, { b: null }] }, { a: [1, { b: null }] }, true],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [false, false, true],
    ["/orders/", "/orders/", true],
    ["/orders/", "/orders/2", false],
    ["//", "//", true],
  ];
  for (const [asked, given, expected] of cases)
    for (const name of ["data", "extra", "subject"])
      if (name !== "subject" || typeof asked === "string")
        assert.equal(passes({ [name]: asked }, { [name]: given }), expected, JSON.stringify(asked));
  assert.ok(deepEqual(node({ with: { type: "t" } }).definition, { with: { type: "t" } }));
});

test("text in slashes is a pattern when a special character is in it", () => {
  assert.ok(passes({ type: "/^com\\.example\\.(a|b)$/" }, { type: "com.example.b" }));
  assert.ok(!passes({ type: "/^com\\.example\\.(a|b)$/" }, { type: "com-example.b" }));
  assert.ok(passes({ source: "/orders/.*/items/" }, { source: "/eu/orders/7/items" }));
  assert.ok(!passes({ extra: "/1+/" }, { extra: 11 }));
  // A pattern that takes a backtracking matcher for ever has not been shown to match.
  assert.ok(!passes({ subject: "/^(a+)+$/" }, { subject: `${"a".repeat(5_000)}b` }));
});

test("an expression decides by true and false, and otherwise gives the value", () => {
  assert.ok(passes({ data: "${ .bpm < 60 or .bpm > 100 }" }, { data: { bpm: 101 } }));
  assert.ok(!passes({ data: "${ .bpm < 60 or .bpm > 100 }" }, { data: { bpm: 80 } }));
  assert.ok(passes({ subject: '${ "a" + "b" }' }, { subject: "ab" }));
  assert.ok(passes({ subject: "a-${ 1 + 1 }" }, { subject: "a-2" }));
  assert.ok(passes({ data: { n: "${ 1 + 1 }" } }, { data: { n: 2 } }));
  assert.ok(!passes({ data: { n: "${ true }" } }, { data: { n: 2 } }));
  // Events of another shape come by.
  assert.ok(!passes({ data: "${ .n.m > 1 }" }, { data: "text" }));
});

test("an attribute that is not there does not pass", () => {
  assert.ok(!passes({ subject: "${ true }" }, {}));
  assert.ok(!passes({ data: "${ . == null }" }, { data_base64: "AA==" }));
  assert.ok(passes({ data: "${ . == null }" }, { data: null }));
});

test("what depends on an instance passes where no instance is known", () => {
  const filter = { with: { type: "t", subject: "${ $input.id }", data: "${ . > $context.n }" } };
  const compiled = shared(filter);
  assert.ok(compiled.passes(event({ subject: "other", data: 1 }), context));
  assert.ok(!compiled.passes(event({ data: 1 }), context));
  assert.ok(!compiled.passes(event({ type: "u", subject: "other", data: 1 }), context));
  const [, subject] = node(filter).attributes;
  assert.deepEqual(subject?.uses, ["input"]);
  assert.ok(subject?.test("a", { input: { id: "a" } }, context));
  assert.ok(!subject?.test("b", { input: { id: "a" } }, context));
});

test("the variables of a loop around the task are known where the filter is compiled again", () => {
  const { eventFilters } = program({
    do: [
      {
        f: {
          for: { each: "order", in: "[1]" },
          do: [{ l: { listen: { to: { one: { with: { data: "${ .id == $order }" } } } } } }],
        },
      },
    ],
  });
  const definition = eventFilters[0]?.definition ?? {};
  assert.deepEqual(definition.variables, ["order"]);
  assert.ok(compileEventFilter(definition).passes(event({ data: { id: 2 } }), context));
});

test("a name bound by the expression itself depends on no instance", () => {
  assert.ok(!passes({ data: "${ . as $n | $n > 3 }" }, { data: 2 }));
});

test("type and source are told when only one value passes", () => {
  const { type, source } = node({ with: { type: "t", source: "/s" } });
  assert.deepEqual([type, source], ["t", "/s"]);
  const open = node({ with: { type: "/t.*/", source: "${ $input.s }" } });
  assert.deepEqual([open.type, open.source], [undefined, undefined]);
  assert.equal(shared({ with: { type: "t", id: "1" } }).type, "t");
});

test("correlation values are taken from the event, all of them or none", () => {
  const correlate = { who: { from: ".data.who" }, at: { from: "${ .subject }", expect: "x" } };
  const compiled = shared({ with: { type: "t" }, correlate });
  const given = event({ subject: "here", data: { who: { id: 7 } } });
  assert.deepEqual(compiled.keys(given, context), { who: { id: 7 }, at: "here" });
  assert.equal(compiled.keys(event({ subject: "here", data: {} }), context), undefined);
  assert.equal(compiled.keys(event({ subject: "here", data: "text" }), context), undefined);
  assert.deepEqual(shared({ with: { type: "t" } }).keys(given, context), {});
});

test("equal filters have one id, whatever the order of their parts and what they expect", () => {
  const id = (filter: JsonObject, rest?: JsonObject): string => node(filter, rest).id;
  const one = { with: { type: "t", data: { a: 1, b: 2 } }, correlate: { w: { from: ".a" } } };
  const same = {
    correlate: { w: { from: ".a", expect: "${ $input }" } },
    with: { data: { b: 2, a: 1 }, type: "t" },
  };
  assert.equal(id(one), id(same));
  assert.match(id(one), /^[0-9a-f]{16}$/);
  const others = [
    { with: { type: "u" } },
    { with: { type: "t" } },
    { with: { type: "t" }, correlate: { w: { from: ".a" } } },
    { with: { type: "t" }, correlate: { w: { from: ".b" } } },
    { with: { type: "t" }, correlate: { v: { from: ".b" } } },
  ];
  assert.equal(new Set(others.map((each) => id(each))).size, others.length);
  const loose = { evaluate: { mode: "loose" } };
  assert.notEqual(id({ with: { data: ".n > 1" } }), id({ with: { data: ".n > 1" } }, loose));
});

test("in loose mode every string is tried as an expression, there and where events arrive", () => {
  const compiled = shared(
    { with: { type: "com.example", data: ".n > 1" } },
    { evaluate: { mode: "loose" } },
  );
  assert.equal(compiled.type, "com.example");
  assert.ok(compiled.passes(event({ type: "com.example", data: { n: 2 } }), context));
  assert.ok(!compiled.passes(event({ type: "com.example", data: { n: 1 } }), context));
});

test("any event at all has a filter too, and every distinct filter is listed once", () => {
  const a = { with: { type: "a" } };
  const stop = { with: { type: "stop" } };
  const { eventFilters, schedule, tasks } = program({
    schedule: { on: { all: [a, { with: { type: "b" } }] }, read: "envelope" },
    do: [
      { l: { listen: { to: { any: [], until: { one: stop } } } } },
      { m: { listen: { to: { any: [a], until: ". | length > 2" } } } },
    ],
  });
  assert.equal(schedule?.read, "envelope");
  assert.deepEqual(
    schedule.on?.filters.map(({ type }) => type),
    ["a", "b"],
  );
  assert.deepEqual(
    eventFilters.map(({ definition }) => JSON.stringify(definition.with)).toSorted(),
    ['{"type":"a"}', '{"type":"b"}', '{"type":"stop"}', "{}"],
  );
  const [listen] = tasks;
  assert.ok(listen?.kind === "listen" && listen.to.kind === "any");
  assert.ok(compileEventFilter(listen.to.filters[0]?.definition ?? {}).passes(event({}), context));
});

test("what is no definition of a filter is refused", () => {
  assert.throws(() => compileEventFilter({}), /not an event filter/);
  assert.throws(() => compileEventFilter({ with: { data: "${ [ }" } }), /not an event filter/);
});
