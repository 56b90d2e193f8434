/** The payloads of a server: its catalogue in the database, and the stores that are configured. */
import type { Pool } from "pg";
import type { Clock } from "../clock.ts";
import { type Config, ConfigError } from "../config.ts";
import type { Logger } from "../logger.ts";
import type { Family } from "../observe/families.ts";
import { sweeperFamilies } from "../observe/sweeper-metrics.ts";
import { OWNER_PLANS, openPool } from "../runtime/open.ts";
import { postgresCatalog } from "../store/postgres/payload-catalog.ts";
import { postgresSweepStore } from "../store/postgres/payload-sweep-store.ts";
import { PayloadService } from "./service.ts";
import { Stores } from "./stores.ts";
import { payloadSweeper, type Sweeper, type SweeperConfig } from "./sweeper.ts";

export interface OpenPayloads {
  readonly payloads: PayloadService;
  /** To be started when the database is ready; absent where there is none. */
  readonly sweeper?: Sweeper;
  /** What is counted here. */
  families(): readonly Family[];
  /** Resolves when what is under way is done. */
  close(): Promise<void>;
}

type PayloadConfig = Pick<
  Config,
  "databaseUrl" | "payloadStores" | "payloadCache" | "payloadGrace" | "checkpointRetention"
>;

/** Two calls each that keep, release and store, three that read, and what large ones need. */
const CONNECTIONS = 10;
/** The sweeper does one thing after the other. */
const SWEEPING = 1;

/** The database is not asked before a payload is. */
export function openPayloads(config: PayloadConfig, clock: Clock, log: Logger): OpenPayloads {
  const other = config.payloadStores.find(({ store }) => store !== "database");
  if (other !== undefined)
    throw new ConfigError(`MILLRACE_PAYLOAD_STORES: this server has no store ${other.store}`);
  const catalog = postgresCatalog(() => {
    if (config.databaseUrl === undefined)
      throw new ConfigError("MILLRACE_DATABASE_URL: not set; payloads are kept in the database");
    return openPool(config.databaseUrl, log, CONNECTIONS, OWNER_PLANS);
  });
  const stores = new Stores(config.payloadStores, []);
  const payloads = new PayloadService({ catalog, stores, cache: config.payloadCache, clock, log });
  const swept = sweeping(config, stores, payloads, { clock, log });
  return {
    payloads,
    ...(swept === undefined ? {} : { sweeper: swept.sweeper }),
    families: () => (swept === undefined ? [] : sweeperFamilies(swept.sweeper.figures)),
    async close() {
      await swept?.sweeper.stop();
      await swept?.pool.end();
      await catalog.close();
    },
  };
}

function sweeping(
  { databaseUrl, payloadGrace, checkpointRetention }: PayloadConfig,
  stores: Stores,
  payloads: PayloadService,
  around: Pick<SweeperConfig, "clock" | "log">,
): { readonly sweeper: Sweeper; readonly pool: Pool } | undefined {
  if (databaseUrl === undefined) return undefined;
  const pool = openPool(databaseUrl, around.log, SWEEPING, OWNER_PLANS);
  const sweeper = payloadSweeper({
    ...around,
    store: postgresSweepStore(pool),
    blobs: stores.all,
    random: Math.random,
    grace: payloadGrace,
    checkpoints: checkpointRetention,
    onSwept: (rows) => payloads.forget(rows),
  });
  return { sweeper, pool };
}
