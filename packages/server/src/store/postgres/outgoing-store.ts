/** Outbox, endpoints and what is on its way to them, on PostgreSQL. */
import type { Pool, PoolClient } from "pg";
import {
  CLOSED,
  type Circuit,
  type Endpoint,
  type EndpointSettings,
} from "../../outgoing/endpoint.ts";
import {
  MOST_BYTES,
  type OutboxEvent,
  type Outgoing,
  type OutgoingStore,
  type Queued,
  type Settled,
} from "../../outgoing/outgoing-store.ts";
import { type Epoch, StoreError } from "../store.ts";
import { column } from "./columns.ts";
import { BEFORE, readOutbox } from "./outbox-rows.ts";
import { inTransaction } from "./transaction.ts";

export function postgresOutgoingStore(pool: Pool): OutgoingStore {
  return Object.freeze<OutgoingStore>({
    listenedTypes: () => listenedTypes(pool),
    endpointsMark: () => endpointsMark(pool),
    endpoints: () => endpoints(pool),
    relay: (epochs, limit, handOn) => relay(pool, epochs, limit, handOn),
    due: (endpoint, known, blocked, limit) => due(pool, endpoint, known, blocked, limit),
    withQueued: (partitions) => withQueued(pool, partitions),
    waiting: (endpoint, limit) => waiting(pool, endpoint, limit),
    settle: (endpoint, epoch, settled) => settle(pool, endpoint, epoch, settled),
    circuit: (endpoint) => circuit(pool, endpoint),
    bury: (endpoint, epoch, event, error) => bury(pool, endpoint, epoch, event, error),
  });
}

async function endpointsMark(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ mark: string }>({
    name: "endpoints-mark",
    text: `SELECT concat_ws('/', count(*), sum(version), max(id), count(disabled)) AS mark FROM endpoints`,
  });
  return rows[0]?.mark ?? "";
}

async function listenedTypes(pool: Pool) {
  const { rows } = await pool.query<{ tenant: string; type: string }>({
    name: "listened-types",
    text: `SELECT DISTINCT tenant, type FROM event_filters
           WHERE type LIKE 'io.serverlessworkflow.%' ORDER BY tenant, type`,
  });
  return rows;
}

