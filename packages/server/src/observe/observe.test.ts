import assert from "node:assert/strict";
import test from "node:test";
import { MemoryRuntime } from "@millrace/testkit/api";
import type { ActivityRequest } from "../activities/executor.ts";
import { createLogger } from "./log.ts";
import { measuredExecutor } from "./measured-executor.ts";
import { noMetrics } from "./metrics.ts";
import { createPrometheusMetrics } from "./prometheus.ts";
import { exposition } from "./families.ts";
import { runtimeFamilies } from "./runtime-metrics.ts";

function lines(write: (log: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const written: string[] = [];
  write(createLogger("info", { write: (line) => void written.push(line) }));
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a log line is JSON with level, time and message; lower levels are left out", () => {
  const [line, ...rest] = lines((log) => {
    log.debug({ a: 1 }, "not this");
    log.warn({ partition: 3 }, "lost the epoch");
  });
  assert.equal(rest.length, 0);
  assert.equal(line?.["level"], "warn");
  assert.equal(line?.["msg"], "lost the epoch");
  assert.equal(line?.["partition"], 3);
  assert.match(String(line?.["time"]), /^\d{4}-\d\d-\d\dT.*Z$/);
});

test("secrets don't reach the log", () => {
  const headers = {
    authorization: "Bearer hunter2",
    "x-api-key": "hunter2",
    cookie: "hunter2",
    "set-cookie": "hunter2",
    "proxy-authorization": "hunter2",
    accept: "kept",
  };
  const all = lines((log) => {
    log.info({ ...headers }, "at the top");
    log.info({ headers }, "below");
    log.info({ request: { headers, password: "hunter2", token: "hunter2" } }, "further below");
    log.info({ config: { databaseUrl: "hunter2", apiKeys: ["hunter2"] } }, "configuration");
  });
  assert.equal(all.length, 4);
  assert.doesNotMatch(JSON.stringify(all), /hunter2/);
  assert.match(JSON.stringify(all), /kept/);
});

/** `name{labels}` to value; fails on a line that is not of the exposition format. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) [a-z_]+ .+$/.test(line)) continue;
    const match = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line);
    assert.ok(match, line);
    assert.ok(!samples.has(match[1] as string), `twice: ${line}`);
    samples.set(match[1] as string, Number(match[2]));
  }
  return samples;
}

/** What a runtime's own figures look like to a scrape. */
async function runtimeText(): Promise<string> {
  const runtime = new MemoryRuntime();
  return exposition(runtimeFamilies(runtime.stats(), await runtime.storage()));
}

test("what the runtime counts is exposed in base units", async () => {
  const text = await runtimeText();
  const samples = parse(text);
  assert.equal(samples.get("millrace_instances_started_total"), 7);
  assert.equal(samples.get("millrace_queue_commands"), 3);
  assert.equal(samples.get("millrace_batch_transitions_sum"), 30);
  assert.equal(samples.get('millrace_batch_transitions_bucket{le="+Inf"}'), 10);
  assert.equal(samples.get('millrace_commit_seconds_bucket{le="0.001"}'), 3);
  assert.equal(samples.get('millrace_commit_seconds_bucket{le="0.005"}'), 9);
  assert.equal(samples.get('millrace_commit_seconds_bucket{le="+Inf"}'), 10);
  assert.equal(samples.get("millrace_commit_seconds_sum"), 0.025);
  assert.equal(samples.get("millrace_commit_seconds_count"), 10);
  assert.equal(samples.get("millrace_commit_max_seconds"), 0.009);
  const waiting = '{queue="commands",pool="default",priority="P2"}';
  assert.equal(samples.get(`millrace_queue_depth${waiting}`), 3);
  assert.equal(samples.get(`millrace_queue_age_seconds${waiting}`), 0.04);
  assert.equal(samples.get("millrace_inbox_messages"), 2);
  assert.equal(samples.get('millrace_table_rows{table="instances"}'), 7);
  assert.equal(samples.get('millrace_table_bytes{table="instances"}'), 8192);
  for (const name of samples.keys()) assert.match(name, /^millrace_/);
  assert.ok(text.endsWith("\n"));
});

test("the edges' metrics and the runtime's make one exposition without a name twice", async () => {
  const metrics = createPrometheusMetrics();
  metrics.httpRequest("GET", "/v1/instances/:id", 200, 0.004);
  metrics.eventsAccepted(3, 1);
  metrics.activityFinished("call:http", "failed", 0.2);
  const samples = parse(
    (await metrics.text()).replaceAll(/^nodejs_.*$|^process_.*$|^# .*$/gm, "") +
      (await runtimeText()),
  );
  const labels = 'method="GET",route="/v1/instances/:id",status="200"';
  assert.equal(samples.get(`millrace_http_request_duration_seconds_count{${labels}}`), 1);
  assert.equal(samples.get('millrace_events_total{outcome="accepted"}'), 3);
  assert.equal(samples.get('millrace_events_total{outcome="duplicate"}'), 1);
  const activity = 'type="call:http",outcome="failed"';
  assert.equal(samples.get(`millrace_activity_duration_seconds_sum{${activity}}`), 0.2);
  assert.match(await metrics.text(), /^process_cpu_seconds_total /m);
});

test("each execution of an activity is timed with its outcome", async () => {
  const seen: unknown[] = [];
  const metrics = { ...noMetrics, activityFinished: (...call: unknown[]) => void seen.push(call) };
  let now = 0;
  const executor = measuredExecutor(
    {
      async execute(request) {
        now += 250;
        if (request.name === "broken") throw new Error("broken");
        if (request.name === "refused") return { error: { type: "x", status: 500 } };
        return { output: request.name };
      },
    },
    metrics,
    { monotonic: () => now },
  );
  const request = (name: string) => ({ type: "call:http", name }) as ActivityRequest;
  const { signal } = new AbortController();
  const feed = () => Promise.resolve("more" as const);
  assert.deepEqual(await executor.execute(request("fine"), signal, feed), { output: "fine" });
  await executor.execute(request("refused"), signal, feed);
  await assert.rejects(executor.execute(request("broken"), signal, feed), /broken/);
  await executor.execute(request("fine"), AbortSignal.abort(), feed);
  assert.deepEqual(seen, [
    ["call:http", "completed", 0.25],
    ["call:http", "failed", 0.25],
    ["call:http", "failed", 0.25],
    ["call:http", "cancelled", 0.25],
  ]);
});
