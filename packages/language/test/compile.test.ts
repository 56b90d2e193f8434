/** What a definition becomes: nodes, references, resolved names, flows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compile,
  DefinitionError,
  type Json,
  load,
  type Program,
  type TaskNode,
} from "@millrace/language";

const HEAD = "document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }\n";
const context = { now: 0 };

function program(text: string): Program {
  const loaded = load(HEAD + text);
  assert.ok(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.issues));
  return loaded.program;
}
function node<K extends TaskNode["kind"]>(
  from: Program,
  reference: string,
  kind: K,
): Extract<TaskNode, { kind: K }> {
  const found = from.nodes.get(reference);
  assert.equal(found?.kind, kind, `${reference} of ${[...from.nodes.keys()].join(" ")}`);
  return found as Extract<TaskNode, { kind: K }>;
}

test("every task has a reference of its own, escaped as JSON Pointers are", () => {
  const compiled = program(`
use:
  functions: { f: { set: { a: 1 } } }
  extensions: [ { log: { extend: set, before: [ { b: { wait: PT1S } } ] } } ]
do:
  - x: { do: [ { y: { set: { a: 1 } } } ] }
  - loop: { for: { in: .a }, do: [ { y: { set: { a: 1 } } } ] }
  - race: { fork: { branches: [ { y: { set: { a: 1 } } } ] } }
  - safe: { try: [ { y: { set: { a: 1 } } } ], catch: { do: [ { z: { set: { a: 1 } } } ] } }
  - a/b~c: { call: f }
`);
  assert.deepEqual([...compiled.nodes.keys()].sort(), [
    "/do/0/x",
    "/do/0/x/do/0/y",
    "/do/1/loop",
    "/do/1/loop/do/0/y",
    "/do/2/race",
    "/do/2/race/fork/branches/0/y",
    "/do/3/safe",
    "/do/3/safe/catch/do/0/z",
    "/do/3/safe/try/0/y",
    "/do/4/a~1b~0c",
    "/use/extensions/0/log/before/0/b",
    "/use/functions/f",
  ]);
  for (const [reference, task] of compiled.nodes) assert.equal(task.reference, reference);
});

test("flows become indices; switch, catch and task share one list", () => {
  const compiled = program(`
do:
  - choose: { switch: [ { a: { when: .x, then: last } }, { b: { then: exit } } ] }
  - safe: { try: [ { t: { set: { a: 1 }, then: end } } ], catch: { then: choose } }
  - last: { set: { a: 1 }, then: continue }
`);
  const { cases } = node(compiled, "/do/0/choose", "switch");
  assert.deepEqual(
    cases.map((one) => one.then),
    [{ kind: "task", index: 2 }, { kind: "exit" }],
  );
  assert.deepEqual(node(compiled, "/do/1/safe", "try").catch.then, { kind: "task", index: 0 });
  assert.deepEqual(node(compiled, "/do/1/safe/try/0/t", "set").then, { kind: "end" });
});

test("names of `use` are replaced by what they stand for", () => {
  const compiled = program(`
use:
  errors: { broken: { type: 'http://serverlessworkflow.io/dsl/errors/types/timeout', status: 500 } }
  timeouts: { short: { after: { seconds: 3 } } }
  retries: { slow: { delay: PT2S, backoff: { linear: {} }, limit: { attempt: { count: 4 } } } }
  authentications: { shop: { basic: { username: u, password: '\${ .p }' } } }
do:
  - get:
      call: http
      with: { method: get, endpoint: { uri: 'https://x/{id}', authentication: { use: shop } }, body: { authentication: { use: mine } } }
      timeout: short
  - safe: { try: [ { t: { raise: { error: broken } } } ], catch: { retry: slow } }
timeout: short
`);
  assert.deepEqual(compiled.timeout, { kind: "constant", milliseconds: 3000 });
  const call = node(compiled, "/do/0/get", "call");
  assert.deepEqual(call.timeout, { kind: "constant", milliseconds: 3000 });
  assert.deepEqual(call.with.evaluate({ p: "secret" }, {}, context), {
    method: "get",
    endpoint: {
      uri: "https://x/{id}",
      authentication: { basic: { username: "u", password: "secret" } },
    },
    // What only looks like a reference is the user's data.
    body: { authentication: { use: "mine" } },
  });
  const raised = node(compiled, "/do/1/safe/try/0/t", "raise").error.constant as { type: string };
  assert.equal(raised.type, "https://open-workflow-specification.org/spec/1.0.0/errors/timeout");
  const { retry } = node(compiled, "/do/1/safe", "try").catch;
  assert.equal(retry?.backoff, "linear");
  assert.deepEqual(retry?.delay, { kind: "constant", milliseconds: 2000 });
  assert.equal(retry?.limit.attemptCount, 4);
});

test("loops and catches bring their variables to the tasks inside, and only there", () => {
  const compiled = program(`
do:
  - loop:
      for: { each: pet, at: i, in: '[1]' }
      while: $pet > $i
      do:
        - safe:
            try: [ { t: { set: { a: '\${ [$pet, $i, $context] }' } } } ]
            catch: { as: e, when: '$e.status == $pet', retry: { when: '$e.title' }, do: [ { u: { set: { a: '\${ $e }' } } } ] }
`);
  const inner = node(compiled, "/do/0/loop/do/0/safe/try/0/t", "set").value;
  assert.deepEqual([...inner.uses].sort(), ["context", "i", "pet"]);
  assert.deepEqual(inner.evaluate(null, { pet: 1, i: 0, context: {} }, context), { a: [1, 0, {}] });
  const outside = load(
    `${HEAD}do:\n  - l: { for: { in: '[1]' }, do: [] }\n  - b: { set: { a: '\${ $item }' } }\n`,
  );
  assert.ok(!outside.ok && outside.issues[0]?.code === "variable");
  const notYet = load(
    `${HEAD}do:\n  - a: { try: [ { t: { set: { a: '\${ $error }' } } } ], catch: {} }\n`,
  );
  assert.ok(!notYet.ok && /unknown variable \$error/.test(notYet.issues[0]?.message ?? ""));
});

test("extensions are attached by kind, never inside extensions", () => {
  const compiled = program(`
use:
  functions: { f: { call: http, with: { method: get, endpoint: https://x } } }
  extensions:
    - every: { extend: all, before: [ { b: { call: f } } ] }
    - calls: { extend: call, after: [ { c: { set: { a: 1 } } } ] }
do:
  - a: { do: [ { s: { set: { a: 1 } } } ] }
  - c: { call: f }
`);
  const names = (reference: string): readonly string[] =>
    (compiled.nodes.get(reference)?.extensions ?? []).map(({ name }) => name);
  assert.deepEqual(names("/do/0/a"), ["every"]);
  assert.deepEqual(names("/do/1/c"), ["every", "calls"]);
  assert.deepEqual(names("/use/functions/f"), ["every", "calls"]);
  assert.deepEqual(names("/use/extensions/0/every/before/0/b"), []);
  // A function called from an extension is a copy that is not extended: it would run itself for ever.
  const called = node(compiled, "/use/extensions/0/every/before/0/b", "function").task;
  assert.equal(called.reference, "/use/extensions/0/every/before/0/b/call");
  assert.deepEqual(names(called.reference), []);
});

test("what is valid but not run yet says so", () => {
  const compiled = program(`
use: { catalogs: { shared: { endpoint: https://x } } }
do:
  - b: { call: 'log:1.0.0@shared' }
  - c: { call: https://x/function.yaml }
`);
  const features = compiled.tasks.map((task) => (task.kind === "unsupported" ? task.feature : ""));
  assert.deepEqual(features, ["call log:1.0.0@shared", "call https://x/function.yaml"]);
});

test("a child workflow's arguments are not the task's own input", () => {
  const compiled = program(`
do:
  - run:
      input: { from: .order }
      run: { workflow: { namespace: n, name: w, version: '1.0.0', input: { id: '\${ .id }' } }, await: false }
`);
  const child = node(compiled, "/do/0/run", "workflow");
  assert.deepEqual(child.arguments?.evaluate({ id: 7 }, {}, context), { id: 7 });
  assert.deepEqual(child.input?.transform?.evaluate({ order: 1 }, {}, context), 1);
  assert.equal(child.await, false);
});

test("compile throws every issue at once", () => {
  const broken: Json = {
    document: {},
    do: [{ a: { call: "nobody" } }, { b: { set: 1, then: "x" } }],
  };
  assert.throws(
    () => compile(broken),
    (error) => {
      assert.ok(error instanceof DefinitionError);
      return error.issues.length === 2;
    },
  );
});

test("limits: number of tasks, depth of tasks", () => {
  const refusal = (text: string): string => {
    const loaded = load(HEAD + text);
    return loaded.ok ? "" : (loaded.issues[0]?.message ?? "");
  };
  const many = Array.from({ length: 5001 }, (_, index) => `  - t${index}: { set: { a: 1 } }`);
  assert.match(refusal(`do:\n${many.join("\n")}\n`), /more than 5000 tasks/);
  const nested = (depth: number): string =>
    depth === 0 ? "{ set: { a: 1 } }" : `{ do: [ { a: ${nested(depth - 1)} } ] }`;
  assert.equal(refusal(`do: [ { a: ${nested(63)} } ]`), "");
  assert.match(refusal(`do: [ { a: ${nested(64)} } ]`), /deeper than 64/);
});

test("the priority of a workflow is one of P0 to P4", () => {
  const of = (metadata: string) =>
    load(
      `document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0', metadata: ${metadata} }\ndo: [ { x: { set: { a: 1 } } } ]`,
    );
  const priority = (metadata: string): number | undefined => {
    const loaded = of(metadata);
    assert.ok(loaded.ok);
    return loaded.program.priority;
  };
  assert.equal(priority("{ millrace: { priority: P0 } }"), 0);
  assert.equal(priority("{ millrace: { priority: P4 } }"), 4);
  assert.equal(priority("{ millrace: {} }"), undefined);
  assert.equal(priority("{ other: { priority: P9 } }"), undefined);
  for (const written of ["P5", "p1", "1", "high", "[P1]", "null", "''"]) {
    const loaded = of(`{ millrace: { priority: ${written} } }`);
    assert.ok(!loaded.ok, written);
    const [issue] = loaded.issues;
    assert.equal(issue?.path, "document.metadata.millrace.priority");
    assert.match(issue.message, /is no priority: expected P0 \(first\), P1, P2, P3 or P4 \(last\)/);
  }
});
