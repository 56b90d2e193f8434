/**
 * Databases for tests: each test has its own, on one real server per run.
 *
 * The test runner starts the server once ({@link startTestServer}) and hands its URL to the test files in
 * `MILLRACE_TEST_POSTGRES`. A test file that is run alone finds no such variable and starts a server of its own, which
 * ends with the process.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { launchPostgres, type TestServer } from "./postgres-server.ts";

export { launchPostgres, type TestServer, type TestServerOptions } from "./postgres-server.ts";

/** Name of the variable with the URL of a server on which databases may be created and dropped. */
export const TEST_POSTGRES = "MILLRACE_TEST_POSTGRES";

let running: TestServer | undefined;
let starting: Promise<string> | undefined;

/** For the test runner: starts a server (unless the variable names one) and sets the variable for its children. */
export async function startTestServer(): Promise<string> {
  const given = process.env[TEST_POSTGRES];
  if (given !== undefined && given !== "") return given;
  running = await launchPostgres();
  process.env[TEST_POSTGRES] = running.url;
  return running.url;
}

/** Stops what {@link startTestServer} started. */
export async function stopTestServer(): Promise<void> {
  const server = running;
  running = undefined;
  if (server === undefined) return;
  delete process.env[TEST_POSTGRES];
  await server.stop();
}

export interface TestDatabase {
  readonly url: string;
  /** Ends its connections and drops it. */
  drop(): Promise<void>;
}

/** An empty database of the test's own. Call `drop` when done (`after(() => database.drop())`). */
export async function createDatabase(server?: TestServer): Promise<TestDatabase> {
  starting ??= startTestServer();
  const admin = server?.url ?? (await starting);
  const name = `t_${randomBytes(8).toString("hex")}`;
  // wal_log copies the template through the buffers: no checkpoint, about 20 ms.
  await administer(admin, `CREATE DATABASE ${name} TEMPLATE template0 STRATEGY wal_log`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return Object.freeze({
    url: url.href,
    drop: () =>
      administer(
        admin,
        AWAIT_CLOSED.replace("$1", name),
        `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`,
      ),
  });
}

/**
 * A pool says that it has ended before its sockets are closed; a connection that is ended by force then throws where
 * nobody listens. So drop waits, at most two seconds, until the connections are gone.
 */
const AWAIT_CLOSED = `DO $wait$ BEGIN
  FOR look IN 1 .. 200 LOOP
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '$1');
    PERFORM pg_sleep(0.01);
  END LOOP;
END $wait$`;

async function administer(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const sql of statements) await client.query(sql);
  } finally {
    await client.end();
  }
}
