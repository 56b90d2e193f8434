import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { MemoryRuntime, noSchedules } from "@millrace/testkit/api";
import { ConfigError, loadConfig } from "./config.ts";
import { silentLogger } from "./logger.ts";
import { type OpenRuntime, startServer } from "./main.ts";

const KEY = "k".repeat(16);

/** Opens a runtime in memory and notes what happens to it. */
function memory(): { openRuntime: OpenRuntime; happened: string[]; runtime: MemoryRuntime } {
  const happened: string[] = [];
  const runtime = new MemoryRuntime();
  const openRuntime: OpenRuntime = async () => {
    happened.push("opened");
    return { runtime, schedules: noSchedules, stop: async () => void happened.push("stopped") };
  };
  return { openRuntime, happened, runtime };
}

test("a server answers, exposes every metric, and stops once however often it is told", async () => {
  const { openRuntime, happened } = memory();
  const config = loadConfig({}, { port: 0 });
  const server = await startServer(config, { openRuntime, log: silentLogger });
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const name of [
    "millrace_instances_started_total 7",
    'millrace_http_request_duration_seconds_count{method="GET",route="/readyz",status="200"} 1',
    "process_cpu_seconds_total",
  ]) {
    assert.ok(metrics.includes(name), name);
  }
  await Promise.all([server.stop(), server.stop()]);
  assert.deepEqual(happened, ["opened", "stopped"]);
  await assert.rejects(fetch(`${server.url}/healthz`));
});

test("an exposed address without a key is refused before anything is opened", async () => {
  const { openRuntime, happened } = memory();
  const config = { ...loadConfig({}), host: "0.0.0.0", port: 0 };
  await assert.rejects(startServer(config, { openRuntime, log: silentLogger }), ConfigError);
  assert.deepEqual(happened, []);
  const server = await startServer(
    { ...config, apiKeys: [KEY] },
    { openRuntime, log: silentLogger },
  );
  await server.stop();
});

test("a server without a database is told which variable to set", async () => {
  const config = loadConfig({}, { port: 0 });
  await assert.rejects(
    startServer(config, { log: silentLogger }),
    /^ConfigError: MILLRACE_DATABASE_URL/,
  );
});

test("a port that is taken ends the start and closes what was opened", async (t) => {
  const first = await startServer(loadConfig({}, { port: 0 }), { ...memory(), log: silentLogger });
  t.after(() => first.stop());
  const { openRuntime, happened } = memory();
  const config = loadConfig({}, { port: Number(new URL(first.url).port) });
  await assert.rejects(startServer(config, { openRuntime, log: silentLogger }), /EADDRINUSE/);
  assert.deepEqual(happened, ["opened", "stopped"]);
});

/** Runs a process under `supervise` whose server stops as `stop` says; resolves with its exit code and log. */
async function supervised(stop: string, act: string, shutdownTimeout = 60_000) {
  const script = `
    import { supervise } from ${JSON.stringify(new URL("./supervise.ts", import.meta.url).href)};
    const say = (fields, message) => process.stderr.write(message + "\\n");
    supervise({ log: { debug: say, info: say, warn: say, error: say }, stop: ${stop} }, ${shutdownTimeout});
    setInterval(() => {}, 1_000);
    ${act}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (log += text));
  const [code] = (await once(child, "close")) as [number];
  return { code, log };
}
const SIGTERM = 'process.kill(process.pid, "SIGTERM");';

test("SIGTERM stops gracefully and exits 0", async () => {
  const { code, log } = await supervised('async () => say({}, "stop called")', SIGTERM);
  assert.equal(code, 0);
  assert.match(log, /shutting down\nstop called/);
});

test("a shutdown that hangs is bounded, and a second signal ends it at once", async () => {
  const hanging = "() => new Promise(() => {})";
  const bounded = await supervised(hanging, SIGTERM, 20);
  assert.equal(bounded.code, 1);
  assert.match(bounded.log, /took too long/);
  const twice = await supervised(
    `() => { setImmediate(() => { ${SIGTERM} }); return new Promise(() => {}); }`,
    SIGTERM,
  );
  assert.equal(twice.code, 1);
  assert.match(twice.log, /second signal/);
});

test("what nothing caught is logged and ends the process with 1", async () => {
  for (const act of [
    'setImmediate(() => { throw new Error("x"); });',
    'void Promise.reject(new Error("x"));',
  ]) {
    const { code, log } = await supervised("async () => {}", act);
    assert.equal(code, 1);
    assert.match(log, /uncaught exception/);
  }
});
