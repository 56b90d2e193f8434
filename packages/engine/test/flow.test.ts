import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "@millrace/language";
import { simulate, workflow } from "@millrace/testkit";

/** Runs and expects completion with this output. */
function gives(tasks: string, input: Json, output: Json, rest = ""): void {
  const { state } = simulate(workflow(tasks, rest), { input });
  assert.equal(state.status, "completed", JSON.stringify(state.error));
  assert.deepEqual(state.output, output);
}

test("tasks run in order and each gives its output to the next", () => {
  gives("- a: { set: { n: 1 } }\n- b: { set: { n: '${ .n + 1 }' } }", {}, { n: 2 });
});

test("then jumps to a task, ends the workflow, or leaves the list", () => {
  const tasks = `
- a: { set: { s: a }, then: c }
- b: { set: { s: '\${ .s + "b" }' }, then: end }
- c: { set: { s: '\${ .s + "c" }' }, then: b }`;
  gives(tasks, {}, { s: "acb" });
  const nested = `
- outer:
    do:
      - x: { set: { s: x }, then: exit }
      - y: { set: { s: never } }
- after: { set: { s: '\${ .s + "!" }' } }`;
  gives(nested, {}, { s: "x!" });
  gives(nested.replace("exit", "end"), {}, { s: "x" });
});

test("a task whose if does not hold is skipped with its directive, and passes its input on", () => {
  const tasks =
    "- a: { if: .go, set: { went: true }, then: end }\n- b: { set: { last: '${ . }' } }";
  gives(tasks, { go: false }, { last: { go: false } });
  gives(tasks, { go: true }, { went: true });
});

test("switch takes the first case that holds, then the default, then its own then", () => {
  const tasks = `
- pick:
    switch:
      - other: { then: dflt }
      - big: { when: .n > 10, then: big }
      - small: { when: .n > 0, then: small }
- dflt: { set: { is: default }, then: end }
- big: { set: { is: big }, then: end }
- small: { set: { is: small }, then: end }`;
  gives(tasks, { n: 50 }, { is: "big" });
  gives(tasks, { n: 5 }, { is: "small" });
  gives(tasks, { n: -5 }, { is: "default" });
});

test("for gives each item and index, feeds outputs on, and stops when while fails", () => {
  const tasks = `
- loop:
    for: { each: x, in: .xs, at: i }
    while: $x < 30
    do:
      - add: { set: '\${ { xs: .xs, sum: ((.sum // 0) + $x), last: $i } }' }`;
  gives(tasks, { xs: [10, 20, 30, 40] }, { xs: [10, 20, 30, 40], sum: 30, last: 1 });
  gives(tasks, { xs: [] }, { xs: [] });
});

test("nested loops see each other's variables", () => {
  const tasks = `
- outer:
    for: { each: a, in: '[1, 2]' }
    do:
      - inner:
          for: { each: b, in: '[10, 20]' }
          do:
            - add: { set: { seen: '\${ (.seen // []) + [$a * $b] }' } }`;
  gives(tasks, {}, { seen: [10, 20, 20, 40] });
});

test("fork joins in declared order; competing it gives the first", () => {
  const branches = `
      branches:
        - one: { set: { v: 1 } }
        - two: { set: { v: 2 } }`;
  gives(`- f:\n    fork:${branches}`, {}, [{ v: 1 }, { v: 2 }]);
  gives(`- f:\n    fork:\n      compete: true${branches}`, {}, { v: 1 });
});

test("the eleven data-flow steps happen in order", () => {
  const rest = `
input: { schema: { document: { type: object, required: [user] } }, from: .user }
output: { as: '{ result: ., context: $context, raw: $workflow.input }' }`;
  const tasks = `
- a:
    input: { from: .name }
    set: { hello: '\${ . }', same: '\${ $input }' }
    output: { as: '.hello + "!"' }
    export: { as: '{ was: $output, input: $input }' }`;
  const input = { user: { name: "Ada" } };
  const context = { was: "Ada!", input: "Ada" };
  gives(tasks, input, { result: "Ada!", context, raw: input }, rest);
  const { state } = simulate(workflow(tasks, rest), { input: {} });
  assert.equal(state.status, "faulted");
  assert.match(state.error?.type ?? "", /\/validation$/);
});

test("descriptors tell the task, the workflow and the runtime", () => {
  const tasks =
    "- look: { set: { t: '${ $task.reference }', w: '${ $workflow.id }', r: '${ $runtime.name }', at: '${ $task.startedAt.iso8601 }' } }";
  gives(tasks, {}, { t: "/do/0/look", w: "I", r: "simulated", at: "2026-01-01T00:00:00.000Z" });
});

test("a function runs with its arguments as input", () => {
  const rest = "use: { functions: { double: { set: { twice: '${ .n * 2 }' } } } }";
  gives("- d: { call: double, with: { n: '${ .x }' } }", { x: 21 }, { twice: 42 }, rest);
});

test("extensions run around a task, and exit bypasses it", () => {
  const log = `use: { extensions: [ { log: { extend: set, before: [ { b: { emit: { event: { with: { type: b } } } } } ], after: [ { a: { emit: { event: { with: { type: a } } } } } ] } } ] }`;
  const seen = simulate(workflow("- s: { set: { x: 1 } }", log));
  assert.deepEqual(seen.state.output, { x: 1 });
  const types = seen.effects.flatMap((e) => (e.kind === "event.emit" ? [e.event.type] : []));
  assert.deepEqual(types, ["b", "a"]);
  const mock = `use: { extensions: [ { mock: { extend: call, when: '$task.call == "http"', before: [ { i: { set: { mocked: true }, then: exit } } ] } } ] }`;
  const mocked = simulate(
    workflow("- c: { call: http, with: { method: get, endpoint: http://h/ } }", mock),
  );
  assert.deepEqual(mocked.state.output, { mocked: true });
  assert.equal(mocked.effects.length, 0);
});

test("emit gives the event with its required attributes", () => {
  const { state, effects } = simulate(
    workflow("- e: { emit: { event: { with: { type: t, data: { n: '${ .n }' } } } } }"),
    { input: { n: 1 } },
  );
  const event = {
    specversion: "1.0",
    id: "I-2",
    source: "/test/simulated/1.0.0",
    time: "2026-01-01T00:00:00.000Z",
    datacontenttype: "application/json",
    type: "t",
    data: { n: 1 },
  };
  assert.deepEqual(state.output, event);
  assert.deepEqual(effects, [{ kind: "event.emit", event, occurrence: "2", since: 0 }]);
});

test("an endless loop without waiting ends with a clear error", () => {
  const { state } = simulate(
    workflow("- a: { set: { n: 1 }, then: b }\n- b: { set: { n: 2 }, then: a }"),
  );
  assert.equal(state.status, "faulted");
  assert.match(state.error?.detail ?? "", /endless loop/);
});
