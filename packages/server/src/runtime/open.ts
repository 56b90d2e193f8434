/** Opens the runtime on PostgreSQL: migrations, the database's clock, and an engine node over the pools. */
import { randomUUID } from "node:crypto";
import { isTerminal } from "@millrace/engine";
import pg from "pg";
import { postgresCoordinator, setUpPartitions } from "../cluster/postgres-coordinator.ts";
import { type Config, ConfigError } from "../config.ts";
import type { ResourceSource } from "../external/complete.ts";
import { resourceSource } from "../external/source.ts";
import type { Logger } from "../logger.ts";
import type { RunningRuntime, RuntimeParts } from "../main.ts";
import { openLeaving, type OpenLeaving } from "../outgoing/open.ts";
import { largeStore } from "../payloads/parted.ts";
import { backoff } from "../owner/backoff.ts";
import type { Owner } from "../owner/owner.ts";
import { type Service, service } from "../owner/service.ts";
import type { Hot } from "../owner/slots.ts";
import { RuntimeError } from "../runtime.ts";
import { timesWith } from "../scheduler/calendar.ts";
import { CalendarSnapshot } from "../scheduler/calendars.ts";
import { postgresEventStore } from "../store/postgres/event-store.ts";
import { postgresCheckpointStore } from "../store/postgres/checkpoint-store.ts";
import { migrate } from "../store/postgres/migrate.ts";
import { postgresOwnerStore } from "../store/postgres/owner-store.ts";
import { vacuumService } from "../store/postgres/vacuum.ts";
import { Checkpoints } from "../workers/checkpoints.ts";
import { calendarReader } from "./calendars.ts";
import { type DatabaseClock, databaseClock } from "./database-clock.ts";
import { defaultCatalog } from "./functions.ts";
import { viewOfState } from "./instances.ts";
import { type EngineNode, engineNode, type NodeConfig } from "./node.ts";
import { random10 } from "./random.ts";
import { postgresRuntime } from "./runtime.ts";
import { postgresSchedules } from "./schedules.ts";
import { isOutage } from "./outage.ts";
import { Watchers } from "./watchers.ts";

/** Milliseconds a lease lasts. */
const LEASE = 6000;
/** Milliseconds for an answer of the database, for a connection, for a migration that rewrites a table, and for a vacuum. */
const QUERY = 6_000;
const CONNECT = 5_000;
const MIGRATION = 60_000;
/** Milliseconds that a database may take to come up. */
const PATIENCE = 30_000;
const VACUUM = 600_000;
/** Four for batches under way, the others for timers, inbox, leases, the clock and events. */
const OWNER_CONNECTIONS = 12;
const READER_CONNECTIONS = 8;
const OUTGOING_CONNECTIONS = 4;
/** Two for checkpoints on their way in, one for those to go on from. */
const WORKER_CONNECTIONS = 3;
/**
 * The owner's statements find every row by a key. A plan made while a table was small would scan it, and stays in use
 * until statistics come; so the owner's connections are left no other plan than the index.
 */
export const OWNER_PLANS =
  "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off";

export async function openPostgresRuntime(parts: RuntimeParts): Promise<RunningRuntime> {
  const { config, log, clock } = parts;
  if (config.databaseUrl === undefined)
    throw new ConfigError("MILLRACE_DATABASE_URL: not set; name the PostgreSQL database to use");
  const pools: Pools = {
    owner: openPool(config.databaseUrl, log, OWNER_CONNECTIONS, OWNER_PLANS),
    reader: openPool(config.databaseUrl, log, READER_CONNECTIONS, ""),
    outgoing: openPool(config.databaseUrl, log, OUTGOING_CONNECTIONS, OWNER_PLANS),
    workers: openPool(config.databaseUrl, log, WORKER_CONNECTIONS, OWNER_PLANS),
  };
  try {
    await reach(config.databaseUrl, parts);
    const database = await databaseClock(() => readDatabaseTime(pools.owner), clock, log);
    return await assemble(parts, config.databaseUrl, pools, database);
  } catch (error) {
    await closePools(pools);
    throw error;
  }
}

/** The owner's own connections, so that no number of readers keeps a batch waiting. */
interface Pools {
  readonly owner: pg.Pool;
  readonly reader: pg.Pool;
  /** What leaves has its own as well: a long queue keeps no batch waiting. */
  readonly outgoing: pg.Pool;
  readonly workers: pg.Pool;
}

