/** The stores of large payloads that are configured; the client library of each is loaded only then. */
import { resolve } from "node:path";
import type { Pool } from "pg";
import type { Clock } from "../clock.ts";
import { type Config, ConfigError } from "../config.ts";
import type { Logger } from "../logger.ts";
import { BlobError, type BlobStore } from "./blob-store.ts";
import type { StoreName } from "./tiers.ts";

export type StoresConfig = Pick<
  Config,
  "payloadStores" | "payloadMirror" | "payloadDirectory" | "payloadS3" | "payloadCassandra"
>;

interface Parts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the catalogue's database. */
  readonly pool: () => Pool;
}

type BlobName = Exclude<StoreName, "database">;
type Opener = (config: StoresConfig, parts: Parts) => Promise<BlobStore> | undefined;

/** Undefined when its setting is missing. */
const OPENERS: Readonly<Record<BlobName, { readonly variable: string; readonly open: Opener }>> = {
  directory: {
    variable: "MILLRACE_PAYLOAD_DIRECTORY",
    open: ({ payloadDirectory: folder }, { pool }) =>
      folder === undefined ? undefined : openDirectory(folder, pool),
  },
  s3: {
    variable: "MILLRACE_PAYLOAD_S3",
    open: ({ payloadS3: text }) => (text === undefined ? undefined : openS3(text)),
  },
  cassandra: {
    variable: "MILLRACE_PAYLOAD_CASSANDRA",
    open: ({ payloadCassandra: text }) => (text === undefined ? undefined : openCassandra(text)),
  },
};

async function openS3(text: string): Promise<BlobStore> {
  const { s3Settings } = await import("./s3/settings.ts");
  const settings = s3Settings(text);
  const { openS3Store } = await import("./s3/store.ts");
  return openS3Store(settings);
}

async function openCassandra(text: string): Promise<BlobStore> {
  const { cassandraSettings } = await import("./cassandra/settings.ts");
  const settings = cassandraSettings(text);
  const { openCassandraStore } = await import("./cassandra/store.ts");
  return openCassandraStore(settings);
}

async function openDirectory(folder: string, pool: () => Pool): Promise<BlobStore> {
  const { openDirectoryStore } = await import("./directory/index.ts");
  const { folderRegistry } = await import("../store/postgres/payload-folder.ts");
  return openDirectoryStore({ folder: resolve(folder), registry: folderRegistry(pool) });
}

/**
 * Every store that has its setting, also when no tier names it: it may hold what was put earlier. None is asked anything yet.
 * @throws {ConfigError} when a tier or the mirror is a store without its setting
 */
export async function openStores(config: StoresConfig, parts: Parts): Promise<BlobStore[]> {
  const tiers = config.payloadStores.map(({ store }) => store);
  if (config.payloadMirror !== undefined && tiers.includes(config.payloadMirror))
    throw new ConfigError(
      `MILLRACE_PAYLOAD_MIRROR: ${config.payloadMirror} is one of MILLRACE_PAYLOAD_STORES; a second copy needs another store`,
    );
  const opened: BlobStore[] = [];
  for (const [name, { variable, open }] of Object.entries(OPENERS)) {
    const store = await open(config, parts)?.catch((error: unknown) => {
      throw error instanceof ConfigError ? new ConfigError(`${variable}: ${error.message}`) : error;
    });
    if (store !== undefined) opened.push(store);
    const wanted = tiers.some((tier) => tier === name) ? "MILLRACE_PAYLOAD_STORES" : undefined;
    const by = wanted ?? (config.payloadMirror === name ? "MILLRACE_PAYLOAD_MIRROR" : undefined);
    if (store === undefined && by !== undefined)
      throw new ConfigError(`${variable}: not set, but ${by} names the store ${name}`);
  }
  return opened;
}

/** Milliseconds until a store that is away is asked again whether it can be used. */
const AGAIN = 5_000;
/** Milliseconds that a start waits for stores: for one that is silent, it may take a minute to know that it is away. */
const PATIENCE = 10_000;

/**
 * Has every store made ready. One that is away is asked again until it is there: what does not need it works meanwhile.
 * @returns ends the asking
 * @throws {ConfigError} when one will never be ready as it is configured; should that come to light late, it is logged
 */
export async function prepareStores(
  stores: readonly BlobStore[],
  { clock, log }: Pick<Parts, "clock" | "log">,
): Promise<() => void> {
  let [isOver, isStarted] = [false, false];
  const pending = new Set<() => void>();
  const later = (ms: number, run: () => void): (() => void) => {
    const cancel = clock.after(ms, () => {
      pending.delete(cancel);
      run();
    });
    pending.add(cancel);
    return cancel;
  };
  const prepare = async (store: BlobStore): Promise<void> => {
    try {
      await store.prepare();
    } catch (error) {
      if (isOver) return;
      const isAway = error instanceof BlobError && error.kind !== "refused";
      const message = "a store of payloads cannot be used";
      if (isAway) {
        log.error({ err: error, store: store.name }, message);
        later(AGAIN, () => void prepare(store));
        return;
      }
      if (!isStarted) throw error instanceof BlobError ? new ConfigError(error.message) : error;
      log.error({ err: error, store: store.name }, `${message}, and is not tried again`);
    }
  };
  const patience = Promise.withResolvers<void>();
  const cancel = later(PATIENCE, () => patience.resolve());
  try {
    await Promise.race([Promise.all(stores.map(prepare)), patience.promise]);
  } finally {
    isStarted = true;
    cancel();
    pending.delete(cancel);
  }
  return () => {
    isOver = true;
    for (const each of pending) each();
  };
}
