import assert from "node:assert/strict";
import { test } from "node:test";
import { startHttpFixture } from "@millrace/testkit/http";
import { kindOf } from "../testing.ts";
import { runner } from "./testing.ts";

test("JavaScript is a module with argv, environment, standard input and top-level await", async (t) => {
  const { run } = runner(t, "run:script");
  const code = `
    import { readFileSync } from "node:fs";
    const [, , first] = process.argv;
    await Promise.resolve();
    console.log(first, process.env.FOO, readFileSync(0, "utf8"));`;
  for (const language of ["js", "javascript", "JavaScript"])
    assert.equal(
      await run({ language, code, arguments: ["a b"], environment: { FOO: "bar" }, stdin: "in" }),
      "a b bar in\n",
    );
});

test("Python is given the same", async (t) => {
  const { run } = runner(t, "run:script");
  const code = "import os, sys\nprint(sys.argv[1], os.environ['FOO'], sys.stdin.read())";
  assert.equal(
    await run({
      language: "python",
      code,
      arguments: ["a b"],
      environment: { FOO: "bar" },
      stdin: "in",
    }),
    "a b bar in\n",
  );
});

test("an error in a script is the task's error, with what the language says", async (t) => {
  const { refused } = runner(t, "run:script");
  const thrown = await refused({ language: "js", code: "throw new Error('too bad')" });
  assert.match(
    thrown.detail ?? "",
    /run: script: the process ended with code 1: [\s\S]*Error: too bad/,
  );
  const syntax = await refused({ language: "python", code: "def" });
  assert.match(syntax.detail ?? "", /code 1: [\s\S]*SyntaxError/);
});

test("a script is fetched from its source, with authentication", async (t) => {
  const server = await startHttpFixture(({ target, headers }) => {
    if (headers["authorization"] !== "Bearer secret-token") return { status: 401, body: "" };
    return target === "/s.js"
      ? { status: 200, body: "console.log('fetched')" }
      : { status: 404, body: "" };
  });
  t.after(() => server.close());
  const { run, refused } = runner(t, "run:script");
  const source = (path: string, token: string) => ({
    endpoint: { uri: server.origin + path, authentication: { bearer: { token } } },
  });
  assert.equal(await run({ language: "js", source: source("/s.js", "secret-token") }), "fetched\n");
  const missing = await refused({ language: "js", source: source("/none.js", "secret-token") });
  assert.equal(kindOf(missing), "communication 404");
  const denied = await refused({ language: "js", source: source("/s.js", "wrong") });
  assert.equal(kindOf(denied), "communication 401");
});

test("a source that the egress policy refuses is not fetched", async (t) => {
  const { refused } = runner(t, "run:script");
  const error = await refused({
    language: "js",
    source: { endpoint: "http://169.254.169.254/latest" },
  });
  assert.equal(kindOf(error), "authorization 403");
});

test("an unknown language, or a script without code, is refused", async (t) => {
  const { refused } = runner(t, "run:script");
  const unknown = await refused({ language: "__proto__", code: "x" });
  assert.deepEqual(
    [kindOf(unknown), unknown.detail],
    ["configuration 400", "language: __proto__ is none of js, javascript, python"],
  );
  const empty = await refused({ language: "js" });
  assert.equal(empty.detail, "code: required, or source");
});
