/**
 * The HTTP API over payloads that are stored, as a server's are: in a database of the test's own below 64 KiB, in a folder above,
 * and in no memory, so that what a test changes there is what is read.
 */
import { hash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Config, loadConfig } from "@millrace/server/config";
import { migrate, openPayloads, type Payloads, systemClock } from "@millrace/server/payloads";
import pg from "pg";
import { startTestApi, type TestApi } from "./api-server.ts";
import { createDatabase } from "./postgres.ts";

export interface PayloadApi extends TestApi {
  /** What the API calls. */
  readonly payloads: Payloads;
  readonly pool: pg.Pool;
  /** Where large payloads are. */
  readonly folder: string;
  /** Digests of everything that is stored, in order. */
  readonly digests: () => Promise<readonly string[]>;
  /** Rows of payloads, and bytes that stores hold or expect without one. */
  readonly traces: () => Promise<readonly [rows: number, leftovers: number]>;
  /** Changes the last byte of what is stored. */
  readonly damage: (digest: string) => Promise<void>;
  /** From now on the database takes no connection, and has none. */
  readonly takeDatabaseAway: () => Promise<void>;
}

/** Bytes from which a payload is a file. */
export const FILE_FROM = 65_536;

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Stops with the test. @param requestTimeout milliseconds that a request may take to arrive */
export async function startPayloadApi(
  t: TestContext,
  overrides: Partial<Config> = {},
  requestTimeout = 30_000,
): Promise<PayloadApi> {
  const database = await createDatabase();
  const folder = mkdtempSync(join(tmpdir(), "millrace-payloads-"));
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  pool.on("error", () => {});
  const client = await pool.connect();
  await migrate(client).finally(() => client.release());
  const config = loadConfig({
    MILLRACE_DATABASE_URL: database.url,
    MILLRACE_PAYLOAD_STORES: "database<64KiB,directory",
    MILLRACE_PAYLOAD_DIRECTORY: folder,
    MILLRACE_PAYLOAD_CACHE: "0",
  });
  const opened = await openPayloads(config, systemClock(), silent);
  await opened.start();
  const api = await startTestApi(t, overrides, { payloads: opened.payloads, requestTimeout });
  t.after(async () => {
    await opened.close();
    await pool.end();
    await database.drop();
    rmSync(folder, { recursive: true });
  });
  return { ...api, payloads: opened.payloads, pool, folder, ...looks(pool, folder, database.url) };
}

const DAMAGE = `UPDATE payloads SET body = set_byte(body, length(body) - 1, get_byte(body, length(body) - 1) # 1)
  WHERE digest = decode($1, 'hex') AND body IS NOT NULL`;

function looks(pool: pg.Pool, folder: string, url: string) {
  const count = async (table: string): Promise<number> => {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
    return rows[0]?.n ?? 0;
  };
  return {
    async digests() {
      const { rows } = await pool.query<{ digest: string }>(
        "SELECT encode(digest, 'hex') AS digest FROM payloads ORDER BY 1",
      );
      return rows.map(({ digest }) => digest);
    },
    async traces() {
      return [await count("payloads"), await count("payload_leftovers")] as const;
    },
    async damage(digest: string) {
      const { rowCount } = await pool.query(DAMAGE, [digest]);
      if (rowCount === 1) return;
      const files = globSync("??/*", { cwd: folder }).map((name) => join(folder, name));
      const file = files.find((each) => hash("sha256", readFileSync(each)) === digest);
      if (file === undefined) throw new Error(`no payload ${digest}`);
      const bytes = readFileSync(file);
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      writeFileSync(file, bytes);
    },
    async takeDatabaseAway() {
      const admin = new URL(url);
      const name = admin.pathname.slice(1);
      admin.pathname = "/postgres";
      const client = new pg.Client({ connectionString: admin.href });
      await client.connect();
      try {
        await client.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
        await client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
          [name],
        );
      } finally {
        await client.end();
      }
    },
  };
}
