/** A whole server on this machine, through the command and the client, through kills. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { watch } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Instance, MillraceClient } from "@millrace/sdk";
import { postgresPid } from "@millrace/server/embedded";
import { createDatabase } from "@millrace/testkit";
import { definition, folder, millrace, type Serving, serve, stop } from "./command.ts";

const ADD = "do:\n  - add:\n      set:\n        sum: ${ .a + .b }\n";
const SLEEP = "do:\n  - rest:\n      wait: { seconds: 600 }\n";

async function started(t: TestContext, dataDir = folder(t), port = "0") {
  const serving = await serve(t, ["dev", "--port", port, "--data-dir", dataDir]);
  const env = { MILLRACE_URL: serving.url };
  const client = new MillraceClient({
    url: serving.url,
    retry: { retries: 50, longestDelay: 200 },
  });
  return { ...serving, dataDir, client, cli: (...words: string[]) => millrace(words, { env }) };
}

/** A server that holds each request back until the test answers it. */
async function patientServer(t: TestContext) {
  const waiting: ServerResponse[] = [];
  const arrivals: (() => void)[] = [];
  const keys: unknown[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers["idempotency-key"]);
    waiting.push(response);
    arrivals.shift()?.();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    keys,
    /** Resolves at the next request. */
    arrival: () => new Promise<void>((resolve) => arrivals.push(resolve)),
    answer: () => {
      const response = waiting.pop();
      response?.setHeader("content-type", "application/json");
      response?.end('"answered"');
    },
  };
}

test("applies, starts, lists, describes, follows and signals", async (t) => {
  const { cli, stdout, url } = await started(t);
  assert.equal(stdout(), `ready ${url}\n`);
  const add = definition(t, ADD, "add");
  const sleep = definition(t, SLEEP, "sleep");
  assert.equal((await cli("list")).stdout, "no instances\n");
  const applied = await cli("apply", add, sleep);
  assert.deepEqual(applied, { code: 0, stdout: "test/add 1.0.0\ntest/sleep 1.0.0\n", stderr: "" });

  const sum = await cli("start", "test/add", "--input", '{"a":1,"b":2}', "--wait", "30s");
  assert.deepEqual(JSON.parse(sum.stdout), { sum: 3 });
  const faulted = await cli("start", "test/add", "--input", '{"a":1,"b":{}}', "--wait", "30s");
  assert.equal(faulted.code, 1);
  assert.match(faulted.stderr, /^\/do\/0\/add: /);

  const start = ["start", "test/sleep", "--idempotency-key", "once"];
  const id = (await cli(...start)).stdout.trim();
  assert.equal((await cli(...start)).stdout.trim(), id, "one instance for a key");
  const late = await cli("start", "test/sleep", "--wait", "50ms");
  assert.equal(late.code, 1);
  assert.match(late.stderr, /is waiting after 50ms; `millrace describe \S+` shows how it goes on/);

  const table = (await cli("list", "--workflow", "test/sleep", "--limit", "1")).stdout.split("\n");
  assert.match(table[0] ?? "", /^ID +WORKFLOW +VERSION +STATUS +PRIORITY +CREATED +ENDED$/);
  assert.match(table[1] ?? "", /^\S{26} {2}test\/sleep +1\.0\.0 +waiting/);
  const waiting = await cli("list", "--status", "waiting", "-o", "json");
  const rows = JSON.parse(waiting.stdout) as Instance[];
  assert.deepEqual(new Set(rows.map(({ name }) => name)), new Set(["sleep"]));
  assert.match((await cli("list", "workflows")).stdout, /test\/add +1\.0\.0/);

  const shown = (await cli("describe", id)).stdout;
  for (const part of [/^Instance +\S{26}$/m, /^Status +waiting$/m, /^ {2}… rest /m]) {
    assert.match(shown, part);
  }
  assert.match((await cli("describe", "test/add")).stdout, /set:\n {8}sum: /);

  const follow = cli("history", id, "--follow", "-o", "json");
  assert.equal((await cli("suspend", id, "--reason", "audit")).stdout, `${id} suspended\n`);
  assert.match((await cli("resume", id)).stdout, new RegExp(`^${id} (running|waiting)\n$`));
  assert.equal((await cli("cancel", id)).stdout, `${id} cancelled\n`);
  const facts = (await follow).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  const kinds = facts.map((fact) => (fact as { kind: string }).kind);
  assert.deepEqual(kinds, [
    "workflow.started",
    "task.started",
    "workflow.suspended",
    "workflow.resumed",
    "task.cancelled",
    "workflow.cancelled",
  ]);
  assert.match((await cli("history", id)).stdout, /^ {3}3 .* workflow\.suspended +audit$/m);
});

test("refusals are a line each, saying what to do", async (t) => {
  const { cli } = await started(t);
  const id = "01JC7Z6V5M3B8Q4X2N9R0T1WYA";
  const bad = definition(t, "do:\n  - a:\n      set: { x: 1 }\n      then: nowhere\n");
  for (const [words, code, message] of [
    [["describe", id], 1, /^millrace: .*\(instance-not-found\)\. Check the id/],
    [["start", "test/none"], 1, /^millrace: .*\(workflow-not-found\)\. .*apply the workflow first/],
    [["start", "none"], 2, /^millrace: none: expected NAMESPACE\/NAME/],
    [["list", "--status", "odd"], 2, /^millrace: --status: odd: expected one of pending, /],
    [["list", "things"], 2, /^millrace: list things: expected instances, workflows or functions/],
    [["apply", bad], 2, /^\S+flow\.yaml:9:\d+ do\[0\]\.a\.then: .*\nmillrace: .*workflow-invalid/],
    [["describe", id, "--url", "nowhere"], 2, /^millrace: --url: expected one such as/],
  ] as const) {
    const ended = await cli(...words);
    assert.deepEqual(
      { code: ended.code, stdout: ended.stdout },
      { code, stdout: "" },
      words.join(" "),
    );
    assert.match(ended.stderr, message);
  }
  const alone = await millrace(["list"], { env: { MILLRACE_URL: "http://127.0.0.1:1" } });
  assert.equal(alone.code, 3);
  assert.match(alone.stderr, /^millrace: cannot reach .*; start one with `millrace dev`/);
});

