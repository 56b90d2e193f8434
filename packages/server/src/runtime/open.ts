/**
 * Opens the runtime on PostgreSQL: migrations, clock, leases, and the services around the owner's loop.
 *
 * Order matters at the start: a partition's lost activities, timers and inbox are read after it is owned, so nothing that an
 * earlier owner wrote in its last transaction is missed.
 */
import { randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import { postgresCoordinator, setUpPartitions } from "../cluster/postgres-coordinator.ts";
import { ConfigError } from "../config.ts";
import type { RunningRuntime, RuntimeParts } from "../main.ts";
import { Dispatcher } from "../owner/dispatcher.ts";
import { inboxService } from "../owner/inbox.ts";
import { leaseService } from "../owner/leases.ts";
import { Owner, type OwnerListener } from "../owner/owner.ts";
import { reconciler } from "../owner/reconciler.ts";
import type { Service } from "../owner/service.ts";
import { Timers } from "../owner/timers.ts";
import { migrate } from "../store/postgres/migrate.ts";
import { postgresOwnerStore } from "../store/postgres/owner-store.ts";
import type { Epoch, OwnerStore } from "../store/store.ts";
import { databaseClock } from "./database-clock.ts";
import { postgresRuntime } from "./runtime.ts";
import { Starts } from "./start.ts";
import { Watchers } from "./watchers.ts";

/** Milliseconds a lease lasts. */
const LEASE = 6000;
const RECONCILE = 10_000;
const MAX_QUEUED = 20_000;
/** Connections: two for batches under way, the others for readers. */
const CONNECTIONS = 10;
const REDELIVER = 10_000;
const RUNTIME = { name: "Millrace", version: "0.1.0" };
const random10 = (): Uint8Array => randomBytes(10);

export async function openPostgresRuntime(parts: RuntimeParts): Promise<RunningRuntime> {
  const { config, log, clock } = parts;
  if (config.databaseUrl === undefined)
    throw new ConfigError("MILLRACE_DATABASE_URL: not set; name the PostgreSQL database to use");
  const pool = new pg.Pool({
    connectionString: config.databaseUrl,
    max: CONNECTIONS,
    connectionTimeoutMillis: 5000,
    // A database that does not answer must not hold a batch for ever.
    query_timeout: 30_000,
    options: "-c jit=off -c statement_timeout=25000",
  });
  pool.on("error", (error) => log.warn({ err: error }, "an idle database connection broke"));
  try {
    await prepare(pool, config.partitions);
    const now = await databaseClock(pool, clock, log);
    return await assemble(parts, pool, now);
  } catch (error) {
    await pool.end();
    throw error;
  }
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

async function assemble(
  { config, log, clock, executor }: RuntimeParts,
  pool: pg.Pool,
  database: Awaited<ReturnType<typeof databaseClock>>,
): Promise<RunningRuntime> {
  const { partitions } = config;
  const databaseNow = (): number => database.now();
  const store = postgresOwnerStore(pool);
  const watchers = new Watchers(clock);
  const owner: Owner = new Owner(
    {
      store,
      clock,
      log,
      partitions,
      databaseNow,
      random: Math.random,
      randomBytes: random10,
      runtime: RUNTIME,
      maxQueued: MAX_QUEUED,
    },
    listener(),
  );
  const { counters } = owner;
  const dispatcher = new Dispatcher({
    executor,
    concurrency: config.activityConcurrency,
    counters,
  });
  dispatcher.attach(owner);
  const common = { store, clock, log, databaseNow, owner: () => owner };
  const timers = new Timers(common);
  const inbox = inboxService(common);
  const node = `${process.pid}-${randomUUID()}`;
  const coordinator = postgresCoordinator(pool, { node, partitions, ttl: LEASE });
  const leases = leaseService({
    coordinator,
    clock,
    log,
    ttl: LEASE,
    partitions,
    seize: config.exclusive,
    owned: () => owner.owned,
    onGained: (epochs) => takeOver(epochs),
    onLost: (lost) => owner.lose(lost),
  });
  const repair = reconciler({ ...common, interval: RECONCILE });
  const services: readonly Service[] = [database.service, leases, inbox, repair];

  function listener(): OwnerListener {
    return {
      onCommitted(after) {
        dispatcher.dispatch(after.activities);
        for (const { instanceId, activityId } of after.cancelled)
          dispatcher.cancel(instanceId, activityId);
        for (const timer of after.clearedTimers) timers.remove(timer);
        timers.add(after.timers);
        if (after.mail.size > 0) inbox.nudge();
      },
      onHistory: (id) => watchers.notify(id),
      onStale: () => leases.nudge(),
      onUnknown: (ids) => resolveUnknown(ids),
    };
  }

  /** What an unanswered commit may have asked for is read back, as soon as the database answers. */
  function resolveUnknown(ids: readonly string[]): void {
    const look = async (): Promise<void> => {
      try {
        dispatcher.dispatch(await store.activitiesOf(ids));
        await timers.service.runOnce();
        inbox.nudge();
      } catch {
        clock.after(500, () => void look());
      }
    };
    clock.after(100, () => void look());
  }

  async function takeOver(epochs: readonly Epoch[]): Promise<void> {
    owner.gain(epochs);
    await redeliver(store, dispatcher, epochs);
    await timers.service.runOnce();
    inbox.nudge();
  }

  await leases.runOnce();
  for (const each of services) each.start();
  timers.service.start();
  const starts = new Starts({
    ...common,
    owner,
    partitions,
    random: Math.random,
    randomBytes: random10,
  });
  const runtime = postgresRuntime({
    pool,
    owner,
    dispatcher,
    timers,
    starts,
    watchers,
    partitions,
    databaseNow,
    randomBytes: random10,
  });
  return {
    runtime,
    async stop() {
      await dispatcher.stop();
      await timers.stop();
      for (const each of services) await each.stop();
      await owner.stop();
      await coordinator.release(owner.owned).catch(() => {});
      await pool.end();
    },
  };
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
