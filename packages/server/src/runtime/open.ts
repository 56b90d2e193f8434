/**
 * Opens the runtime on PostgreSQL: migrations, clock, leases, and the services around the owner's loop.
 *
 * Order matters at the start: a partition's lost activities, timers and inbox are read after it is owned, so nothing that an
 * earlier owner wrote in its last transaction is missed.
 */
import { randomUUID } from "node:crypto";
import { isTerminal } from "@millrace/engine";
import pg from "pg";
import type { Coordinator } from "../cluster/coordinator.ts";
import type { Logger } from "../logger.ts";
import { postgresCoordinator, setUpPartitions } from "../cluster/postgres-coordinator.ts";
import { ConfigError } from "../config.ts";
import type { RunningRuntime, RuntimeParts } from "../main.ts";
import { Dispatcher } from "../owner/dispatcher.ts";
import { inboxService } from "../owner/inbox.ts";
import { type Leases, leaseService } from "../owner/leases.ts";
import { Owner, type OwnerListener } from "../owner/owner.ts";
import { reconciler } from "../owner/reconciler.ts";
import type { Service } from "../owner/service.ts";
import { Timers } from "../owner/timers.ts";
import { migrate } from "../store/postgres/migrate.ts";
import { postgresOwnerStore } from "../store/postgres/owner-store.ts";
import type { Epoch, OwnerStore } from "../store/store.ts";
import { random10 } from "./random.ts";
import { databaseClock } from "./database-clock.ts";
import { viewOfState } from "./instances.ts";
import { postgresRuntime } from "./runtime.ts";
import { Starts } from "./start.ts";
import { Watchers } from "./watchers.ts";

/** Milliseconds a lease lasts. */
const LEASE = 6000;
const RECONCILE = 10_000;
const MAX_QUEUED = 20_000;
/** Two for batches under way, the others for timers, inbox, leases and the clock. */
const OWNER_CONNECTIONS = 5;
const READER_CONNECTIONS = 8;
/**
 * The owner's statements find every row by a key. A plan made while a table was small would scan it, and stays in use
 * until statistics come; so the owner's connections are left no other plan than the index.
 */
const OWNER_PLANS =
  "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off";
const REDELIVER = 10_000;
const RUNTIME = { name: "Millrace", version: "0.1.0" };

export async function openPostgresRuntime(parts: RuntimeParts): Promise<RunningRuntime> {
  const { config, log, clock } = parts;
  if (config.databaseUrl === undefined)
    throw new ConfigError("MILLRACE_DATABASE_URL: not set; name the PostgreSQL database to use");
  const pools: Pools = {
    owner: openPool(config.databaseUrl, log, OWNER_CONNECTIONS, OWNER_PLANS),
    reader: openPool(config.databaseUrl, log, READER_CONNECTIONS, ""),
  };
  try {
    await prepare(pools.reader, config.partitions);
    const now = await databaseClock(pools.owner, clock, log);
    return await assemble(parts, pools, now);
  } catch (error) {
    await closePools(pools);
    throw error;
  }
}

/** The owner's own connections, so that no number of readers keeps a batch waiting. */
interface Pools {
  readonly owner: pg.Pool;
  readonly reader: pg.Pool;
}

async function closePools({ owner, reader }: Pools): Promise<void> {
  await Promise.all([owner.end(), reader.end()]);
}

function openPool(url: string, log: Logger, max: number, plans: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    // A batch is sent whole; see store/postgres/commit.ts.
    pipeline: true,
    connectionTimeoutMillis: 5000,
    // A database that does not answer must not hold a batch for ever.
    query_timeout: 30_000,
    // What is acknowledged is on disk, whatever the role's default says.
    options: `-c jit=off -c statement_timeout=25000 -c synchronous_commit=on ${plans}`,
  });
  pool.on("error", (error) => {
    // While the pool closes, the database may be closing as well: that is no news.
    if (!pool.ending) log.warn({ err: error }, "an idle database connection broke");
  });
  // One that breaks in use fails its queries, and then says so where the pool does not listen: not to end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

async function prepare(pool: pg.Pool, partitions: number): Promise<void> {
  const client = await pool.connect();
  try {
    await migrate(client);
  } finally {
    client.release();
  }
  await setUpPartitions(pool, partitions);
}

