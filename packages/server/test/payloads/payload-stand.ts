/** Services of payloads over one database, and one folder, of the test's own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase } from "@millrace/testkit";
import type { PayloadsUnderTest } from "@millrace/testkit/payloads-suite";
import pg from "pg";
import { type Clock, systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import type { Logger } from "../../src/logger.ts";
import { type OpenPayloads, openPayloads } from "../../src/payloads/open.ts";
import type { PayloadService } from "../../src/payloads/service.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";

const MOST = 8;

export interface PayloadStand extends PayloadsUnderTest {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Of the store `directory`. */
  readonly folder: string;
  readonly fresh: () => Promise<PayloadService>;
  /** What was logged as a warning or an error. */
  readonly logged: { readonly level: string; readonly message: string }[];
  stop(): Promise<void>;
}

export async function payloadStand(
  sizes: readonly number[],
  environment: Readonly<Record<string, string>> = {},
  clock: Clock = systemClock(),
): Promise<PayloadStand> {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  const client = await pool.connect();
  await migrate(client).finally(() => client.release());
  const folder = await mkdtemp(join(tmpdir(), "millrace-payloads-"));
  const config = loadConfig({
    MILLRACE_PAYLOAD_DIRECTORY: folder,
    MILLRACE_DATABASE_URL: database.url,
    ...environment,
  });
  const opened: OpenPayloads[] = [];
  const logged: PayloadStand["logged"] = [];
  const say = (level: string) => (_: object, message: string) =>
    void logged.push({ level, message });
  const log: Logger = { debug() {}, info() {}, warn: say("warn"), error: say("error") };
  const last = config.payloadStores.at(-1)!.below;
  let holders = 0;
  return {
    url: database.url,
    pool,
    folder,
    sizes,
    logged,
    ...(Number.isFinite(last) ? { limit: last - 1 } : {}),
    async fresh() {
      const one = await openPayloads(config, clock, log);
      opened.push(one);
      // No test needs more of them at a time, and each has connections of its own.
      if (opened.length > MOST) await opened.shift()?.close();
      await one.start();
      return one.payloads;
    },
    async refer(tenant, digest) {
      const holder = `holder-${holders++}`;
      await pool.query(
        "INSERT INTO payload_refs (holder, tenant, digest, kind) VALUES ($1, $2, decode($3, 'hex'), 'instance')",
        [holder, tenant, digest],
      );
      return async () => {
        await pool.query("DELETE FROM payload_refs WHERE holder = $1", [holder]);
      };
    },
    async leftovers() {
      const { rows } = await pool.query<{ n: string }>(
        "SELECT count(*) AS n FROM payload_leftovers",
      );
      return Number(rows[0]?.n);
    },
    async stop() {
      for (const one of opened) await one.close();
      await pool.end();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
