/** Telemetry that is off costs nothing: no module of its SDK is loaded by a server that has run a workflow. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { createDatabase } from "@millrace/testkit";

const SCRIPT = `
import { registerHooks } from "node:module";
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
const { loadConfig, startServer } = await import("@millrace/server");
const server = await startServer(loadConfig(process.env));
const { runtime } = server;
const document = "document: { dsl: '1.0.3', namespace: test, name: hi, version: '1.0.0' }";
await runtime.applyWorkflow({ text: document + "\\ndo: [ { a: { set: { b: 1 } } } ]" });
const { id } = await runtime.startInstance({ namespace: "test", name: "hi", input: {} });
const { status } = await runtime.waitInstance(id, 30000);
await (await fetch(server.url + "/metrics")).text();
await server.stop();
// The API package, which does nothing by itself, is what prom-client loads.
const sdk = loaded.filter((url) => /@opentelemetry\\/(?!api\\/)/.test(url)).length;
const of = (part) => loaded.filter((url) => url.includes(part)).length;
console.log(JSON.stringify({ status, otel: sdk, telemetry: of("/telemetry/open.ts"), all: loaded.length }));
`;

async function load(environment: object): Promise<Record<string, unknown>> {
  const database = await createDatabase();
  const child = spawn(process.execPath, ["--input-type=module", "-e", SCRIPT], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env["PATH"],
      MILLRACE_DATABASE_URL: database.url,
      MILLRACE_PORT: "0",
      MILLRACE_LOG_LEVEL: "error",
      ...environment,
    },
  });
  const pieces: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  await once(child, "exit");
  await database.drop();
  return JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
}

test("no module of OpenTelemetry's SDK is loaded when telemetry is off, and some are when it is on", async () => {
  const off = await load({ OTEL_SERVICE_NAME: "named and yet off" });
  assert.deepEqual([off["status"], off["otel"], off["telemetry"]], ["completed", 0, 0]);
  assert.ok(Number(off["all"]) > 100, "the hook saw nothing");
  // Nobody listens there: the run goes on as if nothing were.
  const port = await closedPort();
  const on = await load({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  assert.equal(on["status"], "completed");
  assert.ok(Number(on["otel"]) > 0);
});

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