type Database = Awaited<ReturnType<typeof databaseClock>>;

/** The parts of a working node, made once and wired to each other. */
interface Node {
  readonly store: OwnerStore;
  readonly owner: Owner;
  readonly dispatcher: Dispatcher;
  readonly timers: Timers;
  readonly watchers: Watchers;
  readonly coordinator: Coordinator;
  readonly leases: Leases;
  readonly inbox: Service;
  readonly reconciler: Service;
}

async function assemble(
  parts: RuntimeParts,
  pools: Pools,
  database: Database,
): Promise<RunningRuntime> {
  const { partitions } = parts.config;
  const databaseNow = (): number => database.now();
  const node = wire(parts, pools.owner, databaseNow);
  const { owner, dispatcher, timers, coordinator } = node;
  await node.leases.runOnce();
  const services = [database.service, node.leases, node.inbox, node.reconciler, timers.service];
  for (const each of services) each.start();
  const common = { databaseNow, partitions, randomBytes: random10 };
  const starts = new Starts({ ...common, store: node.store, owner, random: Math.random });
  const runtime = postgresRuntime({ ...node, ...common, pool: pools.reader, starts });
  return {
    runtime,
    async stop() {
      await dispatcher.stop();
      await timers.stop();
      for (const each of services) await each.stop();
      await owner.stop();
      await coordinator.release(owner.owned).catch(() => {});
      await closePools(pools);
    },
  };
}

function wire(parts: RuntimeParts, pool: pg.Pool, databaseNow: () => number): Node {
  const { config, log, clock, executor } = parts;
  const { partitions } = config;
  const store = postgresOwnerStore(pool);
  const random = { random: Math.random, randomBytes: random10 };
  const common = { store, clock, log, databaseNow };
  const owner = new Owner(
    { ...common, ...random, partitions, runtime: RUNTIME, maxQueued: MAX_QUEUED },
    listener(() => node),
  );
  const withOwner = { ...common, owner: () => owner };
  const { counters } = owner;
  const dispatcher = new Dispatcher({
    executor,
    concurrency: config.activityConcurrency,
    counters,
    clock,
    drain: config.shutdownTimeout / 4,
  });
  dispatcher.attach(owner);
  const name = `${process.pid}-${randomUUID()}`;
  const coordinator = postgresCoordinator(pool, { node: name, ttl: LEASE });
  const node: Node = {
    store,
    owner,
    dispatcher,
    timers: new Timers(withOwner),
    watchers: new Watchers(clock),
    coordinator,
    inbox: inboxService(withOwner),
    reconciler: reconciler({ ...withOwner, interval: RECONCILE }),
    leases: leaseService({
      coordinator,
      clock,
      log,
      ttl: LEASE,
      partitions,
      seize: config.exclusive,
      owned: () => owner.owned,
      onGained: (epochs) => takeOver(node, epochs),
      onLost: (lost) => owner.lose(lost),
    }),
  };
  return node;
}

function listener(node: () => Node): OwnerListener {
  return {
    onCommitted(after) {
      const { dispatcher, timers, inbox } = node();
      dispatcher.dispatch(after.activities);
      for (const { instanceId, activityId } of after.cancelled)
        dispatcher.cancel(instanceId, activityId);
      for (const timer of after.clearedTimers) timers.remove(timer);
      timers.add(after.timers);
      if (after.mail.size > 0) inbox.nudge();
    },
    onProgress: ({ row, state }) =>
      node().watchers.notify(
        row.id,
        isTerminal(state.status) ? () => viewOfState(row, state) : undefined,
      ),
    onStale: () => node().leases.nudge(),
    onUnknown: () => node().leases.retake(),
  };
}

async function takeOver(node: Node, epochs: readonly Epoch[]): Promise<void> {
  node.owner.gain(epochs);
  await redeliver(node.store, node.dispatcher, epochs);
  await node.timers.service.runOnce();
  node.inbox.nudge();
}

async function redeliver(
  store: OwnerStore,
  dispatcher: Dispatcher,
  epochs: readonly Epoch[],
): Promise<void> {
  for (;;) {
    const rows = await store.redeliverable(epochs, REDELIVER);
    dispatcher.dispatch(rows);
    if (rows.length < REDELIVER) return;
  }
}
