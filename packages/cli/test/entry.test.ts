/** The entry on a Node.js that cannot run TypeScript: it hands over to the newer one, and stands in for it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { COMMAND, definition, folder } from "./command.ts";

/** Makes this Node.js say that it is an old one; the one it hands over to does not see this. */
const OLD = `data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process, "versions", { value: { node: "20.19.0" } });',
)}`;

function onOldNode(words: readonly string[], entry = COMMAND) {
  const child = spawn(process.execPath, ["--import", OLD, entry, ...words], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => void (output[name] += text));
  }
  return { child, output, closed: once(child, "close") as Promise<[number | null, string | null]> };
}

/** A run that waits for an answer which never comes. */
async function hanging(t: TestContext) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const call = `do:\n  - ask:\n      call: http\n      with: { method: get, endpoint: "http://127.0.0.1:${port}/" }\n`;
  const run = onOldNode(["run", definition(t, call), "-o", "json"]);
  t.after(() => kill(run.child));
  const connected = once(server, "connection") as Promise<[NodeJS.EventEmitter]>;
  await once(server, "request");
  const [socket] = await connected;
  return { ...run, socket };
}

function kill(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
}

test("words, streams and exit code go through", async (t) => {
  const run = onOldNode(["run", "-", "--input", '{"name": "Ada Lovelace"}']);
  run.child.stdin.end(
    'document: {dsl: 1.0.3, namespace: test, name: flow, version: 1.0.0}\ndo:\n  - a:\n      set: { hi: "${ .name }" }\n',
  );
  assert.deepEqual(await run.closed, [0, null], run.output.stderr);
  assert.deepEqual(JSON.parse(run.output.stdout), { hi: "Ada Lovelace" });
  const failing = onOldNode(["run", definition(t, "do: []\n"), "--input", "{"]);
  assert.deepEqual(await failing.closed, [2, null]);
  assert.match(failing.output.stderr, /^millrace: --input: .*\n$/);
});

test("SIGINT is passed on where no terminal does", async (t) => {
  const { child, closed, output } = await hanging(t);
  child.kill("SIGINT");
  assert.deepEqual(await closed, [130, null]);
  assert.equal((JSON.parse(output.stdout) as { status: string }).status, "cancelled");
});

test("SIGTERM ends both, as SIGTERM", async (t) => {
  const { child, closed, socket } = await hanging(t);
  const gone = once(socket, "close");
  child.kill("SIGTERM");
  assert.deepEqual(await closed, [null, "SIGTERM"]);
  await gone;
});

test("SIGKILL of the one ends the other", async (t) => {
  const { child, socket } = await hanging(t);
  const gone = once(socket, "close");
  child.kill("SIGKILL");
  await gone;
});

test("without a newer Node.js, one line says what to do", async (t) => {
  const entry = join(folder(t), "millrace.mjs");
  copyFileSync(COMMAND, entry);
  const { closed, output } = onOldNode(["--version"], entry);
  assert.deepEqual(await closed, [1, null]);
  assert.deepEqual(output, {
    stdout: "",
    stderr:
      "millrace: Node.js 20.19.0 is too old: install Node.js 24, or run npm ci, which brings it\n",
  });
});