async function closePools(pools: Pools): Promise<void> {
  await Promise.all(Object.values(pools).map((pool: pg.Pool) => pool.end()));
}

export function openPool(url: string, log: Logger, max: number, plans: string): pg.Pool {
  const pool = new pg.Pool({
    ...connection(url, QUERY, plans),
    max,
    // A batch is sent whole; see store/postgres/commit.ts.
    pipeline: true,
  });
  pool.on("error", (error) => {
    // While the pool closes, the database may be closing as well: that is no news.
    if (!pool.ending) log.warn({ err: error }, "an idle database connection broke");
  });
  // One that breaks in use fails its queries, and then says so where the pool does not listen: not to end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/**
 * A database that does not answer must not hold a batch for ever, nor a caller: neither the one that hangs (the client's
 * limit) nor the one whose statements take too long (the server's, a little shorter, so that it is the one to tell).
 * And a server whose client is gone, with the network between them, must let go of the fence that the client holds.
 */
function connection(url: string, limit: number, plans: string): pg.PoolConfig {
  const options = [
    "jit=off",
    // What is acknowledged is on disk, whatever the role's default says.
    "synchronous_commit=on",
    `statement_timeout=${limit - 1_000}`,
    `idle_in_transaction_session_timeout=${limit - 1_000}`,
    "tcp_keepalives_idle=5",
    "tcp_keepalives_interval=2",
    "tcp_keepalives_count=3",
    "tcp_user_timeout=10000",
  ];
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT,
    query_timeout: limit,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    options: `${options.map((option) => `-c ${option}`).join(" ")} ${plans}`,
  };
}

/** Server and database are often started together, and one that was killed recovers first: it is given some time. */
async function reach(url: string, { config, clock, log }: RuntimeParts): Promise<void> {
  const last = clock.monotonic() + PATIENCE;
  for (let failures = 1; ; failures++) {
    try {
      return await prepare(url, config.partitions);
    } catch (error) {
      if (!isOutage(error)) throw error;
      const { message, code } = error as { readonly message: string; readonly code?: string };
      const reason = message || (code ?? "");
      if (clock.monotonic() > last)
        throw new RuntimeError(
          "unavailable",
          // Not the whole URL: it holds a password.
          `the database at ${new URL(url).host} does not answer: ${reason}`,
          { cause: error },
        );
      log.warn({ reason }, "the database does not answer; trying again");
      const pause = backoff(failures, Math.random);
      await new Promise<void>((resolve) => clock.after(pause, resolve));
    }
  }
}

async function prepare(url: string, partitions: number): Promise<void> {
  const pool = new pg.Pool({ ...connection(url, MIGRATION, ""), max: 1 });
  pool.on("error", () => {});
  try {
    const client = await pool.connect();
    client.on("error", () => {});
    try {
      await migrate(client);
    } finally {
      client.release();
    }
    await setUpPartitions(pool, partitions);
  } finally {
    await pool.end();
  }
}

async function assemble(
  parts: RuntimeParts,
  url: string,
  pools: Pools,
  database: DatabaseClock,
): Promise<RunningRuntime> {
  const { config, log, clock, executor } = parts;
  const { partitions } = config;
  const watchers = new Watchers(clock);
  const { outgoing, ...left } = leaving(parts, pools, database, () => node);
  const { calendars, looks } = await openCalendars(parts, pools.owner);
  const node: EngineNode = engineNode(
    {
      store: postgresOwnerStore(pools.owner),
      events: postgresEventStore(pools.owner),
      coordinator: postgresCoordinator(pools.owner, {
        node: `${process.pid}-${randomUUID()}`,
        ttl: LEASE,
      }),
      database,
      clock,
      log,
      executor,
      remote: parts.workers,
      random: Math.random,
      randomBytes: random10,
      times: timesWith(calendars),
      ...(parts.onFacts === undefined ? {} : { onFacts: parts.onFacts }),
      ...(parts.tracing === undefined ? {} : { tracing: parts.tracing }),
      onProgress: (hot) => tell(watchers, hot),
      large: parts.payloads && largeStore(parts.payloads),
      wanted: outgoing.wanted,
      onOutbox: () => outgoing.relay.nudge(),
    },
    nodeConfig(config),
  );
  keepCheckpoints(parts, pools, node);
  await outgoing.prepare();
  await node.start();
  looks.start();
  outgoing.start();
  const vacuum = vacuumOf(parts, url, node.owner);
  vacuum.start();
  const databaseNow = (): number => database.now();
  const values = parts.payloads;
  const common = { clock, partitions, databaseNow, randomBytes: random10, calendars, values };
  const reading = { ...outside(parts, pools.reader), watchers, ...common };
  return {
    runtime: postgresRuntime({ ...node, ...reading }),
    ...left,
    schedules: postgresSchedules({ owner: node.owner, pool: pools.reader, ...common }),
    async stop() {
      await vacuum.stop();
      await outgoing.stop();
      await node.stop();
      await looks.stop();
      await closePools(pools);
    },
  };
}

function tell(watchers: Watchers, { row, state }: Pick<Hot, "row" | "state">): void {
  watchers.notify(row.id, isTerminal(state.status) ? () => viewOfState(row, state) : undefined);
}

/** From now on, what remote workers say of how far they are is kept, and they are served while this node has instances. */
function keepCheckpoints(parts: RuntimeParts, pools: Pools, { owner }: EngineNode): void {
  const { workers, payloads } = parts;
  if (workers === undefined) return;
  const store = postgresCheckpointStore(pools.workers, owner);
  workers.attach(new Checkpoints(store, workers.counters, payloads), {
    owns: (partition) =>
      partition === undefined ? owner.owned.length > 0 : owner.epochOf(partition) !== undefined,
  });
}

/** Milliseconds between looks for calendars that other nodes have changed. */
const CALENDARS = 1_000;

/** Resolves when they are known: no schedule is decided before. */
async function openCalendars({ clock, log }: RuntimeParts, pool: pg.Pool) {
  const calendars = new CalendarSnapshot(calendarReader(pool), clock);
  await calendars.refresh();
  const pass = (): Promise<void> => calendars.refresh();
  const random = Math.random;
  const looks = service({ name: "calendars", clock, log, random, interval: CALENDARS, pass });
  return { calendars, looks };
}

function nodeConfig(config: Config): NodeConfig {
  return {
    partitions: config.partitions,
    lease: LEASE,
    exclusive: config.exclusive,
    concurrency: config.activityConcurrency,
    drain: config.shutdownTimeout / 4,
    scheduleRetention: config.scheduleRetention,
    eventTimes: { keep: config.eventKeep, retention: config.eventRetention },
  };
}

function vacuumOf({ clock, log }: RuntimeParts, url: string, owner: Owner): Service {
  const { counts } = owner.counters;
  return vacuumService({
    connection: connection(url, VACUUM, ""),
    clock,
    log,
    random: Math.random,
    written: () =>
      counts.transitions +
      counts.timersFired +
      counts.inboxConsumed +
      counts.eventsMatched +
      counts.eventsDelivered,
  });
}

/** What leaves this node. */
function leaving(
  { config, clock, log, leaving: outsideWorld }: RuntimeParts,
  pools: Pools,
  database: DatabaseClock,
  node: () => EngineNode,
): OpenLeaving {
  return openLeaving({
    pool: pools.outgoing,
    reader: pools.reader,
    clock,
    log,
    partitions: config.partitions,
    databaseNow: () => database.now(),
    owned: () => node().owner.owned,
    outside: outsideWorld,
    ingest: (events, tenant) => node().ingest.publish(events, tenant),
  });
}

/** Where definitions find what they take from outside. */
function outside({ config, fetcher }: RuntimeParts, pool: pg.Pool) {
  const { catalogFolder: folder } = config;
  const functions = { pool, ...(folder === undefined ? {} : { folder }) };
  const sourceFor = (tenant: string): ResourceSource =>
    resourceSource({
      tenant,
      catalog: defaultCatalog(functions, tenant),
      ...(fetcher === undefined ? {} : { fetcher }),
    });
  return { ...functions, sourceFor };
}

/** The database's own time, in epoch milliseconds. */
async function readDatabaseTime(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ now: string }>("SELECT now_ms() AS now");
  return Number(rows[0]?.now);
}
