/** Services of payloads over one database of the test's own. */
import { createDatabase } from "@millrace/testkit";
import type { PayloadsUnderTest } from "@millrace/testkit/payloads-suite";
import pg from "pg";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import type { Logger } from "../../src/logger.ts";
import { PayloadService } from "../../src/payloads/service.ts";
import { Stores } from "../../src/payloads/stores.ts";
import { OWNER_PLANS, openPool } from "../../src/runtime/open.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { postgresCatalog } from "../../src/store/postgres/payload-catalog.ts";

export interface PayloadStand extends PayloadsUnderTest {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly fresh: () => PayloadService;
  /** What was logged as a warning or an error. */
  readonly logged: { readonly level: string; readonly message: string }[];
  stop(): Promise<void>;
}

export async function payloadStand(
  sizes: readonly number[],
  environment: Readonly<Record<string, string>> = {},
): Promise<PayloadStand> {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  const client = await pool.connect();
  await migrate(client).finally(() => client.release());
  const config = loadConfig({ MILLRACE_DATABASE_URL: database.url, ...environment });
  const opened: { close(): Promise<void> }[] = [];
  const logged: PayloadStand["logged"] = [];
  const say = (level: string) => (_: object, message: string) =>
    void logged.push({ level, message });
  const log: Logger = { debug() {}, info() {}, warn: say("warn"), error: say("error") };
  const last = config.payloadStores.at(-1)!.below;
  let holders = 0;
  return {
    url: database.url,
    pool,
    sizes,
    logged,
    ...(Number.isFinite(last) ? { limit: last - 1 } : {}),
    fresh() {
      const catalog = postgresCatalog(() => openPool(database.url, log, 10, OWNER_PLANS));
      opened.push(catalog);
      const stores = new Stores(config.payloadStores, []);
      const { payloadCache: cache } = config;
      return new PayloadService({ catalog, stores, cache, clock: systemClock(), log });
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
    },
  };
}
