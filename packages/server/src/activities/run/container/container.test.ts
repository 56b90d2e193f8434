/** Against an engine for tests that speaks Docker's command line (testing/engine.js); podman.test.ts has a real one. */
import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { WorkflowError } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import { type Clock, systemClock } from "../../../clock.ts";
import type { ActivityRequest } from "../../executor.ts";
import { createActivities } from "../../registry.ts";
import { activityRequest, kindOf } from "../../testing.ts";
import type { RunsConfig } from "../config.ts";

const ENGINE = join(import.meta.dirname, "testing/engine.js");
const never = new AbortController().signal;

interface Engine {
  readonly state: string;
  readonly run: (
    input: JsonObject,
    more?: Partial<ActivityRequest>,
    signal?: AbortSignal,
  ) => Promise<Json>;
  readonly refused: (input: JsonObject, more?: Partial<ActivityRequest>) => Promise<WorkflowError>;
  /** The argument lists of one command, such as `create`. */
  readonly calls: (command: string) => string[][];
  readonly containers: () => string[];
}

/** An engine whose registry has `shop/tool` (no entry point) and `shop/entry` (one), and whose store is empty. */
function engine(
  t: TestContext,
  runs: Partial<RunsConfig> = {},
  clock: Clock = systemClock(),
): Engine {
  const state = mkdtempSync(join(tmpdir(), "millrace-engine-"));
  process.env["ENGINE_STATE"] = state;
  const tool = { Cmd: ["/bin/echo", "default"] };
  const entry = { Entrypoint: ["/bin/echo", "entry"], Cmd: ["default"] };
  for (const [name, image] of [
    ["shop/tool", tool],
    ["shop/entry", entry],
  ] as const)
    writeFileSync(join(state, `registry-${encodeURIComponent(name)}`), JSON.stringify(image));
  const activities = createActivities({
    clock,
    runs: { kinds: ["container"], containerCli: ENGINE, ...runs },
  });
  t.after(async () => {
    await activities.close();
    rmSync(state, { recursive: true });
  });
  const perform = (input: JsonObject, more: Partial<ActivityRequest> = {}, signal = never) =>
    activities.execute(activityRequest("run:container", input, more), signal);
  return {
    state,
    async run(input, more, signal) {
      const result = await perform(input, more, signal);
      if ("output" in result) return result.output;
      throw new Error(JSON.stringify(result.error));
    },
    async refused(input, more) {
      const result = await perform(input, more);
      if ("error" in result) return result.error;
      throw new Error(`unexpectedly completed: ${JSON.stringify(result.output)}`);
    },
    calls: (command) =>
      readFileSync(join(state, "calls"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as string[])
        .filter(([first]) => first === command),
    containers: () => readdirSync(join(state, "containers")),
  };
}

test("a container is given command, arguments, environment and standard input", async (t) => {
  const { run, calls } = engine(t);
  const odd = `it's "odd" $(id); --privileged`;
  const output = await run(
    {
      image: "shop/tool",
      name: "hello-1",
      command: 'printf "%s|%s|%s" "$1" "$ODD" "$(cat)"',
      arguments: [odd, 2],
      environment: { ODD: odd },
      stdin: odd,
    },
    { instanceId: "01J", idempotencyKey: "01J/do/0", return: "all" },
  );
  assert.deepEqual(output, { code: 0, stdout: `${odd}|${odd}|${odd}`, stderr: "" });
  assert.deepEqual(calls("create"), [
    [
      "create",
      "--name=hello-1",
      "--label",
      "millrace.instance=01J",
      "--label",
      "millrace.activity=01J/do/0",
      "--pull=never",
      "--security-opt=no-new-privileges",
      "--pids-limit=128",
      "--memory=1073741824",
      "--network=none",
      "--interactive",
      "--env",
      `ODD=${odd}`,
      "--entrypoint=/bin/sh",
      "shop/tool",
      "-c",
      'printf "%s|%s|%s" "$1" "$ODD" "$(cat)"',
      "sh",
      odd,
      "2",
    ],
  ]);
});

test("arguments alone go to the image's entry point, or behind its command", async (t) => {
  const { run } = engine(t);
  assert.equal(await run({ image: "shop/tool" }, { activityId: "1" }), "default\n");
  assert.equal(
    await run({ image: "shop/tool", arguments: ["more"] }, { activityId: "2" }),
    "default more\n",
  );
  assert.equal(
    await run({ image: "shop/entry", arguments: ["more"] }, { activityId: "3" }),
    "entry more\n",
  );
});

test("images are pulled as pullPolicy says", async (t) => {
  const { run, refused, calls } = engine(t);
  const missing = await refused({ image: "shop/tool", pullPolicy: "never" });
  assert.match(missing.detail ?? "", /shop\/tool is not there, and pullPolicy is never/);
  await run({ image: "shop/tool" }, { activityId: "1" });
  await run({ image: "shop/tool" }, { activityId: "2" });
  assert.equal(calls("pull").length, 1);
  await run({ image: "shop/tool", pullPolicy: "always" }, { activityId: "3" });
  assert.equal(calls("pull").length, 2);
  const unknown = await refused({ image: "shop/none" });
  assert.equal(kindOf(unknown), "runtime 500");
  assert.match(unknown.detail ?? "", /pull failed: .*pull access denied for shop\/none/);
});

test("containers stay, go at once, or go later", async (t) => {
  const due: (() => void)[] = [];
  const system = systemClock();
  const clock = {
    ...system,
    after: (ms: number, run: () => void) =>
      ms === 1_800_000 ? (due.push(run), () => undefined) : system.after(ms, run),
  };
  const { run, containers, calls } = engine(t, {}, clock);
  await run({ image: "shop/tool" }, { activityId: "1" });
  assert.equal(containers().length, 1);
  await run({ image: "shop/tool", lifetime: { cleanup: "always" } }, { activityId: "2" });
  assert.equal(containers().length, 1);
  await run(
    { image: "shop/tool", lifetime: { cleanup: "eventually", after: { minutes: 30 } } },
    { activityId: "3" },
  );
  assert.equal(containers().length, 2);
  for (const each of due) each();
  while (containers().length === 2) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(calls("rm").length, 2);
});

test("a container that outlived its time is removed by the next server", async (t) => {
  const { run, containers, state } = engine(t);
  mkdirSync(join(state, "containers"), { recursive: true });
  const old = {
    status: "exited",
    exitCode: 0,
    finishedAt: "2020-01-01T00:00:00Z",
    labels: { "millrace.keep": "1000" },
  };
  writeFileSync(join(state, "containers", "old"), JSON.stringify(old));
  await run({ image: "shop/tool", lifetime: { cleanup: "eventually", after: "P1D" } });
  while (containers().includes("old")) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(containers().length, 1);
});

test("a redelivery removes what the first attempt left", async (t) => {
  const { run, containers } = engine(t);
  await run({ image: "shop/tool", name: "mine" }, { idempotencyKey: "k1" });
  await run({ image: "shop/tool", name: "mine" }, { idempotencyKey: "k1", attempt: 2 });
  assert.equal(containers().length, 1);
});

test("a cancelled container is stopped and cleaned up", async (t) => {
  const { run, containers, calls, state } = engine(t);
  const controller = new AbortController();
  const input = {
    image: "shop/tool",
    command: "echo up >>$MARK; sleep 1000",
    environment: { MARK: join(state, "mark") },
    lifetime: { cleanup: "always" },
  };
  const running = run(input, {}, controller.signal);
  while (!readdirSync(state).includes("mark"))
    await new Promise((resolve) => setTimeout(resolve, 10));
  controller.abort(new Error("cancelled"));
  await assert.rejects(running);
  assert.equal(calls("stop").length, 1);
  assert.deepEqual(containers(), []);
});

test("a container that is late is a timeout", async (t) => {
  const { refused, containers } = engine(t, { timeout: 1_500 });
  const error = await refused({
    image: "shop/tool",
    command: "sleep 1000",
    lifetime: { cleanup: "always" },
  });
  assert.equal(kindOf(error), "timeout 408");
  assert.match(error.detail ?? "", /run: container: the process was ended after 1500 ms/);
  assert.deepEqual(containers(), []);
});

test("a container's exit code is an error, or output", async (t) => {
  const { run, refused } = engine(t);
  const input = { image: "shop/tool", command: "echo broken >&2; exit 9" };
  const error = await refused(input, { activityId: "1" });
  assert.match(error.detail ?? "", /run: container: the process ended with code 9: broken/);
  assert.equal(await run(input, { activityId: "2", return: "code" }), 9);
});

test("ports need the network, volumes the operator's word", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-volume-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const closed = engine(t);
  for (const input of [
    { ports: { "8080": 80 } },
    { volumes: { "/etc": "/etc" } },
    { volumes: { [`${folder}/../..`]: "/x" } },
    { volumes: { data: "/x" } },
  ]) {
    const error = await closed.refused({ image: "shop/tool", ...input });
    assert.equal(kindOf(error), "authorization 403", JSON.stringify(input));
  }
  const open = engine(t, { network: true, containerVolumes: [folder, "data"] });
  await open.run({
    image: "shop/tool",
    ports: { "8080": 80 },
    volumes: { [`${folder}/sub`]: "/in:ro", data: "/data" },
  });
  const [created = []] = open.calls("create");
  assert.ok(!created.includes("--network=none"));
  assert.deepEqual(created.slice(created.indexOf("--publish"), created.indexOf("shop/tool")), [
    "--publish",
    "8080:80",
    "--volume",
    `${folder}/sub:/in:ro`,
    "--volume",
    "data:/data:rw",
  ]);
  symlinkSync("/etc", join(folder, "link"));
  const linked = await open.refused({
    image: "shop/tool",
    volumes: { [`${folder}/link`]: "/in" },
  });
  assert.equal(kindOf(linked), "authorization 403");
  const outside = await open.refused({ image: "shop/tool", volumes: { [`${folder}x`]: "/in" } });
  assert.equal(kindOf(outside), "authorization 403");
});

