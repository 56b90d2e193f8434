import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { kindOf } from "../testing.ts";
import { SANDBOX_LIMITS } from "./sandbox/limits.ts";
import { runner } from "./testing.ts";

test("arguments are the command's parameters, and never its text", async (t) => {
  const { run } = runner(t, "run:shell");
  const odd = `"; echo injected; $(id) 'x`;
  assert.equal(
    await run({ command: 'printf "%s\\n" "$@"', arguments: [odd, 1, true] }),
    `${odd}\n1\ntrue\n`,
  );
});

test("standard input and variables that are no text are given as JSON", async (t) => {
  const { run } = runner(t, "run:shell");
  const input = {
    command: 'cat; echo "$A $B ${C-unset}"',
    stdin: { n: 1 },
    environment: { A: [1], B: 2, C: null },
  };
  assert.equal(await run(input), '{"n":1}[1] 2 unset\n');
});

test("return says what comes back, and a failed process is an error where its code would be lost", async (t) => {
  const { run, refused } = runner(t, "run:shell");
  const input = { command: "echo out; echo err >&2; exit 5" };
  assert.equal(await run(input, { return: "code" }), 5);
  assert.deepEqual(await run(input, { return: "all" }), {
    code: 5,
    stdout: "out\n",
    stderr: "err\n",
  });
  for (const wanted of ["stdout", "stderr", "none"] as const) {
    const error = await refused(input, { return: wanted });
    assert.equal(kindOf(error), "runtime 500");
    assert.equal(error.detail, "run: shell: the process ended with code 5: err");
  }
  const killed = await refused({ command: "kill -9 $$" });
  assert.equal(killed.detail, "run: shell: the process ended with code 137 (signal 9)");
});

test("a command that does not exist is an error that says so", async (t) => {
  const { refused } = runner(t, "run:shell");
  const error = await refused({ command: "no-such-program --help" });
  assert.match(error.detail ?? "", /code 127: .*no-such-program/);
});

test("a process that is late is ended, and the task times out", async (t) => {
  const { refused } = runner(t, "run:shell", {
    timeout: 700,
    limits: { ...SANDBOX_LIMITS, grace: 50 },
  });
  const error = await refused({ command: "trap '' TERM; while :; do sleep 1; done" });
  assert.equal(kindOf(error), "timeout 408");
  assert.equal(error.detail, "run: shell: the process was ended after 700 ms");
});

test("output is cut where the operator says, and says so itself", async (t) => {
  const { run } = runner(t, "run:shell", { limits: { ...SANDBOX_LIMITS, outputBytes: 4 } });
  const cut = "[cut by Millrace: 3 more bytes after the first 4]\n";
  assert.equal(await run({ command: "printf ab€cd" }), `ab\n${cut}`);
});

test("properties of the wrong kind are refused by name", async (t) => {
  const { refused } = runner(t, "run:shell");
  const cases: readonly [JsonObject, string][] = [
    [{}, "command: required"],
    [{ command: 1 }, "command: must be a text"],
    [
      { command: "true", arguments: { a: 1 } },
      "arguments: must be a list of texts, numbers and booleans",
    ],
    [
      { command: "true", arguments: [["a"]] },
      "arguments: must be a list of texts, numbers and booleans",
    ],
    [{ command: "true", environment: "A=1" }, "environment: must be an object"],
    [
      { command: "true", environment: { "A=B": "1" } },
      'environment: "A=B" is no name of an environment variable',
    ],
    [{ command: "true\0" }, "arguments[1]: contains a NUL character"],
  ];
  for (const [input, detail] of cases) {
    const error = await refused(input);
    assert.deepEqual([kindOf(error), error.detail], ["configuration 400", detail]);
  }
});

test("a shell command that is turned off is refused, saying how to turn it on", async (t) => {
  const { refused } = runner(t, "run:shell", { kinds: ["script"] });
  const error = await refused({ command: "true" });
  assert.equal(kindOf(error), "authorization 403");
  assert.match(error.detail ?? "", /run: shell is turned off .*MILLRACE_RUNS=shell/);
});
