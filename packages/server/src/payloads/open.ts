/** The payloads of a server: its catalogue in the database, and the stores that are configured. */
import type { Pool } from "pg";
import type { Clock } from "../clock.ts";
import { type Config, ConfigError } from "../config.ts";
import type { Logger } from "../logger.ts";
import type { Family } from "../observe/families.ts";
import { payloadFamilies } from "../observe/payload-metrics.ts";
import { sweeperFamilies } from "../observe/sweeper-metrics.ts";
import { OWNER_PLANS, openPool } from "../runtime/open.ts";
import { postgresCatalog } from "../store/postgres/payload-catalog.ts";
import { postgresSweepStore } from "../store/postgres/payload-sweep-store.ts";
import { openStores, prepareStores, type StoresConfig } from "./open-stores.ts";
import { PayloadService } from "./service.ts";
import { Stores } from "./stores.ts";
import { payloadSweeper } from "./sweeper.ts";

export interface OpenPayloads {
  readonly payloads: PayloadService;
  /**
   * Makes the stores ready, when the database has its tables, and begins to sweep: no sooner, for there may be nothing to sweep in
   * yet. @throws {ConfigError} when one cannot be used as configured */
  start(): Promise<void>;
  /** What is counted here. */
  families(): readonly Family[];
  /** Resolves when what is under way is done. */
  close(): Promise<void>;
}

type PayloadConfig = StoresConfig &
  Pick<Config, "databaseUrl" | "payloadCache" | "payloadGrace" | "checkpointRetention">;

/** Two calls each that keep, release and store, three that read, and what large ones need. */
const CONNECTIONS = 10;
/** The sweeper does one thing after the other, and stores ask little. */
const SWEEPING = 1;

/** The database is not asked before a payload is, or before `start`. */
export async function openPayloads(
  config: PayloadConfig,
  clock: Clock,
  log: Logger,
): Promise<OpenPayloads> {
  const { databaseUrl } = config;
  const open = (connections: number): Pool => {
    if (databaseUrl === undefined)
      throw new ConfigError("MILLRACE_DATABASE_URL: not set; payloads are kept in the database");
    return openPool(databaseUrl, log, connections, OWNER_PLANS);
  };
  let sweeping: Pool | undefined;
  const pool = (): Pool => (sweeping ??= open(SWEEPING));
  const catalog = postgresCatalog(() => open(CONNECTIONS));
  const blobs = await openStores(config, { clock, log, pool });
  const stores = new Stores(config.payloadStores, blobs, config.payloadMirror);
  const payloads = new PayloadService({ catalog, stores, cache: config.payloadCache, clock, log });
  const sweeper =
    databaseUrl === undefined
      ? undefined
      : payloadSweeper({
          store: postgresSweepStore(pool()),
          blobs,
          clock,
          log,
          random: Math.random,
          grace: config.payloadGrace,
          checkpoints: config.checkpointRetention,
          onSwept: (rows) => payloads.forget(rows),
        });
  let endAsking = (): void => {};
  return {
    payloads,
    async start() {
      if (databaseUrl !== undefined) endAsking = await prepareStores(blobs, { clock, log });
      sweeper?.start();
    },
    families: () => [
      ...payloadFamilies(payloads.figures),
      ...(sweeper === undefined ? [] : sweeperFamilies(sweeper.figures)),
    ],
    async close() {
      endAsking();
      const swept = sweeper?.stop();
      // Before what waits for them: one that is silent would hold it up.
      await Promise.all(blobs.map((each) => each.close()));
      await swept;
      await payloads.settled();
      await catalog.close();
      await sweeping?.end();
    },
  };
}
