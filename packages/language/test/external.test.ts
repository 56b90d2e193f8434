/** What a definition takes from outside: what is asked for, and what is made of what was found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionNode, Json, JsonObject, Outside } from "../src/index.ts";
import { load, parseFunctionName } from "../src/index.ts";

const LOG = "log:1.0.0@default";

function loaded(body: JsonObject, outside: Outside = {}) {
  const document = { dsl: "1.0.3", namespace: "test", name: "flow", version: "1.0.0" };
  return load(JSON.stringify({ document, ...body }), outside);
}

const calling = (call: string, more: JsonObject = {}): JsonObject => ({
  do: [{ c: { call, with: { n: 1 } } }],
  ...more,
});

function issues(body: JsonObject, outside: Outside = {}): readonly string[] {
  const result = loaded(body, outside);
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path}: ${message}`);
}

const functions = (found: Record<string, Json>): Outside => ({
  resources: Object.fromEntries(
    Object.entries(found).map(([name, content]) => [`function ${name}`, content]),
  ),
});

test("asks once for each function and schema, with where it is", () => {
  const catalogs = {
    mine: {
      endpoint: {
        uri: "https://c.example",
        authentication: { basic: { username: "u", password: "p" } },
      },
    },
  };
  const schema = { schema: { resource: { endpoint: "https://s.example/a.json" } } };
  const result = loaded({
    use: { catalogs },
    input: schema,
    do: [
      { a: { call: LOG, output: schema } },
      { b: { call: "log:2.0.0@mine" } },
      { c: { call: "https://f.example/f.yaml" } },
      { d: { call: LOG } },
    ],
  });
  assert.ok(result.ok);
  assert.deepEqual(
    result.missing.map(({ id, from }) => [
      id,
      from.kind === "default" ? "default" : from.endpoint.url,
    ]),
    [
      ["schema https://s.example/a.json", "https://s.example/a.json"],
      [`function ${LOG}`, "default"],
      ["function log:2.0.0@mine", "https://c.example"],
      ["function https://f.example/f.yaml", "https://f.example/f.yaml"],
    ],
  );
  const [, , mine] = result.missing;
  assert.ok(mine?.from.kind === "catalog");
  assert.deepEqual(mine.from.endpoint.authentication?.constant, {
    basic: { username: "u", password: "p" },
  });
});

test("a catalog called default takes the place of the host's", () => {
  const use = { catalogs: { default: { endpoint: "https://own.example" } } };
  const result = loaded(calling(LOG, { use }));
  assert.ok(result.ok);
  assert.equal(result.missing[0]?.from.kind, "catalog");
});

test("a function that was found is run by its callers", () => {
  const result = loaded(calling(LOG), functions({ [LOG]: { set: { m: "${ .n }" } } }));
  assert.ok(result.ok);
  assert.deepEqual(result.missing, []);
  const [node] = result.program.tasks as [FunctionNode];
  assert.deepEqual([node.kind, node.task.kind], ["function", "set"]);
  assert.equal(node.task.reference, `/use/functions/${LOG}`);
});

test("what a function from outside asks for is asked for in turn", () => {
  const nested = { do: [{ i: { call: "https://f.example/i.yaml" } }] };
  const result = loaded(calling(LOG), functions({ [LOG]: nested }));
  assert.ok(result.ok);
  assert.deepEqual(
    result.missing.map(({ id, depth }) => [id, depth]),
    [["function https://f.example/i.yaml", 1]],
  );
});

test("what is wrong with a function names it, and where in it", () => {
  const cases: readonly (readonly [Json, RegExp])[] = [
    ["text", /^do\[0\]\.c\.call: function log:1\.0\.0@default: expected .*, got the string "text"/],
    [{ do: [{ a: { colour: "blue" } }] }, /function log:1\.0\.0@default: do\[0\]\.a/],
    [
      { set: { a: "${ .b | }" } },
      /function log:1\.0\.0@default: set\.a: not a valid jq expression/,
    ],
    [
      { input: { schema: { document: { type: 7 } } }, set: { a: 1 } },
      /input\.schema\.document\.type: /,
    ],
  ];
  for (const [content, expected] of cases)
    assert.match(issues(calling(LOG), functions({ [LOG]: content })).join("\n"), expected);
});

test("a function from outside sees nothing of the workflow's secrets, policies and functions", () => {
  const use = {
    secrets: ["key"],
    authentications: { mine: { bearer: { token: "t" } } },
    functions: { own: { set: { a: 1 } } },
  };
  const http = {
    method: "get",
    endpoint: { uri: "https://f.example", authentication: { use: "mine" } },
  };
  const cases: readonly (readonly [Json, RegExp])[] = [
    [{ set: { a: "${ $secrets.key }" } }, /\$secrets is not defined|unknown variable \$secrets/],
    [{ call: "http", with: http }, /use\.authentications has no "mine"/],
    [{ do: [{ a: { call: "own" } }] }, /unknown function "own"/],
    [
      {
        call: "http",
        with: {
          ...http,
          endpoint: { uri: "https://f.example", authentication: { basic: { use: "key" } } },
        },
      },
      /secret "key" is not listed/,
    ],
  ];
  for (const [content, expected] of cases)
    assert.match(issues(calling(LOG, { use }), functions({ [LOG]: content })).join("\n"), expected);
});

test("functions that call each other in a circle, or too deep, are refused", () => {
  const other = "b:1.0.0@default";
  const circle = functions({ [LOG]: { call: other }, [other]: { call: LOG } });
  assert.match(
    issues(calling(LOG), circle).join(),
    /a function cannot call itself: log:1\.0\.0@default → b:1\.0\.0@default → log/,
  );
  const chain = Object.fromEntries(
    Array.from({ length: 10 }, (_, n) => [
      `f${n}:1.0.0@default`,
      { call: `f${n + 1}:1.0.0@default` },
    ]),
  );
  assert.match(issues(calling("f0:1.0.0@default"), functions(chain)).join(), /deeper than 8/);
});

test("a schema from outside is one like any other, and accepts nothing while it is missing", () => {
  const url = "https://s.example/a.json";
  const body = {
    input: { schema: { resource: { endpoint: url } } },
    do: [{ s: { set: { a: 1 } } }],
  };
  const good = loaded(body, { resources: { [`schema ${url}`]: { type: "number" } } });
  assert.ok(good.ok);
  assert.equal(good.program.input?.schema?.validate(1).length, 0);
  assert.equal(good.program.input?.schema?.validate("a").length, 1);
  const missing = loaded(body);
  assert.ok(missing.ok);
  assert.match(missing.program.input?.schema?.validate(1)[0]?.message ?? "", /was not fetched/);
  assert.match(
    issues(body, { resources: { [`schema ${url}`]: { type: 7 } } }).join(),
    /^input\.schema\.resource: not a usable JSON Schema: .* \(at \/type\)/,
  );
  assert.match(
    issues(body, { failures: { [`schema ${url}`]: "it is gone" } }).join(),
    /^input\.schema\.resource: schema https:\/\/s\.example\/a\.json: it is gone/,
  );
});

test("addresses are fixed: what is fetched at creation knows no data", () => {
  for (const endpoint of ["${ .url }", "https://s.example/{id}", "file:///etc/passwd", "s.json"]) {
    const body = { input: { schema: { resource: { endpoint } } }, do: [{ s: { set: { a: 1 } } }] };
    assert.match(
      issues(body).join(),
      /^input\.schema\.resource\.endpoint: expected a fixed http/,
      endpoint,
    );
  }
  const catalogs = { mine: { endpoint: "file:///functions" } };
  assert.match(
    issues(calling("a:1@mine", { use: { catalogs } })).join(),
    /^use\.catalogs\.mine\.endpoint: expected a fixed/,
  );
});

test("names of catalogued functions", () => {
  assert.deepEqual(parseFunctionName("a.b:1.0.0@c"), {
    name: "a.b",
    version: "1.0.0",
    catalog: "c",
  });
  for (const text of ["a", "a:1", "a@c", "a:1@", "a:b:c@d", "../a:1@c", "a b:1@c"])
    assert.equal(parseFunctionName(text), undefined, text);
});
