/** What the commands ask of a server and make of its answers: on the API alone, which runs nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { startTestApi } from "@millrace/testkit/api";
import { definition, millrace, type RunOptions } from "./command.ts";

const BODY = "do:\n  - greet:\n      set: { greeting: hello }\n";
const UNKNOWN = "01JC7Z6V5M3B8Q4X2N9R0T1WYA";

async function api(t: TestContext, overrides: Parameters<typeof startTestApi>[1] = {}) {
  const { url, runtime } = await startTestApi(t, overrides);
  const cli = (words: readonly string[], options: RunOptions = {}) =>
    millrace(words, { ...options, env: { MILLRACE_URL: url, ...options.env } });
  return { url, runtime, cli };
}

/** A server that gives scripted answers, one for each request, and notes what was asked. */
async function scripted(t: TestContext, answers: ((response: ServerResponse) => void)[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const answer = answers.shift();
    if (answer === undefined) response.destroy();
    else answer(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const json = (value: unknown) => (response: ServerResponse) =>
  void response.setHeader("content-type", "application/json").end(JSON.stringify(value));

test("apply goes on after a definition that is refused, and exits as the worst of them", async (t) => {
  const { cli, runtime } = await api(t);
  const first = definition(t, BODY, "first");
  const second = definition(t, BODY, "second");
  const changed = definition(t, `  title: Other\n${BODY}`, "first");
  assert.equal((await cli(["apply", first])).code, 0);
  const ended = await cli(["apply", changed, second]);
  assert.equal(ended.code, 1);
  assert.equal(ended.stdout, "test/second 1.0.0\n");
  assert.match(
    ended.stderr,
    /^millrace: \S+first\.yaml: .*\(workflow-conflict\)\. Raise `document\.version`; .*\n$/,
  );
  const again = await cli(["apply", first, second, "-o", "json"]);
  const applied = JSON.parse(again.stdout) as { name: string }[];
  assert.deepEqual(
    applied.map(({ name }) => name),
    ["first", "second"],
  );
  const missing = await cli(["apply", definition(t, BODY, "third"), "nowhere.yaml"]);
  assert.deepEqual([missing.code, missing.stdout], [2, ""]);
  assert.match(missing.stderr, /^millrace: nowhere\.yaml: no such file; .*\n$/);
  const stored = runtime.workflows.map(({ name }) => name);
  assert.deepEqual(stored, ["first", "second"], "nothing is applied when a file cannot be read");
});

test("apply takes a definition from standard input", async (t) => {
  const { cli, runtime } = await api(t);
  const document = { dsl: "1.0.3", namespace: "test", name: "piped", version: "1.0.0" };
  const stdin = JSON.stringify({ document, do: [] });
  const ended = await cli(["apply", "-"], { stdin });
  assert.deepEqual(ended, { code: 0, stdout: "test/piped 1.0.0\n", stderr: "" });
  assert.equal(runtime.workflows[0]?.text, stdin);
});

test("signals go on after an instance that is refused", async (t) => {
  const { cli, runtime } = await api(t);
  await cli(["apply", definition(t, BODY)]);
  const [first = "", second = ""] = await Promise.all(
    [1, 2].map(async () => (await cli(["start", "test/flow"])).stdout.trim()),
  );
  runtime.end(first, null);
  const ended = await cli(["suspend", first, UNKNOWN, second, "--reason", "audit"]);
  assert.equal(ended.code, 1);
  assert.equal(ended.stdout, `${second} suspended\n`);
  const [terminal = "", unknown = "", ...more] = ended.stderr.trimEnd().split("\n");
  assert.match(terminal, new RegExp(`^millrace: .*${first}.*\\(instance-terminal\\)\\. `));
  assert.match(unknown, /\(instance-not-found\)/);
  assert.deepEqual(more, []);
  const resumed = await cli(["resume", second, "-o", "json"]);
  const [instance] = JSON.parse(resumed.stdout) as [{ id: string; status: string }];
  assert.deepEqual([instance.id, instance.status], [second, "running"]);
});

test("start tells what is durable, with -o json and with a key used for something else", async (t) => {
  const { cli } = await api(t);
  await cli(["apply", definition(t, BODY)]);
  const start = ["start", "test/flow", "--idempotency-key", "k", "-o", "json"];
  const first = JSON.parse((await cli(start)).stdout) as { id: string; created: boolean };
  assert.equal(first.created, true);
  assert.deepEqual(JSON.parse((await cli(start)).stdout), { id: first.id, created: false });
  const other = await cli([...start, "--input", "1"]);
  assert.deepEqual([other.code, other.stdout], [1, ""]);
  assert.match(other.stderr, /^millrace: .*\(idempotency-key-reuse\)\. Use a new key .*\n$/);
  const waited = await cli(["start", "test/flow", "--wait", "10ms", "-o", "json"]);
  assert.equal(waited.code, 1);
  assert.equal((JSON.parse(waited.stdout) as { status: string }).status, "running");
});

test("start --wait outlives a lost connection, and starts one instance", async (t) => {
  const cutOff = (response: ServerResponse) => void response.destroy();
  const { url, asked } = await scripted(t, [
    cutOff,
    json({ id: UNKNOWN, created: true }),
    cutOff,
    cutOff,
    cutOff,
    cutOff,
    json({ id: UNKNOWN, status: "completed", output: 42 }),
  ]);
  const ended = await millrace(["start", "test/flow", "--wait", "1d", "--url", url]);
  assert.deepEqual(ended, { code: 0, stdout: "42\n", stderr: "" });
  const start = "POST /v1/workflows/test/flow/instances";
  const wait = `GET /v1/instances/${UNKNOWN}?wait=30000ms`;
  assert.deepEqual(asked.slice(0, 3), [start, start, wait]);
});

test("lists ask for as many pages as they need, and tables stay tables", async (t) => {
  const summary = {
    namespace: "test",
    name: "flow",
    version: "1.0.0",
    digest: "d",
    createdAt: "2026-11-05T12:00:01.000Z",
  };
  const { url, asked } = await scripted(t, [
    json({ items: [{ ...summary, title: "two\nlines \u001b[31mred" }], nextCursor: "a b" }),
    json({ items: [{ ...summary, version: "1.10.0" }], nextCursor: "more" }),
  ]);
  const ended = await millrace(["list", "workflows", "-w", "test/flow", "-n", "2", "--url", url]);
  assert.equal(
    ended.stdout,
    `${[
      "WORKFLOW   VERSION  APPLIED              TITLE",
      "test/flow  1.0.0    2026-11-05 12:00:01  two\\nlines \\u001b[31mred",
      "test/flow  1.10.0   2026-11-05 12:00:01",
    ].join("\n")}\n`,
  );
  assert.deepEqual(asked, [
    "GET /v1/workflows?namespace=test&name=flow&limit=2",
    "GET /v1/workflows?namespace=test&name=flow&limit=2&cursor=a+b",
  ]);
});

test("list filters by status and time, and gives JSON", async (t) => {
  const { url, asked } = await scripted(t, [json({ items: [] })]);
  const since = "2026-11-05T12:00:00+01:00";
  const words = ["list", "-s", "faulted", "cancelled", "--since", since, "-o", "json"];
  const ended = await millrace([...words, "--url", `${url}/`]);
  assert.deepEqual(ended, { code: 0, stdout: "[]\n", stderr: "" });
  const query = new URL(asked[0]?.slice("GET ".length) ?? "", url).searchParams;
  assert.deepEqual(query.getAll("status"), ["faulted", "cancelled"]);
  assert.equal(query.get("since"), "2026-11-05T11:00:00.000Z");
});

test("history --follow outlives a lost connection and misses nothing", async (t) => {
  const fact = (seq: number, kind: string) => ({ seq, kind, at: "2026-11-05T12:00:01.250Z" });
  const line = (seq: number, kind: string) => `data: ${JSON.stringify(fact(seq, kind))}\n\n`;
  const stream = (text: string) => (response: ServerResponse) => {
    response.setHeader("content-type", "text/event-stream");
    response.write(text, () => response.destroy());
  };
  const { url, asked } = await scripted(t, [
    json({ id: UNKNOWN, status: "running" }),
    stream(line(1, "workflow.started")),
    (response) => response.destroy(),
    stream(line(2, "workflow.completed")),
  ]);
  const ended = await millrace(["history", UNKNOWN, "-f", "--url", url]);
  assert.deepEqual(ended, {
    code: 0,
    stdout:
      "   1  2026-11-05 12:00:01.250  workflow.started\n" +
      "   2  2026-11-05 12:00:01.250  workflow.completed\n",
    stderr: "",
  });
  const stream0 = `GET /v1/instances/${UNKNOWN}/events`;
  assert.deepEqual(asked.slice(1), [
    `${stream0}?after=0`,
    `${stream0}?after=1`,
    `${stream0}?after=1`,
  ]);
});

test("the option wins over the variable, and an empty variable says nothing", async (t) => {
  const key = "a-long-enough-key";
  const { cli, url } = await api(t, { apiKeys: [key] });
  const listed = { code: 0, stdout: "no instances\n", stderr: "" };
  const wrong = { MILLRACE_URL: "http://127.0.0.1:1", MILLRACE_API_KEY: "wrong" };
  assert.deepEqual(await cli(["list", "--url", url, "--api-key", key], { env: wrong }), listed);
  assert.deepEqual(await cli(["list"], { env: { MILLRACE_API_KEY: `${key}\n` } }), listed);
  const without = await cli(["list"], { env: { MILLRACE_API_KEY: "" } });
  assert.equal(without.code, 1);
  assert.match(without.stderr, /^millrace: .*\(unauthorized\)\. Send .*\n$/);
  for (const [env, message] of [
    [{ MILLRACE_URL: "shop" }, "MILLRACE_URL: expected one such as http"],
    [{ MILLRACE_API_KEY: "se cret" }, "MILLRACE_API_KEY: expected printable ASCII"],
  ] as const) {
    const ended = await cli(["list"], { env });
    assert.equal(ended.code, 2);
    assert.ok(ended.stderr.startsWith(`millrace: ${message}`), ended.stderr);
    assert.ok(!ended.stderr.includes("cret"));
  }
});

test("another program at the address is named as such", async (t) => {
  const { url } = await scripted(t, [(response) => void response.end("<html>")]);
  const ended = await millrace(["describe", UNKNOWN, "--url", url]);
  assert.equal(ended.code, 1);
  assert.equal(
    ended.stderr,
    `millrace: ${url} did not answer in JSON, as a Millrace server does (unexpected-answer). Check --url or MILLRACE_URL.\n`,
  );
});

test("functions of the default catalog are put, got, listed and deleted", async (t) => {
  const { cli } = await api(t);
  const text = "set: { greeting: hello }\n";
  const put = await cli(["function", "put", "greet:1.0.0", "-"], { stdin: text });
  assert.deepEqual(put, { code: 0, stdout: "greet:1.0.0@default\n", stderr: "" });
  const got = await cli(["function", "get", "greet:1.0.0@default"]);
  assert.deepEqual(got, { code: 0, stdout: text, stderr: "" });
  const listed = await cli(["list", "functions"]);
  assert.match(listed.stdout, /^FUNCTION +SOURCE +CHANGED\ngreet:1\.0\.0@default +api +2026-/);
  const bad = await cli(["function", "put", "greet:1.0.0", "-"], { stdin: "[]" });
  assert.deepEqual([bad.code, bad.stdout], [2, ""]);
  assert.match(bad.stderr, /expected a task \(function-invalid\)/);
  assert.equal((await cli(["function", "delete", "greet:1.0.0"])).code, 0);
  const gone = await cli(["function", "get", "greet:1.0.0"]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /\(function-not-found\)/);
  const name = await cli(["function", "get", "greet"]);
  assert.equal(name.code, 2);
  assert.match(name.stderr, /greet: expected NAME:VERSION/);
});

test("start, list and describe take and show priorities", async (t) => {
  const { cli } = await api(t);
  const file = definition(t, BODY);
  await cli(["apply", file]);
  const started = await cli(["start", "test/flow", "--priority", "p1"]);
  const id = started.stdout.trim();
  assert.equal(started.code, 0, started.stderr);
  assert.match((await cli(["describe", id])).stdout, /^Priority {2}P1$/m);
  assert.match((await cli(["list"])).stdout, /^ID +WORKFLOW +VERSION +STATUS +PRIORITY .*\n.* P1 /);
  assert.match((await cli(["list", "--priority", "P1", "P3"])).stdout, new RegExp(id));
  assert.match((await cli(["list", "-p", "P0"])).stdout, /no instances/);
  for (const words of [
    ["start", "test/flow", "-p", "high"],
    ["list", "-p", "5"],
  ]) {
    const refused = await cli(words);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /--priority: \w+: expected P0 \(first\), P1, P2, P3 or P4 \(last\)/,
    );
  }
});

test("start hands on the trace of whoever calls, and refuses what is none", async (t) => {
  const { cli, runtime } = await api(t);
  await cli(["apply", definition(t, BODY)]);
  const traces: unknown[] = [];
  const start = runtime.startInstance.bind(runtime);
  runtime.startInstance = (request) => {
    traces.push(request.trace);
    return start(request);
  };
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const words = ["start", "test/flow", "--traceparent", traceparent];
  assert.equal((await cli([...words, "--tracestate", "vendor=1"])).code, 0);
  assert.equal((await cli(["start", "test/flow"])).code, 0);
  assert.deepEqual(traces, [{ traceparent, tracestate: "vendor=1" }, undefined]);
  for (const bad of [traceparent.toUpperCase(), traceparent.slice(3), "00", ""]) {
    const refused = await cli(["start", "test/flow", "--traceparent", bad]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--traceparent: .*: expected one such as 00-0af7/);
  }
  const alone = await cli(["start", "test/flow", "--tracestate", "vendor=1"]);
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /--tracestate: needs --traceparent/);
  assert.equal(traces.length, 2);
});

test("retry goes on, and says what is wrong with what it is given", async (t) => {
  const { cli, runtime } = await api(t);
  await cli(["apply", definition(t, BODY)]);
  const id = (await cli(["start", "test/flow"])).stdout.trim();
  runtime.fault(id, { type: "https://example.test/x", status: 500 });
  for (const words of [
    ["--input", "{"],
    ["--wait", "soon"],
  ])
    assert.equal((await cli(["retry", id, ...words])).code, 2);
  const nobody = await cli(["retry", id, "--from", "nobody"]);
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /body\.from: no task nobody/);
  const retried = await cli(["retry", id, "--from", "greet", "--input", '{"a":1}']);
  assert.deepEqual(retried, { code: 0, stdout: `${id} running\n`, stderr: "" });
  assert.match((await cli(["history", id])).stdout, /workflow\.retried +from greet/);
  const again = await cli(["retry", id]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /it is running, not faulted \(instance-not-retryable\)/);
});