export interface RawEndpoint {
  readonly id: string;
  readonly partition: number;
  readonly tenant: string;
  readonly name: string;
  readonly settings: string;
  readonly version: string;
  readonly disabled: string | null;
  readonly failures: number;
  readonly failing_since: string | null;
  readonly open_until: string | null;
  readonly last_error: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

async function endpoints(pool: Pool): Promise<readonly Endpoint[]> {
  const { rows } = await pool.query<RawEndpoint>({
    name: "endpoints",
    text: "SELECT * FROM endpoints",
  });
  return rows.map(endpointOf);
}

export function endpointOf(row: RawEndpoint): Endpoint {
  return {
    id: row.id,
    partition: row.partition,
    tenant: row.tenant,
    name: row.name,
    settings: JSON.parse(row.settings) as EndpointSettings,
    version: Number(row.version),
    ...(row.disabled === null ? {} : { disabled: row.disabled }),
    circuit: circuitOf(row),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}

type RawCircuit = Pick<RawEndpoint, "failures" | "failing_since" | "open_until" | "last_error">;

function circuitOf(row: RawCircuit): Circuit {
  if (row.failures === 0) return CLOSED;
  return {
    failures: row.failures,
    ...(row.failing_since === null ? {} : { failingSince: Number(row.failing_since) }),
    ...(row.open_until === null ? {} : { openUntil: Number(row.open_until) }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  };
}

async function circuit(pool: Pool, endpoint: string): Promise<Circuit | undefined> {
  const { rows } = await pool.query<RawCircuit>({
    name: "circuit",
    text: "SELECT failures, failing_since, open_until, last_error FROM endpoints WHERE id = $1",
    values: [endpoint],
  });
  return rows[0] === undefined ? undefined : circuitOf(rows[0]);
}

async function relay(
  pool: Pool,
  epochs: readonly Epoch[],
  limit: number,
  handOn: (events: readonly OutboxEvent[]) => Promise<readonly Outgoing[]>,
): Promise<number> {
  const each = Math.max(10, Math.ceil(limit / epochs.length));
  const events = await readOutbox(
    pool,
    epochs.map((e) => e.partition),
    each,
  );
  if (events.length === 0) return 0;
  const outgoing = await handOn(events);
  const touched = new Set(events.map(({ partition }) => partition));
  await inTransaction(pool, async (client) => {
    await fence(
      client,
      epochs.filter(({ partition }) => touched.has(partition)),
    );
    await queue(client, outgoing);
    const { rowCount } = await client.query({
      name: "take-outbox",
      text: `DELETE FROM outbox AS o USING unnest($1::int[], $2::bigint[]) AS n(partition, seq)
             WHERE o.partition = n.partition AND o.seq = n.seq`,
      values: [column(events, (e) => e.partition), column(events, (e) => e.seq)],
    });
    // Only under another epoch could somebody else have taken them.
    if (rowCount !== events.length)
      throw new StoreError("conflict", `took ${rowCount} of ${events.length} events`);
  });
  return events.length;
}

/** Of an endpoint that was deleted since, nothing. */
export async function queue(client: PoolClient, rows: readonly Outgoing[]): Promise<void> {
  if (rows.length === 0) return;
  // Each event goes to the database once, however many endpoints it is for.
  const places = new Map<string, number>();
  for (const { event } of rows) if (!places.has(event)) places.set(event, places.size + 1);
  await client.query({
    name: "queue-outgoing",
    text: `INSERT INTO event_outgoing (endpoint, key, event, queued_at)
           SELECT e.id, n.key, v.event, now_ms()
           FROM unnest($1::text[], $2::text[], $3::int[])
             WITH ORDINALITY AS n(endpoint, key, event, place)
           JOIN unnest($4::text[]) WITH ORDINALITY AS v(event, place) ON v.place = n.event
           JOIN endpoints AS e ON e.id = n.endpoint
           ORDER BY n.place`,
    values: [
      column(rows, (r) => r.endpoint),
      column(rows, (r) => r.key),
      column(rows, (r) => places.get(r.event)),
      [...places.keys()],
    ],
  });
}

/** Leaves an event of the server itself in the outbox. */
export async function announce(
  pool: Pool,
  row: Pick<OutboxEvent, "partition" | "tenant" | "event">,
): Promise<void> {
  await pool.query(
    "INSERT INTO outbox (partition, tenant, emitted, event) VALUES ($1, $2, false, $3)",
    [row.partition, row.tenant, row.event],
  );
}

async function fence(client: PoolClient, epochs: readonly Epoch[]): Promise<void> {
  await client.query({
    name: "fence",
    text: "SELECT check_epochs($1::int[], $2::bigint[])",
    values: [column(epochs, (e) => e.partition), column(epochs, (e) => e.epoch)],
  });
}

interface RawQueued {
  readonly seq: string;
  readonly key: string;
  readonly event: string;
  readonly attempts: number;
  readonly first_at: string | null;
  readonly next_at: string;
  readonly queued_at: string;
}

const QUEUED = "seq, key, event, attempts, first_at, next_at, queued_at";

function queuedOf(row: RawQueued): Queued {
  const { key, event, attempts } = row;
  return {
    seq: Number(row.seq),
    key,
    event,
    attempts,
    ...(row.first_at === null ? {} : { firstAt: Number(row.first_at) }),
    nextAt: Number(row.next_at),
    queuedAt: Number(row.queued_at),
  };
}

async function due(
  pool: Pool,
  endpoint: string,
  known: readonly number[],
  blocked: readonly string[],
  limit: number,
): Promise<readonly Queued[]> {
  const { rows } = await pool.query<RawQueued>({
    name: "due-outgoing",
    text: `SELECT ${QUEUED} FROM (
             SELECT o.*, ${BEFORE} AS before
             FROM (SELECT * FROM event_outgoing
                   WHERE endpoint = $1 AND seq <> ALL ($2::bigint[]) AND key <> ALL ($3::text[])
                   ORDER BY seq LIMIT $4) AS o
           ) AS o
           WHERE o.before < $5 ORDER BY seq`,
    values: [endpoint, known, blocked, limit, MOST_BYTES],
  });
  return rows.map(queuedOf);
}

async function withQueued(pool: Pool, partitions: readonly number[]): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>({
    name: "with-outgoing",
    text: `SELECT e.id FROM endpoints AS e
           WHERE e.partition = ANY ($1::int[])
             AND (SELECT true FROM event_outgoing AS o WHERE o.endpoint = e.id LIMIT 1)`,
    values: [partitions],
  });
  return rows.map(({ id }) => id);
}

async function waiting(pool: Pool, endpoint: string, limit: number): Promise<readonly Queued[]> {
  const { rows } = await pool.query<RawQueued>({
    name: "waiting-outgoing",
    text: `SELECT ${QUEUED} FROM (
             SELECT o.*, ${BEFORE.replace("o.seq", "o.next_at, o.seq")} AS before
             FROM (SELECT * FROM event_outgoing
                   WHERE endpoint = $1 AND next_at > 0 ORDER BY next_at LIMIT $2) AS o
           ) AS o
           WHERE o.before < $3 ORDER BY next_at`,
    values: [endpoint, limit, MOST_BYTES],
  });
  return rows.map(queuedOf);
}

async function settle(pool: Pool, endpoint: string, epoch: Epoch, settled: Settled): Promise<void> {
  await inTransaction(pool, async (client) => {
    await fence(client, [epoch]);
    await writeRetried(client, endpoint, settled);
    await buryDead(client, endpoint, settled);
    if (settled.delivered.length > 0)
      await client.query({
        name: "delivered",
        text: "DELETE FROM event_outgoing WHERE endpoint = $1 AND seq = ANY ($2::bigint[])",
        values: [endpoint, settled.delivered],
      });
    if (settled.revive === true)
      await client.query({
        name: "revive-outgoing",
        text: "UPDATE event_outgoing SET next_at = 0 WHERE endpoint = $1 AND next_at > 0",
        values: [endpoint],
      });
    await writeStanding(client, endpoint, settled);
  });
}

async function writeRetried(
  client: PoolClient,
  endpoint: string,
  { retried }: Settled,
): Promise<void> {
  if (retried.length === 0) return;
  await client.query({
    name: "retry-outgoing",
    text: `UPDATE event_outgoing AS o
           SET attempts = n.attempts, first_at = n.first_at, next_at = n.next_at, last_error = n.error
           FROM unnest($2::bigint[], $3::int[], $4::bigint[], $5::bigint[], $6::text[])
             AS n(seq, attempts, first_at, next_at, error)
           WHERE o.endpoint = $1 AND o.seq = n.seq`,
    values: [
      endpoint,
      column(retried, (r) => r.seq),
      column(retried, (r) => r.attempts),
      column(retried, (r) => r.firstAt),
      column(retried, (r) => r.nextAt),
      column(retried, (r) => r.error),
    ],
  });
}

async function buryDead(
  client: PoolClient,
  endpoint: string,
  { dead, deadBefore }: Settled,
): Promise<void> {
  if (dead.length > 0)
    await client.query({
      name: "bury-outgoing",
      text: `WITH gone AS (
               DELETE FROM event_outgoing AS o
               USING unnest($2::bigint[], $3::int[], $4::text[]) AS n(seq, attempts, error)
               WHERE o.endpoint = $1 AND o.seq = n.seq
               RETURNING o.seq, o.endpoint, o.key, o.event, n.attempts, n.error, o.queued_at
             )
             INSERT INTO dead_letters (id, endpoint, tenant, key, event, attempts, error, queued_at, dead_at)
             SELECT g.seq, g.endpoint, e.tenant, g.key, g.event, g.attempts, g.error, g.queued_at, now_ms()
             FROM gone AS g JOIN endpoints AS e ON e.id = g.endpoint`,
      values: [
        endpoint,
        column(dead, (d) => d.seq),
        column(dead, (d) => d.attempts),
        column(dead, (d) => d.error),
      ],
    });
  if (deadBefore !== undefined)
    await client.query({
      name: "bury-before",
      text: `WITH gone AS (
               DELETE FROM event_outgoing WHERE endpoint = $1 AND queued_at <= $2 RETURNING *
             )
             INSERT INTO dead_letters (id, endpoint, tenant, key, event, attempts, error, queued_at, dead_at)
             SELECT g.seq, g.endpoint, e.tenant, g.key, g.event, g.attempts,
                    coalesce(g.last_error, $3), g.queued_at, now_ms()
             FROM gone AS g JOIN endpoints AS e ON e.id = g.endpoint`,
      values: [endpoint, deadBefore.at, deadBefore.error],
    });
}

/** Its number is of the same sequence as those of other dead letters. */
async function bury(pool: Pool, endpoint: string, epoch: Epoch, event: string, error: string) {
  await inTransaction(pool, async (client) => {
    await fence(client, [epoch]);
    await client.query(
      `INSERT INTO dead_letters (id, endpoint, tenant, key, event, attempts, error, queued_at, dead_at)
       SELECT nextval(pg_get_serial_sequence('event_outgoing', 'seq')), id, tenant, '', $2, 1, $3, now_ms(), now_ms()
       FROM endpoints WHERE id = $1`,
      [endpoint, event, error],
    );
  });
}

async function writeStanding(
  client: PoolClient,
  endpoint: string,
  { circuit: stands, disabled }: Settled,
): Promise<void> {
  if (stands !== undefined)
    await client.query({
      name: "write-circuit",
      text: `UPDATE endpoints SET failures = $2, failing_since = $3, open_until = $4, last_error = $5
             WHERE id = $1`,
      values: [
        endpoint,
        stands.failures,
        stands.failingSince ?? null,
        stands.openUntil ?? null,
        stands.lastError ?? null,
      ],
    });
  if (disabled !== undefined)
    await client.query({
      name: "disable-endpoint",
      text: "UPDATE endpoints SET disabled = $2 WHERE id = $1",
      values: [endpoint, disabled],
    });
}
