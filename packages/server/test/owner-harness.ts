/** An owner's loop on a real database, without the services around it: what it lets out is recorded. */
import { randomBytes } from "node:crypto";
import type { decide } from "@millrace/engine";
import { createDatabase } from "@millrace/testkit";
import pg from "pg";
import { systemClock } from "../src/clock.ts";
import { postgresCoordinator, setUpPartitions } from "../src/cluster/postgres-coordinator.ts";
import { silentLogger } from "../src/logger.ts";
import type { LetOut } from "../src/owner/effects.ts";
import type { Entry, Outcome } from "../src/owner/entry.ts";
import { inboxService } from "../src/owner/inbox.ts";
import { Owner } from "../src/owner/owner.ts";
import { calendar } from "../src/scheduler/calendar.ts";
import { migrate } from "../src/store/postgres/migrate.ts";
import { postgresOwnerStore } from "../src/store/postgres/owner-store.ts";
import type { Batch, InstanceRow, OwnerStore } from "../src/store/store.ts";
import { ResourceFailure, type ResourceSource } from "../src/external/complete.ts";
import { applyWorkflow, completeWorkflow } from "../src/runtime/workflows.ts";

export const PARTITIONS = 4;

export interface Bench {
  readonly pool: pg.Pool;
  readonly owner: Owner;
  readonly store: OwnerStore;
  readonly letOut: LetOut[];
  /** Calls so far of each listener. */
  readonly told: { stale: number; unknown: number };
  /** Takes all partitions at a new epoch. */
  readonly take: () => Promise<void>;
  readonly drainInbox: () => Promise<void>;
  close(): Promise<void>;
}

export interface BenchOptions {
  readonly decide?: typeof decide;
  /** Stands before the store's commit. */
  readonly commit?: (batch: Batch, commit: OwnerStore["commit"]) => Promise<void>;
  /** Called between the reading of states and their use. */
  readonly loaded?: () => Promise<void>;
}

function soon(run: () => void): () => void {
  const timer = setImmediate(run);
  return () => clearImmediate(timer);
}

const NOTHING_OUTSIDE: ResourceSource = {
  read: () => Promise.reject(new ResourceFailure("nothing is outside")),
};

export async function bench(
  workflows: readonly string[],
  options: BenchOptions = {},
): Promise<Bench> {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 6, pipeline: true });
  const client = await pool.connect();
  await migrate(client);
  client.release();
  await setUpPartitions(pool, PARTITIONS);
  for (const text of workflows) {
    const complete = await completeWorkflow(pool, NOTHING_OUTSIDE, { text });
    await applyWorkflow(pool, "default", complete);
  }
  const real = postgresOwnerStore(pool);
  const commit = (batch: Batch): Promise<void> =>
    options.commit === undefined
      ? real.commit(batch)
      : options.commit(batch, (each) => real.commit(each));
  const loadInstances = async (ids: readonly string[]): Promise<readonly InstanceRow[]> => {
    const rows = await real.loadInstances(ids);
    await options.loaded?.();
    return rows;
  };
  const store: OwnerStore = { ...real, commit, loadInstances };
  const letOut: LetOut[] = [];
  const told = { stale: 0, unknown: 0 };
  // Retries come at once.
  const clock = { ...systemClock(), after: (_ms: number, run: () => void) => soon(run) };
  const owner = new Owner(
    {
      store,
      clock,
      log: silentLogger,
      partitions: PARTITIONS,
      databaseNow: () => clock.now() - 1000,
      random: Math.random,
      randomBytes: () => randomBytes(10),
      runtime: { name: "test", version: "0" },
      times: calendar,
      maxQueued: 100_000,
      ...(options.decide === undefined ? {} : { decide: options.decide }),
    },
    {
      onCommitted: (after) => void letOut.push(after),
      onProgress: () => {},
      onStale: () => void (told.stale += 1),
      onUnknown: () => void (told.unknown += 1),
    },
  );
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const take = async (): Promise<void> =>
    owner.gain(await postgresCoordinator(pool, { node: "test", ttl: 60_000 }).acquire(all, true));
  await take();
  const inbox = inboxService({
    store,
    clock,
    log: silentLogger,
    random: Math.random,
    owner: () => owner,
  });
  return {
    pool,
    owner,
    store,
    letOut,
    told,
    take,
    drainInbox: () => inbox.runOnce(),
    async close() {
      await owner.stop();
      await pool.end();
      await database.drop();
    },
  };
}

/** Submits and resolves with the outcome, after the commit. */
export function submit(owner: Owner, entry: Omit<Entry, "done" | "fail">): Promise<Outcome> {
  return new Promise((done, fail) => owner.submit({ ...entry, done, fail }));
}
