/** Strings in definitions: what is an expression, what is text, what happens when one fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ExpressionError,
  type Json,
  load,
  resolveDuration,
  type Template,
} from "@millrace/language";

const context = { now: 1_700_000_000_000 };

interface Options {
  readonly mode?: "strict" | "loose";
}

function definition(task: Json, { mode = "strict" }: Options = {}): string {
  return JSON.stringify({
    document: { dsl: "1.0.3", namespace: "a", name: "b", version: "1.0.0" },
    evaluate: { mode },
    do: [{ a: task }],
  });
}
/** The template of `set: { v: text }`. */
function templateOf(text: Json, options?: Options): Template {
  const loaded = load(definition({ set: { v: text } }, options));
  assert.ok(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.issues));
  const [task] = loaded.program.tasks;
  assert.ok(task?.kind === "set");
  return task.value;
}
function value(text: Json, input: Json = null, options?: Options): unknown {
  return (templateOf(text, options).evaluate(input, {}, context) as { v: unknown }).v;
}
function problem(task: Json): string {
  const loaded = load(definition(task));
  assert.ok(!loaded.ok);
  return loaded.issues[0]?.message ?? "";
}

test("strict: a whole expression gives any value, one among text is interpolated", () => {
  assert.deepEqual(value("${ .a }", { a: [1] }), [1]);
  assert.deepEqual(value("  ${ .a }\n", { a: true }), true);
  assert.equal(value("x ${ .a } y ${ .b }", { a: "s", b: { c: null } }), 'x s y {"c":null}');
  assert.equal(value("${ .a }${ .a }", { a: 1 }), "11");
  assert.equal(value(".a", { a: 1 }), ".a");
  assert.equal(value("$5 {x}", null), "$5 {x}");
});

test("strict: braces inside jq strings, interpolations, objects and comments do not end an expression", () => {
  assert.equal(value('${ "}" }'), "}");
  assert.equal(value('${ "a\\("}" + "{")b" }'), "a}{b");
  assert.equal(value('${ "\\"}" }'), '"}');
  assert.deepEqual(value("${ {a: {b: 1}} }"), { a: { b: 1 } });
  assert.equal(value("${ 1 # }\n}"), 1);
  assert.equal(value('${ "${" }'), "${");
});

test("what an expression gives is data, and never evaluated again", () => {
  assert.equal(value("${ .a }", { a: "${ 1 + 1 }" }), "${ 1 + 1 }");
  assert.equal(value("<${ .a }>", { a: "${ .b }", b: 1 }), "<${ .b }>");
});

test("templates keep what is constant, and say which names they use", () => {
  assert.deepEqual(templateOf({ a: [1, "x"] }).constant, { v: { a: [1, "x"] } });
  assert.deepEqual(templateOf(["${ $context.a }", "${ $input }"]).uses, ["context", "input"]);
  assert.deepEqual(templateOf("${ . as $x | $x }").uses, []);
  assert.equal(value("${ now }"), 1_700_000_000);
});

test("no output is null, and a failure names the expression", () => {
  assert.equal(value("${ empty }"), null);
  assert.throws(
    () => value('${ error("no") }'),
    (error) => error instanceof ExpressionError && /no \(in `error\("no"\)`\)/.test(error.message),
  );
  assert.throws(() => value("${ [limit(100000000; repeat(1))] }"), ExpressionError);
});

test("loose: any string is tried as jq, and is itself when that fails", () => {
  const loose: Options = { mode: "loose" };
  assert.equal(value(".a", { a: 1 }, loose), 1);
  assert.equal(value("${ .a }", { a: 1 }, loose), 1);
  assert.equal(value("n: ${ .a }", { a: 1 }, loose), "n: 1");
  assert.equal(value("hello world", null, loose), "hello world");
  assert.equal(value("no_such_function", null, loose), "no_such_function");
  assert.equal(value(".a.b", { a: 1 }, loose), ".a.b");
  assert.equal(value("", null, loose), "");
  assert.equal(value("https://h/{id}", null, loose), "https://h/{id}");
});