test("what was acknowledged goes on after SIGKILL of the server, of PostgreSQL, and of both", async (t) => {
  const called = await patientServer(t);
  const call = `do:\n  - ask:\n      call: http\n      with: { method: post, endpoint: "${called.url}" }\n`;
  const first = await started(t);
  const { dataDir } = first;
  await first.client.workflows.apply(asked(call));
  const { port } = new URL(first.url);
  let serving: Serving = first;
  for (const [turn, victims] of [["server"], ["PostgreSQL"], ["server", "PostgreSQL"]].entries()) {
    const arrived = called.arrival();
    const { id } = await first.client.instances.start({ namespace: "test", name: "ask" });
    await arrived;
    const pid = postgresPid(dataDir);
    assert.ok(pid !== undefined);
    if (victims.includes("server")) {
      const again = called.arrival();
      await stop(serving.process, "SIGKILL");
      if (victims.includes("PostgreSQL")) process.kill(pid, "SIGKILL");
      serving = await started(t, dataDir, port);
      await again;
    } else {
      const back = replacement(dataDir, pid);
      process.kill(pid, "SIGKILL");
      await back;
    }
    called.answer();
    const ended = await first.client.instances.wait(id);
    assert.deepEqual(
      [ended.status, ended.output],
      ["completed", "answered"],
      victims.join(" and "),
    );
    const keys = called.keys.splice(0);
    assert.equal(keys.length, victims.includes("server") ? 2 : 1, `turn ${turn}`);
    assert.equal(new Set(keys).size, 1, "a repeated call carries the same key");
  }
});

/** Resolves when another PostgreSQL than `pid` serves the directory. */
async function replacement(dataDir: string, pid: number): Promise<void> {
  for await (const _ of watch(join(dataDir, "postgres"))) {
    const now = postgresPid(dataDir);
    if (now !== undefined && now !== pid) return;
  }
}

const asked = (body: string): string =>
  `document:\n  dsl: 1.0.3\n  namespace: test\n  name: ask\n  version: 1.0.0\n${body}`;

test("a timer that came due while nothing ran fires after the start", async (t) => {
  const first = await started(t);
  const rest =
    "do:\n  - rest:\n      wait: { milliseconds: 300 }\n  - done:\n      set: { done: true }\n";
  await first.client.workflows.apply(asked(rest));
  const { id } = await first.client.instances.start({ namespace: "test", name: "ask" });
  await stop(first.process, "SIGKILL");
  const { client } = await started(t, first.dataDir);
  const ended = await client.instances.wait(id);
  assert.deepEqual(ended.output, { done: true });
  const rested = Date.parse(ended.endedAt ?? "") - Date.parse(ended.createdAt);
  assert.ok(rested >= 300, `${rested} ms`);
});

test("SIGTERM ends everything in an orderly way", async (t) => {
  const { process: server, dataDir } = await started(t);
  assert.equal(await stop(server, "SIGTERM"), 0);
  assert.equal(postgresPid(dataDir), undefined, "PostgreSQL has removed its pid file");
});

test("a directory or a port that is taken is named in one line", async (t) => {
  const { dataDir, url } = await started(t);
  const sameFolder = await millrace(["dev", "--port", "0", "--data-dir", dataDir]);
  assert.equal(sameFolder.code, 1);
  assert.match(
    sameFolder.stderr,
    /^millrace: .* is in use by process \d+: stop it, or give another --data-dir\n$/,
  );
  const other = folder(t);
  const samePort = await millrace(["dev", "--port", new URL(url).port, "--data-dir", other]);
  assert.equal(samePort.code, 1);
  // On a machine that is very busy, warnings may come before; nothing else may.
  const warnings = samePort.stderr.split("\n").slice(0, -2);
  for (const line of warnings) assert.equal(JSON.parse(line).level, "warn");
  const said = samePort.stderr.slice(warnings.join("\n").length + Math.sign(warnings.length));
  assert.match(said, /^millrace: port \d+ is in use, .*another --port\n$/);
  assert.equal(postgresPid(other), undefined, "PostgreSQL was stopped");
});

test("server runs on the PostgreSQL it is given, and says when it is given none", async (t) => {
  const none = await millrace(["server", "--port", "0"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^millrace: MILLRACE_DATABASE_URL: .*\n$/);
  const open = await millrace(["server", "--port", "0", "--host", "0.0.0.0"], {
    env: { MILLRACE_DATABASE_URL: "postgres://x@127.0.0.1:1/x" },
  });
  assert.equal(open.code, 2);
  assert.match(open.stderr, /^millrace: MILLRACE_HOST: .*set MILLRACE_API_KEYS/);
  const database = await createDatabase();
  t.after(() => database.drop());
  const env = { MILLRACE_DATABASE_URL: database.url, MILLRACE_API_KEYS: "a-long-enough-key" };
  const { url, process: server } = await serve(t, ["server", "--port", "0"], env);
  const refused = await millrace(["list", "--url", url]);
  assert.match(refused.stderr, /\(unauthorized\)/);
  const listed = await millrace(["list", "--url", url], {
    env: { MILLRACE_API_KEY: "a-long-enough-key" },
  });
  assert.deepEqual(listed, { code: 0, stdout: "no instances\n", stderr: "" });
  await stop(server);
});
