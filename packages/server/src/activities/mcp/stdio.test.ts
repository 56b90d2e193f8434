import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Json, type JsonObject, load } from "@millrace/language";
import { runToEnd } from "../../local/index.ts";
import type { ActivitiesConfig } from "../registry.ts";
import type { ActivityResult } from "../executor.ts";
import { strongestIsolation } from "../run/sandbox/probe.ts";
import { activityRequest, caller, kindOf } from "../testing.ts";

const repository = fileURLToPath(new URL("../../../../..", import.meta.url)).replace(/\/$/, "");
const program = fileURLToPath(new URL("testing-stdio.ts", import.meta.url));
/** With what isolation there is: that the sandbox isolates is shown by its own tests. */
const ON: ActivitiesConfig = {
  runs: { kinds: ["mcp"], isolation: "process", programs: [repository] },
  limits: { maxResponseBytes: 100_000 },
};
const sdk = { command: "node", arguments: [program] };
const sh = (script: string): JsonObject => ({ command: "/bin/sh", arguments: ["-c", script] });

const call = (
  stdio: JsonObject,
  method: string,
  parameters?: Json,
  more: JsonObject = {},
): JsonObject => ({
  method,
  transport: { stdio },
  ...(parameters === undefined ? {} : { parameters }),
  ...more,
});
const tool = (stdio: JsonObject, name: string, given: JsonObject = {}) =>
  call(stdio, "tools/call", { name, arguments: given });

function perform(
  t: TestContext,
  input: JsonObject,
  signal = new AbortController().signal,
): Promise<ActivityResult> {
  return caller(t, ON).activities.execute(activityRequest("call:mcp", input), signal);
}

async function outputOf(t: TestContext, input: JsonObject): Promise<JsonObject> {
  const result = await perform(t, input);
  if ("output" in result) return result.output as JsonObject;
  throw new Error(JSON.stringify(result.error));
}

const refusal = (t: TestContext, input: JsonObject) => caller(t, ON).refused(input, {}, "call:mcp");

