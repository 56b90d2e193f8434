/** Endpoints and their deliveries on PostgreSQL, as the API sees them. */
import type { Pool } from "pg";
import { asRuntimeError } from "../../runtime/outage.ts";
import type { DeliveryRow, EndpointStore } from "../../outgoing/endpoint-store.ts";
import { endpointOf, type RawEndpoint } from "./outgoing-store.ts";

/** Dead letters that one statement queues again. */
const REPLAYED_AT_ONCE = 5_000;

type Query = (
  sql: string,
  values: readonly unknown[],
) => Promise<{ readonly rows: readonly unknown[]; readonly count: number }>;

export function postgresEndpointStore(pool: Pool): EndpointStore {
  const query: Query = async (sql, values) => {
    try {
      const { rows, rowCount } = await pool.query(sql, [...values]);
      return { rows, count: rowCount ?? 0 };
    } catch (error) {
      throw asRuntimeError(error);
    }
  };
  return Object.freeze({ ...resources(query), ...deliveries(query) });
}

function resources(
  query: Query,
): Pick<EndpointStore, "get" | "list" | "insert" | "update" | "delete"> {
  return {
    async get({ tenant, kind, name }) {
      const { rows } = await query(
        "SELECT * FROM endpoints WHERE tenant = $1 AND kind = $2 AND name = $3",
        [tenant, kind, name],
      );
      const [row] = rows as readonly RawEndpoint[];
      return row === undefined ? undefined : endpointOf(row);
    },
    async list({ tenant, kind }, after, limit) {
      const { rows } = await query(
        `SELECT * FROM endpoints WHERE tenant = $1 AND kind = $2 AND name > $3 ORDER BY name LIMIT $4`,
        [tenant, kind, after, limit],
      );
      return (rows as readonly RawEndpoint[]).map(endpointOf);
    },
    async insert({ id, partition, name: { tenant, kind, name }, settings }) {
      const { count } = await query(
        `INSERT INTO endpoints (id, partition, tenant, kind, name, settings, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, now_ms(), now_ms()) ON CONFLICT DO NOTHING`,
        [id, partition, tenant, kind, name, JSON.stringify(settings)],
      );
      return count === 1;
    },
    async update({ id, version }, settings, enable) {
      const { count } = await query(
        `UPDATE endpoints SET settings = $3, version = version + 1, updated_at = now_ms(),
           disabled = CASE WHEN $4 THEN NULL ELSE disabled END
         WHERE id = $1 AND version = $2`,
        [id, version, JSON.stringify(settings), enable],
      );
      return count === 1;
    },
    async delete(id) {
      const { count } = await query("DELETE FROM endpoints WHERE id = $1", [id]);
      return count === 1;
    },
  };
}

interface RawDelivery {
  readonly id: string;
  readonly event: string;
  readonly attempts: number;
  readonly error: string | null;
  readonly queued_at: string;
  readonly next_at?: string;
  readonly dead_at?: string;
}

const LISTS = {
  waiting: `SELECT seq AS id, event, attempts, last_error AS error, queued_at, next_at FROM event_outgoing
            WHERE endpoint = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
  dead: `SELECT id, event, attempts, error, queued_at, dead_at FROM dead_letters
         WHERE endpoint = $1 AND id > $2 ORDER BY id LIMIT $3`,
} as const;

function deliveries(query: Query): Pick<EndpointStore, "deliveries" | "replay"> {
  return {
    async deliveries(endpoint, state, after, limit) {
      const { rows } = await query(LISTS[state], [endpoint, after, limit]);
      return (rows as readonly RawDelivery[]).map((row) => deliveryOf(row, state));
    },
    async replay(endpoint, ids) {
      let replayed = 0;
      for (;;) {
        const { count } = await query(
          `WITH gone AS (
             DELETE FROM dead_letters WHERE id IN (
               SELECT id FROM dead_letters
               WHERE endpoint = $1 AND ($2::bigint[] IS NULL OR id = ANY ($2)) ORDER BY id LIMIT $3)
             RETURNING id, endpoint, key, event
           )
           INSERT INTO event_outgoing (endpoint, key, event, queued_at)
           SELECT endpoint, key, event, now_ms() FROM gone ORDER BY id`,
          [endpoint, ids ?? null, REPLAYED_AT_ONCE],
        );
        replayed += count;
        if (count < REPLAYED_AT_ONCE) return replayed;
      }
    },
  };
}

function deliveryOf(row: RawDelivery, state: DeliveryRow["state"]): DeliveryRow {
  const { event, attempts, error, next_at: nextAt = "0", dead_at: deadAt } = row;
  return {
    id: Number(row.id),
    state,
    event,
    attempts,
    ...(error === null ? {} : { error }),
    queuedAt: Number(row.queued_at),
    ...(nextAt === "0" ? {} : { nextAt: Number(nextAt) }),
    ...(deadAt === undefined ? {} : { deadAt: Number(deadAt) }),
  };
}
