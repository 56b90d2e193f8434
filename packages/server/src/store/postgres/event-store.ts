/** The store's part for events on PostgreSQL. */
import type { Pool } from "pg";
import type { Delivered, EventStore, FilterName, FilterRow, ReceivedEvent } from "../events.ts";
import type { Epoch } from "../store.ts";
import { bigints, hashes, ints, joined, split } from "./columns.ts";
import { asStoreError, inOneFlight } from "./transaction.ts";
import type { Statement } from "./statement.ts";

export function postgresEventStore(pool: Pool): EventStore {
  return Object.freeze<EventStore>({
    filters: (tenants, types, sources) => filters(pool, tenants, types, sources),
    filterDefinitions: (names) => filterDefinitions(pool, names),
    receive: (events, notBefore) => receive(pool, events, notBefore),
    match: (epochs, since) =>
      pass(pool, "match-events", "match_events($1::int[], $2::bigint[], $3)", epochs, [since]),
    look: (epochs, keep, since) =>
      pass(pool, "look-events", "look_events($1::int[], $2::bigint[], $3, $4)", epochs, [
        keep,
        since,
      ]),
    pruneKept: (keep, limit) => pruneKept(pool, keep, limit),
    pruneEvents: (partitions, retention, limit) => pruneEvents(pool, partitions, retention, limit),
  });
}

async function filters(
  pool: Pool,
  tenants: readonly string[],
  types: readonly string[],
  sources: readonly string[],
): Promise<readonly FilterName[]> {
  const { rows } = await pool.query<Raw>({
    name: "event-filters",
    text: `SELECT tenant, filter, type, source FROM event_filters
           WHERE tenant = ANY ($1::text[]) AND (type = ANY ($2::text[]) OR type IS NULL)
             AND (source = ANY ($3::text[]) OR source IS NULL)`,
    values: [tenants, types, sources],
  });
  return rows.map(nameOf);
}

interface Raw {
  readonly tenant: string;
  readonly filter: string;
  readonly type: string | null;
  readonly source: string | null;
}
function nameOf({ tenant, filter, type, source }: Raw): FilterName {
  return { tenant, filter, type: type ?? undefined, source: source ?? undefined };
}

async function filterDefinitions(
  pool: Pool,
  names: readonly FilterName[],
): Promise<readonly FilterRow[]> {
  const { rows } = await pool.query<Raw & { readonly definition: string }>({
    name: "event-filter-definitions",
    text: `SELECT f.tenant, f.filter, f.type, f.source, f.definition
           FROM unnest($1::text[], $2::text[]) AS n(tenant, filter)
           JOIN event_filters AS f ON f.tenant = n.tenant AND f.filter = n.filter`,
    values: [names.map(({ tenant }) => tenant), names.map(({ filter }) => filter)],
  });
  return rows.map((row) => ({ ...nameOf(row), definition: row.definition }));
}

async function receive(
  pool: Pool,
  events: readonly ReceivedEvent[],
  notBefore: number,
): Promise<ReadonlySet<string>> {
  const [inserted] = await inOneFlight(pool, receiveStatements(events, notBefore));
  return new Set(inserted?.rows.map((row: { id: string }) => row.id));
}

/** The first statement gives the `id` of each event that was not known. */
function receiveStatements(
  events: readonly ReceivedEvent[],
  notBefore: number,
): readonly Statement[] {
  const insert = `
    INSERT INTO events (partition, id, tenant, direction, source, event_id, type, event, at, refs)
    SELECT n.partition, n.id, n.tenant, 'received', n.source, n.event_id, n.type, n.event,
           (SELECT greatest(now_ms(), $8::bigint)), n.refs > 0
    FROM unnest($1::int[], ${split(2)}, $3::text[], $4::text[], $5::text[], $6::text[], ${split(7)}, $9::int[])
      WITH ORDINALITY AS n(partition, id, tenant, source, event_id, type, event, refs, place)
    ORDER BY n.place
    ON CONFLICT DO NOTHING
    RETURNING id`;
  const values = [
    ints(events, (e) => e.partition),
    joined(events, (e) => e.id),
    events.map((e) => e.tenant),
    events.map((e) => e.source),
    events.map((e) => e.eventId),
    events.map((e) => e.type),
    joined(events, (e) => e.event),
    notBefore,
    ints(events, (e) => e.payloads?.length ?? 0),
  ];
  return [
    { name: "receive-events", text: insert, values },
    ...queueStatements(events),
    ...referStatements(events),
  ];
}

