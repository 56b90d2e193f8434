/** Sizes of the tables and of the inbox, for metrics: read rarely, since a scrape comes often and may come from many. */
import type { Pool } from "pg";
import type { Clock } from "../clock.ts";
import type { StorageStats } from "../runtime.ts";

/** Milliseconds that an answer is given again, and after a failure until the database is asked again. */
const KEPT = 30_000;
/** Milliseconds that a scrape waits for it. */
const PATIENCE = 1_000;
/** An inbox this long is a fault; how much longer it is matters to nobody, and would cost. */
const MOST = 100_000;

const TABLES = `
  SELECT c.relname AS name, greatest(c.reltuples, 0)::float8 AS rows,
         pg_total_relation_size(c.oid)::float8 AS bytes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'm')
  ORDER BY c.relname`;
const INBOX = `SELECT count(*)::int AS n FROM (SELECT 1 FROM inbox LIMIT ${MOST}) AS first_ones`;

/** Callers meanwhile share one answer. */
export function storageStats(
  pool: Pick<Pool, "query">,
  clock: Pick<Clock, "monotonic" | "after">,
): () => Promise<StorageStats | undefined> {
  let until = Number.NEGATIVE_INFINITY;
  let known: Promise<StorageStats | undefined> = Promise.resolve(undefined);
  return () => {
    if (clock.monotonic() < until) return known;
    until = clock.monotonic() + KEPT;
    known = inTime(read(pool), clock);
    return known;
  };
}

async function read(pool: Pick<Pool, "query">): Promise<StorageStats> {
  const [tables, inbox] = await Promise.all([
    pool.query<StorageStats["tables"][number]>(TABLES),
    pool.query<{ n: number }>(INBOX),
  ]);
  return { inboxMessages: inbox.rows[0]?.n ?? 0, tables: tables.rows };
}

/** A database that is away must not hold up the figures that say so. */
async function inTime<T>(work: Promise<T>, clock: Pick<Clock, "after">): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.after(PATIENCE, () => late.resolve(undefined));
  try {
    return await Promise.race([work.catch(() => undefined), late.promise]);
  } finally {
    cancel();
  }
}