test("issues of expressions point into the text", () => {
  const text = [
    "document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }",
    "do:",
    "  - a:",
    "      if: .ok and $missing",
    "      set:",
    '        v: "hello ${ .a } ${ $contxt }"',
  ].join("\n");
  const loaded = load(text, { file: "a.yaml" });
  assert.ok(!loaded.ok);
  const [first, second] = loaded.issues;
  assert.deepEqual([first?.line, first?.column, first?.code], [4, 19, "variable"]);
  assert.deepEqual([second?.line, second?.column], [6, 30]);
  assert.match(second?.message ?? "", /\$contxt \(did you mean "\$context"\?\)/);
});

test("an unclosed expression is refused, but a shell keeps its own", () => {
  assert.match(problem({ set: { v: "a ${ .b" } }), /not closed/);
  const shell = {
    run: { shell: { command: "echo ${ ${HOME} ${X:-y} ${ .n }", arguments: ["${ .n }"] } },
  };
  const loaded = load(definition(shell));
  assert.ok(loaded.ok);
  const [task] = loaded.program.tasks;
  assert.ok(task?.kind === "process");
  assert.deepEqual(task.with.evaluate({ n: 2 }, {}, context), {
    command: "echo ${ ${HOME} ${X:-y} ${ .n }",
    arguments: [2],
  });
  assert.match(problem({ run: { shell: { command: "ls", arguments: ["${HOME}"] } } }), /HOME/);
});

test("durations: constants are folded, expressions resolved later", () => {
  const wait = (given: Json) => {
    const loaded = load(definition({ wait: given }));
    assert.ok(loaded.ok);
    const [task] = loaded.program.tasks;
    assert.ok(task?.kind === "wait");
    return task.duration;
  };
  assert.deepEqual(wait("PT1.5S"), { kind: "constant", milliseconds: 1500 });
  assert.deepEqual(wait({ minutes: 1, seconds: 1 }), { kind: "constant", milliseconds: 61_000 });
  const later = wait("${ .d }");
  assert.equal(resolveDuration(later, { d: "PT2S" }, {}, context), 2000);
  assert.equal(resolveDuration(later, { d: { hours: 1 } }, {}, context), 3_600_000);
  assert.throws(() => resolveDuration(later, { d: "soon" }, {}, context), ExpressionError);
  assert.match(problem({ wait: "P1Y" }), /years and months have no fixed length/);
});

test("what an expression gives as an endpoint is no template", () => {
  const endpointOf = (endpoint: string): unknown => {
    const loaded = load(`document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }
do: [ { c: { call: http, with: { method: get, endpoint: ${endpoint} } } } ]`);
    assert.ok(loaded.ok);
    const node = loaded.program.tasks[0];
    assert.ok(node?.kind === "call");
    const given = node.with.evaluate({ u: "https://x.example/{id}", id: 1 }, {}, { now: 0 });
    return (given as { endpoint: unknown }).endpoint;
  };
  assert.equal(endpointOf("'https://x.example/{id}'"), "https://x.example/{id}");
  assert.equal(endpointOf("'${ .u }'"), "https://x.example/%7Bid%7D");
  assert.deepEqual(endpointOf("{ uri: '${ .u }' }"), { uri: "https://x.example/%7Bid%7D" });
  assert.deepEqual(endpointOf("'${ {uri: .u} }'"), { uri: "https://x.example/%7Bid%7D" });

  test("nor is it where an endpoint stands deeper in the arguments", () => {
    const calls = [
      "call: a2a, with: { method: tasks/list, server: '${ .u }' }",
      "call: a2a, with: { method: tasks/list, agentCard: { endpoint: { uri: '${ .u }' } } }",
      "call: openapi, with: { operationId: x, document: { endpoint: '${ .u }' } }",
      "call: mcp, with: { method: tools/list, transport: { http: { endpoint: '${ .u }' } } }",
    ];
    for (const call of calls) {
      const loaded = load(`document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }
do: [ { c: { ${call} } } ]`);
      assert.ok(loaded.ok, call);
      const node = loaded.program.tasks[0];
      assert.ok(node?.kind === "call");
      const given = node.with.evaluate({ u: "https://x.example/{id}" }, {}, { now: 0 });
      assert.match(JSON.stringify(given), /"https:\/\/x\.example\/%7Bid%7D"/, call);
    }
  });
});