test("describe shows what is waited for, and what failed with the next thing to try", async (t) => {
  const { cli, runtime } = await api(t);
  await cli(["apply", definition(t, BODY)]);
  const id = (await cli(["start", "test/flow"])).stdout.trim();
  const since = Date.now();
  runtime.describe(id, {
    waitingFor: [
      {
        kind: "activity",
        task: "/do/0/a",
        name: "a",
        since,
        type: "call:http",
        target: "GET shop",
        attempt: 2,
      },
      {
        kind: "event",
        task: "/do/1/e",
        name: "e",
        since,
        events: [{ type: "paid", correlation: { order: 7 } }],
      },
    ],
  });
  const waiting = (await cli(["describe", id])).stdout;
  assert.match(waiting, /Waiting for\n {2}a \(\/do\/0\/a\): call:http GET shop, attempt 2, for /);
  assert.match(waiting, /e \(\/do\/1\/e\): an event paid with \{"order":7\}, for /);
  const error = { type: "https://example.test/x", status: 500, title: "Broken" };
  runtime.fault(id, error);
  runtime.describe(id, {
    fault: { task: "/do/0/a", name: "a", input: { n: 1 }, attempt: 3, error, hint: "Try `it`." },
  });
  const faulted = (await cli(["describe", id])).stdout;
  assert.match(
    faulted,
    /Fault\n {2}Task {3}a \(\/do\/0\/a\), attempt 3\n {2}Input {2}\{"n":1\}\n {2}Error .*Broken.*\n {2}Next {3}Try `it`\./,
  );
});

