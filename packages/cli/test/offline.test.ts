/** What works without a server: run and validate. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { COMMAND, definition, folder, millrace } from "./command.ts";

const GREET = 'do:\n  - greet:\n      set:\n        greeting: ${ "Hello, " + .name }\n';
const RAISE = `do:
  - outer:
      do:
        - fail:
            raise:
              error: { type: https://example.org/late, status: 410, title: Too late, detail: it is over }
`;

test("run prints the output alone", async (t) => {
  const file = definition(t, GREET);
  const ended = await millrace(["run", file, "--input", '{"name":"Ada"}']);
  assert.deepEqual(ended, { code: 0, stdout: '{\n  "greeting": "Hello, Ada"\n}\n', stderr: "" });
});

test("run takes its input from a file, and its definition from standard input", async (t) => {
  const file = join(folder(t), "input.json");
  writeFileSync(file, '{"name":"Grace"}');
  const stdin = `document: {dsl: 1.0.3, namespace: test, name: flow, version: 1.0.0}\n${GREET}`;
  const ended = await millrace(["run", "-", "--input", `@${file}`], { stdin });
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(JSON.parse(ended.stdout), { greeting: "Hello, Grace" });
});

test("run -o json tells everything about the run", async (t) => {
  const file = definition(t, GREET);
  const { code, stdout } = await millrace(["run", file, "-o", "json", "-i", '{"name":"Ada"}']);
  assert.equal(code, 0);
  const { id, tasks, ...rest } = JSON.parse(stdout) as Record<string, unknown>;
  assert.match(String(id), /^[0-7][0-9A-Z]{25}$/);
  assert.deepEqual(rest, {
    status: "completed",
    input: { name: "Ada" },
    output: { greeting: "Hello, Ada" },
  });
  const [task] = tasks as [Record<string, string>];
  const { startedAt, endedAt, ...greet } = task;
  assert.deepEqual(greet, { reference: "/do/0/greet", name: "greet", status: "completed" });
  for (const time of [startedAt, endedAt]) assert.match(String(time), /^\d{4}-.*Z$/);
});

test("run of a workflow that faults says where and exits 1", async (t) => {
  const file = definition(t, RAISE);
  const ended = await millrace(["run", file]);
  assert.deepEqual(ended, {
    code: 1,
    stdout: "",
    stderr: "/do/0/outer/do/0/fail: Too late: it is over (410 https://example.org/late)\n",
  });
  const { code, stdout } = await millrace(["run", file, "-o", "json"]);
  assert.equal(code, 1);
  const { status, error } = JSON.parse(stdout) as {
    status: string;
    error: Record<string, unknown>;
  };
  assert.equal(status, "faulted");
  assert.equal(error["instance"], "/do/0/outer/do/0/fail");
});

test("run calls servers on loopback", async (t) => {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json").end('{"pet":"Rex"}');
  }).listen(0);
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const call = `do:\n  - getPet:\n      call: http\n      with: { method: get, endpoint: "http://127.0.0.1:${port}/" }\n`;
  const ended = await millrace(["run", definition(t, call)]);
  assert.equal(ended.stderr, "");
  assert.deepEqual(JSON.parse(ended.stdout), { pet: "Rex" });
});

test("run fetches functions and schemas from outside at its start", async (t) => {
  const catalog = folder(t);
  const at = join(catalog, "functions/greet/1.0.0");
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, "function.yaml"), "set: { greeting: '${ \"Hello \" + .who }' }\n");
  const server = createServer((_, response) => {
    response.end('{"type":"object","required":["who"]}');
  }).listen(0);
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/schema.json`;
  const call = `input: { schema: { resource: { endpoint: "${url}" } } }\ndo:\n  - g: { call: "greet:1.0.0@default", with: { who: "\${ .who }" } }\n`;
  const file = definition(t, call);
  const env = { MILLRACE_CATALOG_FOLDER: catalog };
  const ended = await millrace(["run", file, "--input", '{"who":"Ada"}'], { env });
  assert.equal(ended.stderr, "");
  assert.deepEqual(JSON.parse(ended.stdout), { greeting: "Hello Ada" });
  const without = await millrace(["run", file]);
  assert.deepEqual([without.code, without.stdout], [2, ""]);
  assert.match(
    without.stderr,
    /^\S+flow\.yaml:8:\d+ do\[0\]\.g\.call: function greet:1\.0\.0@default: /,
  );
  const offline = await millrace(["validate", file]);
  assert.equal(offline.code, 0);
  assert.match(offline.stderr, /not looked at: function greet:1\.0\.0@default\n/);
});

test("run finds child workflows in the files given", async (t) => {
  const child = definition(t, "do:\n  - answer:\n      set: { answer: 42 }\n", "child");
  const parent = definition(
    t,
    "do:\n  - ask:\n      run:\n        workflow: { namespace: test, name: child, version: latest }\n",
    "parent",
  );
  const ended = await millrace(["run", parent, "--with", child]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(JSON.parse(ended.stdout), { answer: 42 });
  const alone = await millrace(["run", parent]);
  assert.equal(alone.code, 1);
  assert.match(alone.stderr, /^\/do\/0\/ask: .*test\/child/);
});

test("run hears what the workflow emits itself", async (t) => {
  const file = definition(
    t,
    `do:
  - both:
      fork:
        branches:
          - hear: { listen: { to: { one: { with: { type: said } } } } }
          - say: { emit: { event: { with: { type: said, data: 1 } } } }
  - heard: { set: { heard: "\${ .[0] }" } }
`,
  );
  const ended = await millrace(["run", file]);
  assert.deepEqual(ended, { code: 0, stdout: '{\n  "heard": [\n    1\n  ]\n}\n', stderr: "" });
});

test("run says so when a workflow waits for an event that nothing can send", async (t) => {
  const file = definition(t, "do:\n  - hear: { listen: { to: { one: { with: { type: t } } } } }\n");
  const { code, stderr } = await millrace(["run", file]);
  assert.equal(code, 1);
  assert.match(stderr, /^millrace: \/do\/0\/hear: listens, and nothing .* sends events; a server/m);
});

test("Ctrl-C cancels the run", async (t) => {
  const asked = Promise.withResolvers<void>();
  const server = createServer(() => asked.resolve()).listen(0);
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const call = `do:\n  - ask:\n      call: http\n      with: { method: get, endpoint: "http://127.0.0.1:${port}/" }\n`;
  const options = { interrupt: asked.promise };
  const ended = await millrace(["run", definition(t, call), "-o", "json"], options);
  assert.equal(ended.code, 130);
  assert.equal((JSON.parse(ended.stdout) as { status: string }).status, "cancelled");
});

test("what cannot be run exits 2, with a line for each thing that is wrong", async (t) => {
  const file = definition(t, "do:\n  - a:\n      set: {}\n  - b:\n      colour: blue\n");
  const invalid = await millrace(["run", file]);
  assert.equal(invalid.code, 2);
  assert.equal(invalid.stdout, "");
  for (const line of invalid.stderr.trimEnd().split("\n")) {
    assert.ok(line.startsWith(`${file}:`), line);
    assert.match(line.slice(file.length), /^:\d+:\d+ \S+.*: \S/);
  }
  const good = definition(t, GREET);
  for (const [words, message] of [
    [["run"], /missing required argument 'file'/],
    [["run", "nowhere.yaml"], /^millrace: nowhere\.yaml: no such file; give the path/],
    [["run", good, "--input", "{"], /^millrace: --input: .*; give JSON, or @file/],
    [["run", good, "--colour"], /unknown option '--colour'/],
    [["rum", good], /unknown command 'rum'.*\n.*Did you mean run/],
  ] as const) {
    const { code, stderr, stdout } = await millrace(words);
    assert.equal(code, 2, words.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, message);
  }
});

test("validate prints every issue of every file, and what is valid", async (t) => {
  const good = definition(t, GREET);
  const bad = definition(t, "do:\n  - a:\n      set: { x: 1 }\n      then: nowhere\n");
  const both = await millrace(["validate", good, bad]);
  assert.equal(both.code, 2);
  assert.equal(both.stdout, `${good}: valid (test/flow 1.0.0)\n`);
  assert.match(both.stderr, new RegExp(`^${bad}:\\d+:\\d+ do\\[0\\]\\.a\\.then: `));
  const json = await millrace(["validate", bad, "-o", "json"]);
  assert.equal(json.code, 2);
  const [result] = JSON.parse(json.stdout) as [{ valid: boolean; issues: { path: string }[] }];
  assert.equal(result.valid, false);
  assert.equal(result.issues[0]?.path, "do[0].a.then");
  assert.equal((await millrace(["validate", good])).code, 0);
});

test("help lists the commands and exit codes; the version is the package's", async () => {
  const { code, stdout } = await millrace(["--help"]);
  assert.equal(code, 0);
  for (const word of ["run", "dev", "apply", "history", "Exit codes", "--help"]) {
    assert.ok(stdout.includes(word), word);
  }
  assert.equal((await millrace(["--version"])).stdout, "0.1.0\n");
});

test("a reader that has seen enough is no error", async (t) => {
  const { spawn } = await import("node:child_process");
  const big = definition(t, "do:\n  - many:\n      set:\n        many: ${ [range(200000)] }\n");
  const child = spawn(process.execPath, [COMMAND, "run", big], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (stderr += text));
  child.stdout.once("data", () => child.stdout.destroy());
  const [code] = (await once(child, "close")) as [number];
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
});
