/** The payloads of a server: its catalogue in the database, and the stores that are configured. */
import type { Clock } from "../clock.ts";
import { type Config, ConfigError } from "../config.ts";
import type { Logger } from "../logger.ts";
import { OWNER_PLANS, openPool } from "../runtime/open.ts";
import { postgresCatalog } from "../store/postgres/payload-catalog.ts";
import { PayloadService } from "./service.ts";
import { Stores } from "./stores.ts";

export interface OpenPayloads {
  readonly payloads: PayloadService;
  /** Resolves when what is under way is done. */
  close(): Promise<void>;
}

type PayloadConfig = Pick<Config, "databaseUrl" | "payloadStores" | "payloadCache">;

/** Two calls each that keep, release and store, three that read, and what large ones need. */
const CONNECTIONS = 10;

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
  return { payloads, close: () => catalog.close() };
}
