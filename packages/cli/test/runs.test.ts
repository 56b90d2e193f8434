/** What workflows may run beside calls, as `millrace run` has it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { definition, millrace } from "./command.ts";

const SHELL = 'do:\n  - greet:\n      run:\n        shell: { command: "echo hello" }\n';
const SCRIPT =
  'do:\n  - greet:\n      run:\n        script: { language: js, code: "console.log(6 * 7)" }\n';

test("run turns shell commands, scripts and MCP servers on, and says so in one line", async (t) => {
  for (const [text, output] of [
    [SHELL, "hello\n"],
    [SCRIPT, "42\n"],
  ] as const) {
    const { code, stdout, stderr } = await millrace(["run", definition(t, text)]);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout), output);
    assert.match(
      stderr,
      /^workflows may run shell commands, scripts and MCP servers: .*MILLRACE_RUNS.*\n$/,
    );
  }
});

test("run leaves off what MILLRACE_RUNS does not name", async (t) => {
  const { code, stdout, stderr } = await millrace(["run", definition(t, SHELL)], {
    env: { MILLRACE_RUNS: "script" },
  });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^workflows may run scripts: /);
  assert.match(
    stderr,
    /run: shell is turned off .*\(MILLRACE_RUNS=shell\) \(403 .*authorization\)/,
  );
});

test("a kind that MILLRACE_RUNS does not know stops the start", async (t) => {
  const { code, stderr } = await millrace(["run", definition(t, SHELL)], {
    env: { MILLRACE_RUNS: "ssh" },
  });
  assert.notEqual(code, 0);
  assert.match(stderr, /MILLRACE_RUNS: expected some of shell, script, container/);
});

test("Ctrl-C ends what the workflow runs", async (t) => {
  const mark = `1${process.pid}${Date.now()}`;
  const text = `do:\n  - wait:\n      run:\n        shell: { command: "trap '' TERM; sleep ${mark}" }\n`;
  const started = async (): Promise<void> => {
    while (!sleeping(mark)) await new Promise(setImmediate);
  };
  const ended = await millrace(["run", definition(t, text)], { interrupt: started() });
  assert.notEqual(ended.code, 0);
  assert.equal(sleeping(mark), false);
});

function sleeping(mark: string): boolean {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`sleep\0${mark}`);
      } catch {
        return false;
      }
    });
}