test("history says where large values are, and describe shows the beginning of a long one", async (t) => {
  const { cli, runtime } = await api(t);
  await cli(["apply", definition(t, BODY)]);
  const input = { lines: Array.from({ length: 300 }, (_, n) => `line ${n}`), word: "x".repeat(9) };
  const text = JSON.stringify(input);
  const id = (await cli(["start", "test/flow", "--input", text])).stdout.trim();
  const digest = "0123456789abcdef".repeat(4);
  const payloads = [
    { path: "/output/scan", digest, bytes: 8_388_608 },
    { path: "/output/a~1b", digest, bytes: 33_000 },
  ];
  const fact = { kind: "task.completed", task: "/do/0/a", occurrence: "1", payloads } as const;
  runtime.append(id, { ...fact, output: { scan: null } });
  const shown = (await cli(["history", id])).stdout;
  assert.match(
    shown,
    / {2}\{"scan":null\} {2}\/output\/scan: 8 MiB, payload 0123456789ab {2}\/output\/a~1b: 32\.2 KiB, payload 0123456789ab$/m,
  );
  const lines = (await cli(["history", id, "-o", "json"])).stdout.trim().split("\n");
  assert.deepEqual((JSON.parse(lines.at(-1) ?? "") as typeof fact).payloads, payloads);
  const described = (await cli(["describe", id])).stdout;
  assert.match(described, /"line 197",\n {2}… \d\.\d KiB in all: -o json has the rest$/m);
  assert.doesNotMatch(described, /"line 250"/);
  const whole = JSON.parse((await cli(["describe", id, "-o", "json"])).stdout) as { input: object };
  assert.deepEqual(whole.input, input);
});