test("names that would be options are refused", async (t) => {
  const { refused } = engine(t);
  const cases: readonly [JsonObject, RegExp][] = [
    [{ image: "--privileged" }, /image: "--privileged" is no name of an image/],
    [{ image: "" }, /image: required/],
    [{ image: "shop/tool", name: "-x y" }, /name: must consist of/],
    [{ image: "shop/tool", environment: { "A B": "1" } }, /"A B" is no variable/],
    [{ image: "shop/tool", ports: { "80 --privileged": 1 } }, /is no port/],
    [{ image: "shop/tool", pullPolicy: "sometimes" }, /pullPolicy: must be/],
    [
      { image: "shop/tool", lifetime: { cleanup: "eventually", after: "soon" } },
      /lifetime\.after: /,
    ],
  ];
  for (const [input, detail] of cases) {
    const error = await refused(input);
    assert.equal(kindOf(error), "configuration 400");
    assert.match(error.detail ?? "", detail);
  }
});

test("without an engine, or turned off, a container is refused with what to do", async (t) => {
  const none = await engine(t, { containerCli: "no-such-engine" }).refused({ image: "shop/tool" });
  assert.match(
    none.detail ?? "",
    /needs Docker or Podman: there is no no-such-engine .* MILLRACE_CONTAINER_CLI/,
  );
  const off = await engine(t, { kinds: ["shell"] }).refused({ image: "shop/tool" });
  assert.equal(kindOf(off), "authorization 403");
  assert.match(off.detail ?? "", /run: container is turned off .*MILLRACE_RUNS=container/);
});
