/** `call: worker`: what a definition may say, and what it is told when it may not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "@millrace/language";

const HEAD = "document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }\n";

function issues(arguments_: string, head = HEAD): readonly string[] {
  const loaded = load(`${head}do: [ { w: { call: worker${arguments_} } } ]`);
  return loaded.ok ? [] : loaded.issues.map(({ path, message }) => `${path}: ${message}`);
}

test("a call of a worker is one of a protocol, with its arguments as a template", () => {
  const loaded = load(
    `${HEAD}do: [ { w: { call: worker, with: { function: resize, arguments: { a: '\${ .b }' }, lease: { minutes: 2 } } } } ]`,
  );
  assert.ok(loaded.ok);
  const node = loaded.program.nodes.get("/do/0/w");
  assert.ok(node?.kind === "call" && node.call === "worker");
  const evaluated = node.with.evaluate({ b: 1 }, {}, { now: 0 });
  assert.deepEqual(evaluated, {
    function: "resize",
    arguments: { a: 1 },
    lease: { minutes: 2 },
  });
});

test("what cannot be a call of a worker is said where it stands", () => {
  assert.deepEqual(issues(""), ["do[0].w.with.function: required"]);
  assert.deepEqual(issues(", with: { function: f, timeout: PT1S }"), [
    "do[0].w.with.timeout: unknown property",
  ]);
  for (const [given, place, message] of [
    ["function: 'a b'", "function", /a name of letters.*got "a b"/],
    ["function: f, pool: ''", "pool", /a name of letters/],
    ["function: f, lease: soon", "lease", /an ISO 8601 duration/],
    ["function: f, lease: PT0.5S", "lease", /a lease lasts from 1 second to 1 hour/],
    ["function: f, lease: PT2H", "lease", /a lease lasts from 1 second to 1 hour/],
  ] as const) {
    const [issue = "", ...others] = issues(`, with: { ${given} }`);
    assert.deepEqual(others, []);
    assert.ok(issue.startsWith(`do[0].w.with.${place}: `), issue);
    assert.match(issue, message);
  }
});

test("names and leases may be expressions", () => {
  const given = "function: '${ .f }', pool: '${ .p }', lease: '${ .l }'";
  assert.deepEqual(issues(`, with: { ${given} }`), []);
});

test("a function of the name keeps its meaning", () => {
  const head = `${HEAD}use: { functions: { worker: { set: { own: '\${ .x }' } } } }\n`;
  assert.deepEqual(issues(", with: { x: 1 }", head), []);
  const loaded = load(`${head}do: [ { w: { call: worker, with: { x: 1 } } } ]`);
  assert.ok(loaded.ok);
  assert.equal(loaded.program.nodes.get("/do/0/w")?.kind, "function");
});

test("names are names also where every string is tried as jq", () => {
  const head = `${HEAD}evaluate: { mode: loose }\n`;
  const loaded = load(
    `${head}do: [ { w: { call: worker, with: { function: length, arguments: .a } } } ]`,
  );
  assert.ok(loaded.ok);
  const node = loaded.program.nodes.get("/do/0/w");
  assert.ok(node?.kind === "call");
  assert.deepEqual(node.with.evaluate({ a: 3 }, {}, { now: 0 }), {
    function: "length",
    arguments: 3,
  });
});
