import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import pg from "pg";
import { systemClock } from "../clock.ts";
import { type EmbeddedPostgres, postgresPid, startEmbedded } from "./index.ts";
import { until } from "./postmaster.ts";
import { isAlive } from "./processes.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "millrace-embedded-"));
  // Root's PostgreSQL runs as another user.
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

async function started(t: TestContext, dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataDir });
  t.after(() => server.stop());
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

interface Run {
  readonly process: ChildProcess;
  readonly url: string;
  readonly pid: number;
}

/** Another process that starts a server on the same directory; ends when its standard input does. */
async function elsewhere(t: TestContext, dataDir: string): Promise<Run> {
  const script = `
    const { startEmbedded } = await import(${JSON.stringify(new URL("index.ts", import.meta.url).href)});
    const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(JSON.stringify({ url: server.url, pid: server.pid }));
    process.stdin.once("end", () => process.exit(0)).resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { process: child, ...(JSON.parse(line) as { url: string; pid: number }) };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

const gone = (pid: number): Promise<boolean> => until(systemClock(), 10_000, () => !isAlive(pid));

test("starts, keeps its data over a stop, and is durable", async (t) => {
  const dataDir = folder(t);
  const first = await started(t, dataDir);
  await query(first.url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
  const rows = await query(
    first.url,
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'data_checksums', 'full_page_writes', 'synchronous_commit')",
  );
  assert.equal(rows.length, 4);
  for (const { name, setting } of rows) assert.equal(setting, "on", String(name));
  await first.stop();
  assert.ok(!existsSync(join(dataDir, "lock")));
  const second = await started(t, dataDir);
  assert.deepEqual(await query(second.url, "SELECT n FROM kept"), [{ n: 1 }]);
});

test("asks for a password and keeps it from others", async (t) => {
  const dataDir = folder(t);
  const server = await started(t, dataDir);
  const wrong = new URL(server.url);
  wrong.password = "wrong";
  await assert.rejects(query(wrong.href, "SELECT 1"), /password authentication failed/);
  assert.equal(statSync(join(dataDir, "postgres.json")).mode & 0o077, 0);
  assert.equal(statSync(join(dataDir, "postgres")).mode & 0o077, 0);
});

test("refuses a directory that is in use, and says by whom", async (t) => {
  const dataDir = folder(t);
  await started(t, dataDir);
  await assert.rejects(
    startEmbedded({ dataDir }),
    new RegExp(`is in use by process ${process.pid}: stop it, or give another --data-dir`),
  );
});

test("comes back on the same address when PostgreSQL is killed", async (t) => {
  const server = await started(t, folder(t));
  const pool = new pg.Pool({ connectionString: server.url });
  pool.on("error", () => {});
  t.after(() => pool.end());
  await pool.query("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
  const before = server.pid;
  process.kill(before, "SIGKILL");
  assert.ok(await until(systemClock(), 20_000, () => server.pid !== before && server.pid !== 0));
  const { rows } = await pool.query<{ n: number }>("SELECT n FROM kept");
  assert.deepEqual(rows, [{ n: 1 }]);
});

test("comes back on the same address when one of its back ends is killed", async (t) => {
  const server = await started(t, folder(t));
  const pool = new pg.Pool({ connectionString: server.url });
  pool.on("error", () => {});
  t.after(() => pool.end());
  await pool.query("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
  const before = server.pid;
  const { rows } = await pool.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  process.kill(rows[0]?.pid ?? 0, "SIGKILL");
  assert.ok(await until(systemClock(), 20_000, () => server.pid !== before && server.pid !== 0));
  assert.deepEqual((await pool.query<{ n: number }>("SELECT n FROM kept")).rows, [{ n: 1 }]);
});

test("comes back when PostgreSQL is killed again while it starts", async (t) => {
  const dataDir = folder(t);
  const server = await started(t, dataDir);
  await query(server.url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
  const seen = new Set<number | undefined>();
  for (let kill = 0; kill < 3; kill++) {
    const isNew = (): boolean => !seen.has(postgresPid(dataDir) ?? server.pid);
    assert.ok(await until(systemClock(), 20_000, isNew));
    const pid = postgresPid(dataDir) ?? server.pid;
    seen.add(pid);
    process.kill(pid, "SIGKILL");
  }
  assert.ok(await until(systemClock(), 20_000, () => !seen.has(server.pid)));
  assert.deepEqual(await query(server.url, "SELECT n FROM kept"), [{ n: 1 }]);
});

test("tells when PostgreSQL cannot be started again", async (t) => {
  const dataDir = folder(t);
  const failed = Promise.withResolvers<unknown>();
  const server = await startEmbedded({ dataDir, onFailure: failed.resolve });
  t.after(() => server.stop());
  writeFileSync(join(dataDir, "postgres", "PG_VERSION"), "9.1\n");
  process.kill(server.pid, "SIGKILL");
  assert.match(String(await failed.promise), /incompatible/);
});

test("a killed run's PostgreSQL is ended and its data are there", async (t) => {
  const dataDir = folder(t);
  const run = await elsewhere(t, dataDir);
  await query(run.url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
  await kill(run.process);
  assert.ok(isAlive(run.pid), "PostgreSQL outlives the kill");
  const server = await started(t, dataDir);
  assert.notEqual(server.pid, run.pid);
  assert.deepEqual(await query(server.url, "SELECT n FROM kept"), [{ n: 1 }]);
});

test("both killed at once lose nothing", async (t) => {
  const dataDir = folder(t);
  const run = await elsewhere(t, dataDir);
  await query(run.url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
  process.kill(run.pid, "SIGKILL");
  await kill(run.process);
  await gone(run.pid);
  const server = await started(t, dataDir);
  assert.deepEqual(await query(server.url, "SELECT n FROM kept"), [{ n: 1 }]);
});

test("PostgreSQL ends with the process", async (t) => {
  const run = await elsewhere(t, folder(t));
  const exited = once(run.process, "exit");
  run.process.stdin?.end();
  await exited;
  assert.ok(await gone(run.pid));
});

test("a pid file that names another program is no obstacle", async (t) => {
  const dataDir = folder(t);
  const first = await started(t, dataDir);
  const file = join(dataDir, "postgres", "postmaster.pid");
  const text = readFileSync(file, "utf8");
  await first.stop();
  writeFileSync(file, text.replace(/^\d+/, String(process.pid)));
  const second = await started(t, dataDir);
  assert.deepEqual(await query(second.url, "SELECT 1 AS n"), [{ n: 1 }]);
  assert.ok(isAlive(process.pid));
});

test("a first start that was cut off is done anew", async (t) => {
  const dataDir = folder(t);
  mkdirSync(join(dataDir, "postgres.new", "base"), { recursive: true });
  const server = await started(t, dataDir);
  assert.deepEqual(await query(server.url, "SELECT 1 AS n"), [{ n: 1 }]);
  assert.ok(!existsSync(join(dataDir, "postgres.new")));
});

test("a folder that is not PostgreSQL's is left alone", async (t) => {
  const dataDir = folder(t);
  mkdirSync(join(dataDir, "postgres"));
  writeFileSync(join(dataDir, "postgres", "mine.txt"), "precious");
  await assert.rejects(startEmbedded({ dataDir }), /holds no PostgreSQL data: move it away/);
  assert.ok(existsSync(join(dataDir, "postgres", "mine.txt")));
});

test("root's data go elsewhere when their folder is closed to others", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root's PostgreSQL runs as another user");
  const dataDir = folder(t);
  chmodSync(dataDir, 0o700);
  const server = await started(t, dataDir);
  const { data } = JSON.parse(readFileSync(join(dataDir, "postgres.json"), "utf8")) as {
    data: string;
  };
  t.after(() => rmSync(data, { recursive: true, force: true }));
  assert.ok(!data.startsWith(dataDir), data);
  assert.deepEqual(await query(server.url, "SELECT 1 AS n"), [{ n: 1 }]);
});