/** What was known has no row of this id, and refers to nothing. */
function referStatements(events: readonly ReceivedEvent[]): readonly Statement[] {
  const each = events.flatMap(({ partition, id, tenant, payloads = [] }) =>
    payloads.map((digest) => ({ partition, id, tenant, digest })),
  );
  if (each.length === 0) return [];
  const text = `
    INSERT INTO payload_refs (holder, tenant, digest, kind)
    SELECT n.id, n.tenant, decode(n.digest, 'hex'), 'event'
    FROM unnest($1::int[], ${split(2)}, $3::text[], ${split(4)}) AS n(partition, id, tenant, digest)
    WHERE EXISTS (SELECT FROM events AS x WHERE x.partition = n.partition AND x.id = n.id OFFSET 0)`;
  const values = [
    ints(each, (e) => e.partition),
    joined(each, (e) => e.id),
    each.map((e) => e.tenant),
    joined(each, (e) => e.digest),
  ];
  return [{ name: "refer-from-events", text, values }];
}

/** What was known has no row of this id. */
function queueStatements(events: readonly ReceivedEvent[]): readonly Statement[] {
  const each = events.flatMap(({ partition, id, buckets }) =>
    buckets.map((bucket) => ({ partition, id, bucket })),
  );
  if (each.length === 0) return [];
  const text = `
    WITH queued AS (
      INSERT INTO event_queue (partition, seq, bucket, at)
      SELECT n.partition, e.seq, n.bucket, e.at
      FROM unnest($1::int[], ${split(2)}, $3::bigint[]) AS n(partition, id, bucket)
      CROSS JOIN LATERAL (SELECT x.seq, x.at FROM events AS x
                          WHERE x.partition = n.partition AND x.id = n.id OFFSET 0) AS e
      RETURNING bucket, at, seq
    )
    INSERT INTO event_keys (bucket, at, seq) SELECT bucket, at, seq FROM queued`;
  const values = [
    ints(each, (e) => e.partition),
    joined(each, (e) => e.id),
    hashes(each, (e) => e.bucket),
  ];
  return [{ name: "queue-events", text, values }];
}

async function pass(
  pool: Pool,
  name: string,
  call: string,
  epochs: readonly Epoch[],
  values: readonly number[],
): Promise<Delivered> {
  const held = [ints(epochs, (e) => e.partition), bigints(epochs, (e) => e.epoch)];
  try {
    const { rows } = await pool.query<RawDelivered>({
      name,
      text: `SELECT * FROM ${call}`,
      values: [...held, ...values],
    });
    const [row] = rows;
    if (row === undefined) throw new Error(`${name} gave no row`);
    const { done, sent, made_ms, more, unfinished = false } = row;
    return { done: Number(done), sent: Number(sent), madeAt: Number(made_ms), more, unfinished };
  } catch (error) {
    throw asStoreError(error);
  }
}

interface RawDelivered {
  readonly done: string;
  readonly sent: string;
  readonly made_ms: string;
  readonly more: boolean;
  readonly unfinished?: boolean;
}

/** Rows that an owner's commit is about to delete are left to it: neither waits for the other. */
const taken = (table: string, where: string): string =>
  `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT $2 FOR UPDATE SKIP LOCKED))`;

/** Keys first, then the marks of events that no look can find: a minute later, for looks under way. */
async function pruneKept(pool: Pool, keep: number, limit: number): Promise<number> {
  const keys = await pool.query({
    name: "prune-keys",
    text: taken("event_keys", "at < (SELECT oldest_kept($1))"),
    values: [keep, limit],
  });
  const marks = await pool.query({
    name: "prune-marks",
    text: taken("event_deliveries", "at < (SELECT oldest_kept($1) - 60000)"),
    values: [keep, limit],
  });
  return (keys.rowCount ?? 0) + (marks.rowCount ?? 0);
}

/**
 * Ids sort by time, a moment before the receipt: the primary key finds the old ones. What they refer to among the payloads they
 * let go of. The retention is not less than the keep time: neither a match nor a look will want one.
 */
async function pruneEvents(
  pool: Pool,
  partitions: readonly number[],
  retention: number,
  limit: number,
): Promise<number> {
  // Once for all partitions: it looks at each itself.
  const bound = await pool.query<{ readonly before: string }>({
    name: "prune-events-before",
    text: "SELECT ulid_time(oldest_kept($1) - 60000) AS before",
    values: [retention],
  });
  const before = bound.rows[0]?.before;
  let pruned = 0;
  for (const partition of partitions) {
    const { rows } = await pool.query<{ readonly count: string }>({
      name: "prune-events",
      text: `WITH gone AS (
               ${taken("events", "partition = $3 AND id < $1")}
               RETURNING id
             ), let_go AS (
               DELETE FROM payload_refs WHERE ctid = ANY (ARRAY(
                 SELECT r.place FROM gone
                 CROSS JOIN LATERAL (SELECT x.ctid AS place FROM payload_refs AS x WHERE x.holder = gone.id OFFSET 0) AS r))
             )
             SELECT count(*) FROM gone`,
      values: [before, limit, partition],
    });
    pruned += Number(rows[0]?.count);
  }
  return pruned;
}
