/**
 * Restate: its server from npm, a service in a process of its own with `ctx.run` steps that each answer at once, and this
 * process, which calls it over the ingress and waits for the answer. The variant is the number of partitions; without one
 * the server's default stands. What it stores is on the same disk as PostgreSQL's data, with its defaults (fsync on).
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { runJob } from "../job.ts";

const PATIENCE = 30_000;

await runJob(async ({ steps, variant, folder }) => {
  const [ingress, admin, node] = await Promise.all([freePort(), freePort(), freePort()]);
  const config = join(folder, "restate.toml");
  writeFileSync(
    config,
    `${variant === undefined ? "" : `default-num-partitions = ${variant}\n`}disable-telemetry = true
log-filter = "error"
base-dir = ${JSON.stringify(join(folder, "data"))}
bind-address = "127.0.0.1:${node}"
advertised-address = "http://127.0.0.1:${node}"
[ingress]
bind-address = "127.0.0.1:${ingress}"
[admin]
bind-address = "127.0.0.1:${admin}"
`,
  );
  const server = spawn(executable(), ["--config-file", config, "--no-logo"], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const service = fork(join(import.meta.dirname, "restate-service.mjs"), [String(steps)]);
  process.once("exit", () => {
    server.kill("SIGKILL");
    service.kill("SIGKILL");
  });
  server.once("exit", (code) => {
    console.error(`restate-server ended with ${code}`);
    process.exit(1);
  });
  const [port] = await once(service, "message");
  await register(admin, port);
  const agent = new Agent({ keepAlive: true });
  const call = (n) =>
    post(agent, ingress, "/bench/steps", JSON.stringify({ n })).then(({ status, text }) => {
      if (status !== 200) throw new Error(`the ingress answered ${status}: ${text}`);
      return JSON.parse(text);
    });
  await untilDone(() => call(0));
  return {
    async work(n) {
      const output = await call(n);
      if (output.n !== n + steps) throw new Error(`got ${output.n}, not ${n + steps}`);
    },
    close: async () => {},
  };
});

function executable() {
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`;
  return createRequire(import.meta.url).resolve(name);
}

function register(admin, port) {
  const body = JSON.stringify({ uri: `http://127.0.0.1:${port}` });
  return untilDone(async () => {
    const { status, text } = await post(undefined, admin, "/deployments", body);
    if (status >= 300) throw new Error(`registering was answered ${status}: ${text}`);
  });
}

/** Again and again until it does not fail, at most {@link PATIENCE} ms. */
async function untilDone(attempt) {
  for (const since = Date.now(); ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() - since > PATIENCE) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function post(agent, port, path, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": body.length };
    const sent = request({ agent, host: "127.0.0.1", port, path, method: "POST", headers });
    sent.once("error", reject);
    sent.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode, text }));
    });
    sent.end(body);
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
