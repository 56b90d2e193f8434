/** The one PostgreSQL of a run: the binaries and settings that `millrace dev` gives its users, on a fresh data directory. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeData, startEmbedded } from "@millrace/server/embedded";
import pg from "pg";

export interface BenchPostgres {
  readonly url: string;
  /** Of the postmaster, parent of every back end; absent when the server was given, not started. */
  readonly pid?: number;
  stop(): Promise<void>;
}

const PREFIX = "millrace-bench-postgres-";

export async function startPostgres(): Promise<BenchPostgres> {
  sweep();
  const dataDir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const server = await startEmbedded({ dataDir });
  return {
    url: server.url,
    pid: server.pid,
    async stop() {
      await server.stop();
      removeData(dataDir);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Removes the data of runs that were killed. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (Number.isNaN(pid) || existsSync(`/proc/${pid}`)) continue;
    try {
      removeData(join(tmpdir(), name));
    } catch {
      // A living process uses it after all.
    }
  }
}

export async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

let databases = 0;

/** Runs `use` on a new database and drops it afterwards. */
export async function withDatabase<T>(
  server: Pick<BenchPostgres, "url">,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const name = `bench_${process.pid}_${(databases += 1)}`;
  await query(server.url, `CREATE DATABASE ${name}`);
  try {
    return await use(Object.assign(new URL(server.url), { pathname: `/${name}` }).href);
  } finally {
    await query(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
  }
}

/** What decides how fast and how durable it is. */
const SETTINGS = [
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_sync_method",
  "data_checksums",
  "shared_buffers",
  "max_wal_size",
  "checkpoint_timeout",
  "max_connections",
  "autovacuum",
  "jit",
];

export interface PostgresFacts {
  readonly version: string;
  readonly settings: Readonly<Record<string, string>>;
}

export async function factsOf(url: string): Promise<PostgresFacts> {
  const wanted = ["server_version", ...SETTINGS].map(
    (name) => `current_setting('${name}') AS ${name}`,
  );
  const [row = {}] = await query<Record<string, string>>(url, `SELECT ${wanted.join(", ")}`);
  const { server_version: version = "", ...settings } = row;
  return { version, settings };
}

export interface TableSize {
  readonly table: string;
  /** With its indexes and out-of-line values. */
  readonly bytes: number;
  readonly dead: number;
  readonly vacuums: number;
}

export async function tableSizes(url: string): Promise<readonly TableSize[]> {
  return query<TableSize & pg.QueryResultRow>(
    url,
    `SELECT relname AS table, pg_total_relation_size(relid)::float8 AS bytes,
            n_dead_tup::float8 AS dead, (vacuum_count + autovacuum_count)::float8 AS vacuums
     FROM pg_stat_user_tables ORDER BY relname`,
  );
}