/** Whether a process of this machine has the text on its command line. */
function running(text: string): boolean {
  return readdirSync("/proc").some((name) => {
    if (!/^\d+$/.test(name) || name === String(process.pid)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

/** Into a session of its own, from which only a namespace brings a process back. */
const escape = (await strongestIsolation()) === "process" ? "" : "setsid ";
/** A number of seconds that no other process sleeps for. */
const unique = (): string => `1${Math.trunc(performance.timeOrigin + performance.now() * 1000)}`;

describe("call: mcp over stdio", { skip: process.platform === "win32" }, () => {
  test("calls every method of a server that it starts", async (t) => {
    assert.equal((await outputOf(t, call(sdk, "tools/list")))["nextCursor"], "page-2");
    const echo = await outputOf(t, tool(sdk, "echo", { text: "ä\u2028\n" }));
    assert.deepEqual(echo["structuredContent"], { text: "ä\u2028\n" });
    const methods: [string, JsonObject, RegExp][] = [
      ["prompts/list", {}, /greet/],
      ["prompts/get", { name: "greet", arguments: { name: "Ada" } }, /Greet Ada/],
      ["resources/list", {}, /note:\/\/1/],
      ["resources/read", { uri: "note://1" }, /the first note/],
      ["resources/templates/list", {}, /note:\/\/\{id\}/],
    ];
    for (const [method, parameters, expected] of methods) {
      const output = await outputOf(t, call(sdk, method, parameters));
      assert.match(JSON.stringify(output), expected);
    }
  });

  test("gives the server its own environment, and nothing of Millrace's", async (t) => {
    process.env["MCP_TEST_CANARY"] = "canary";
    t.after(() => delete process.env["MCP_TEST_CANARY"]);
    const stdio = { ...sdk, environment: { TOKEN: "xoxp-1", COUNT: 3 } };
    const output = await outputOf(t, tool(stdio, "environment"));
    const variables = output["structuredContent"] as JsonObject;
    assert.equal(variables["TOKEN"], "xoxp-1");
    assert.equal(variables["COUNT"], "3");
    const names = Object.keys(variables).filter((name) => !["PWD", "SHLVL", "_"].includes(name));
    assert.deepEqual(names.toSorted(), ["COUNT", "HOME", "LANG", "PATH", "TOKEN"]);
  });

  test("is off until the operator turns it on", async (t) => {
    const error = await caller(t).refused(call(sdk, "tools/list"), {}, "call:mcp");
    assert.equal(kindOf(error), "authorization 403");
    assert.match(error.detail ?? "", /call: mcp over stdio is turned off.*MILLRACE_RUNS=mcp/);
  });

  test("an error of the protocol is a runtime error, and a failed tool an output", async (t) => {
    assert.equal((await outputOf(t, tool(sdk, "fail")))["isError"], true);
    assert.equal(kindOf(await refusal(t, tool(sdk, "nosuch"))), "runtime 500");
  });

  test("a cancelled call leaves no process", async (t) => {
    const marker = unique();
    const controller = new AbortController();
    const result = perform(t, call(sh(`sleep ${marker}; :`), "tools/list"), controller.signal);
    while (!running(marker)) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error("cancelled"));
    assert.ok("error" in (await result));
    assert.equal(running(marker), false);
  });
});

const example = join(process.env["MILLRACE_SPEC_DIR"] ?? "", "examples", "call-mcp.yaml");
const noExample =
  process.env["MILLRACE_SPEC_DIR"] === undefined || !existsSync(example)
    ? "set MILLRACE_SPEC_DIR to a folder with the specification's examples/"
    : false;

test("the specification's example runs with the program that the operator gives it", {
  skip: noExample,
}, async (t) => {
  // The example starts a server with npx; this is what the operator puts there by that name.
  const folder = await mkdtemp(join(tmpdir(), "millrace-programs-"));
  t.after(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  const npx = join(folder, "npx");
  await writeFile(npx, `#!/bin/sh\nexec node ${program} "$@"\n`, { mode: 0o755 });
  const runs = { ...ON.runs, programs: [folder, repository] };
  const loaded = load(await readFile(example, "utf8"));
  assert.ok(loaded.ok);
  const executor = caller(t, { ...ON, runs }).activities;
  const { state } = await runToEnd(loaded.program, "01J00000000000000000000000", {}, { executor });
  const [task] = loaded.program.tasks;
  assert.ok(task?.kind === "call");
  const { parameters, transport } = task.with.constant as {
    parameters: { arguments: JsonObject };
    transport: { stdio: { arguments: Json; environment: JsonObject } };
  };
  assert.deepEqual(state.output, {
    content: [{ type: "text", text: "posted" }],
    structuredContent: {
      ...parameters.arguments,
      as: transport.stdio.environment["SLACK_MCP_XOXP_TOKEN"],
      told: transport.stdio.arguments,
    },
  });
});

describe("call: mcp with a hostile process", { skip: process.platform === "win32" }, () => {
  test("a command that is not there, and one that ends at once", async (t) => {
    const missing = await refusal(t, call({ command: "no-such-mcp-server" }, "tools/list"));
    assert.equal(kindOf(missing), "communication 502");
    assert.match(missing.detail ?? "", /ended with code 127.*not found/);
    const environment = { TOKEN: "xoxp-secret" };
    const ending = { ...sh('echo "bad token $TOKEN" >&2; exit 3'), environment };
    const error = await refusal(t, call(ending, "tools/list"));
    assert.match(error.detail ?? "", /ended with code 3 .*: bad token \[redacted\]$/);
  });

  test("a greeting before the first message is passed over", async (t) => {
    const stdio = sh(`echo 'Welcome!'; echo '{"jsonrpc":'; exec node ${program}`);
    assert.ok(await outputOf(t, call(stdio, "tools/list")));
  });

  test("garbage without end, and a line without end", async (t) => {
    for (const script of ["while :; do echo garbage; done", "cat /dev/zero"]) {
      const error = await refusal(t, call(sh(script), "tools/list"));
      assert.equal(kindOf(error), "communication 502");
      assert.match(error.detail ?? "", /wrote more than 100000 bytes/);
    }
    const huge = await refusal(t, tool(sdk, "huge", { size: 200_000 }));
    assert.match(huge.detail ?? "", /wrote more than 100000 bytes/);
  });

  test("a process that never answers, ignores SIGTERM and leaves children", async (t) => {
    const marker = unique();
    const script = `trap '' TERM HUP; (trap '' TERM HUP; exec ${escape}sleep ${marker}) & sleep ${marker}; sleep ${marker}`;
    const input = call(sh(script), "tools/list", {}, { timeout: { milliseconds: 500 } });
    const error = await refusal(t, input);
    assert.equal(kindOf(error), "timeout 408");
    assert.equal(running(marker), false);
  });

  test("a process that closes its output and goes on", async (t) => {
    const input = call(
      sh("exec >&-; sleep 100"),
      "tools/list",
      {},
      { timeout: { milliseconds: 500 } },
    );
    assert.equal(kindOf(await refusal(t, input)), "timeout 408");
  });

  test("arguments that start nothing", async (t) => {
    const cases: [JsonObject, RegExp][] = [
      [{}, /with\.transport\.stdio\.command: required/],
      [{ command: "x", arguments: [{}] }, /with\.transport\.stdio\.arguments: must be a list/],
      [{ command: "x", environment: { A: {} } }, /with\.transport\.stdio\.environment\.A/],
      [{ command: "x\0y" }, /./],
      [{ command: "x", environment: { "A B": "1" } }, /./],
    ];
    for (const [stdio, expected] of cases) {
      const error = await refusal(t, call(stdio, "tools/list"));
      assert.equal(kindOf(error), "configuration 400", JSON.stringify(stdio));
      assert.match(error.detail ?? "", expected);
    }
    const both = {
      method: "tools/list",
      transport: { stdio: sdk, http: { endpoint: "http://x" } },
    };
    assert.match((await refusal(t, both)).detail ?? "", /either http or stdio/);
  });
});
