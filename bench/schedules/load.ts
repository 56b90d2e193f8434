/** Lays up millions of schedules in a database, as they stand after they were made one by one. */
import pg from "pg";

/** Database, and how many schedules are due when. */
export interface Laid {
  readonly url: string;
  readonly partitions: number;
  readonly count: number;
  /** Epoch milliseconds at which the first is due. */
  readonly from: number;
  /** Milliseconds between two of them; 0: all at once. */
  readonly apart: number;
}

/** Each comes again after this many milliseconds: long after the measurement. */
const INTERVAL = 5_000_000;
/** Rows of one statement. */
const STRETCH = 500_000;

/**
 * Those due one after the other lie anywhere in the tables (6,700,417 is a prime, so every place is taken once). Their ids
 * carry partitions as real ones do, but follow from a number instead of from a name.
 */
const INSERT = `
WITH made AS (
  SELECT n, n % $3 AS partition, ($4::float8 + (n::bigint * 6700417 % $6::bigint) * $5::float8)::bigint AS due,
         '0000000000' || lpad(to_hex(n), 13, '0') || '0'
           || substr(digits, ((n % $3) >> 5) + 1, 1) || substr(digits, ((n % $3) & 31) + 1, 1) AS id
  FROM generate_series($1::int, $2::int) AS n, (VALUES ('0123456789ABCDEFGHJKMNPQRSTVWXYZ')) AS d(digits)
), timed AS (
  INSERT INTO schedule_timers (partition, fire_at, schedule_id) SELECT partition, due, id FROM made ORDER BY due
)
INSERT INTO schedules (partition, id, tenant, name, namespace, workflow, revision, paused, wake_at, state, created_at, updated_at)
SELECT partition, id, 'default', 'job-' || lpad(n::text, 9, '0'), 'bench', 'tick', 1, false, due,
       json_build_object(
         'v', 1, 'id', id, 'tenant', 'default', 'name', 'job-' || lpad(n::text, 9, '0'), 'source', 'api', 'token', '',
         'spec', json_build_object(
           'timeZone', 'UTC', 'dstGap', 'run', 'dstOverlap', 'first', 'overlap', 'skip', 'catchUp', 'last',
           'catchUpWindow', 86400000, 'jitter', 0, 'excludedDates', '[]'::json,
           'workflow', '{"namespace":"bench","name":"tick"}'::json, 'input', json_build_object('n', n),
           'trigger', json_build_object('kind', 'every', 'milliseconds', ${INTERVAL})),
         'createdAt', due - ${INTERVAL}, 'updatedAt', due - ${INTERVAL}, 'decided', due - ${INTERVAL},
         'next', json_build_object('nominal', due, 'dueAt', due),
         'running', '[]'::json, 'buffer', '[]'::json, 'backfills', '[]'::json, 'failures', 0)::text,
       due - ${INTERVAL}, due - ${INTERVAL}
FROM made`;

export async function layUp({ url, partitions, count, from, apart }: Laid): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // Laying up is not what is measured.
    await client.query("SET synchronous_commit = off");
    for (let n = 0; n < count; n += STRETCH) {
      const last = Math.min(n + STRETCH, count) - 1;
      await client.query(INSERT, [n, last, partitions, from, apart, count]);
    }
    await client.query("VACUUM ANALYZE schedules, schedule_timers");
    await client.query("CHECKPOINT");
  } finally {
    await client.end();
  }
}

export interface Lateness {
  readonly started: number;
  /** Milliseconds from the time an instance was due until it was started. */
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** Seconds from the first start to the last. */
  readonly seconds: number;
}

/** Of instances due in [from, until). */
export async function lateness(url: string, from: number, until: number): Promise<Lateness> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Lateness>(
      `WITH late AS (
         SELECT created_at, created_at - (state::json -> 'schedule' ->> 'dueAt')::bigint AS late FROM all_instances
         WHERE name = 'tick' AND (state::json -> 'schedule' ->> 'dueAt')::bigint BETWEEN $1::bigint AND $2::bigint - 1
       )
       SELECT count(*)::float8 AS started,
              coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY late), 0)::float8 AS p50,
              coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY late), 0)::float8 AS p99,
              coalesce(max(late), 0)::float8 AS worst,
              coalesce((max(created_at) - min(created_at)) / 1000.0, 0)::float8 AS seconds
       FROM late`,
      [from, until],
    );
    const [row] = rows;
    if (row === undefined) throw new Error("no row");
    return row;
  } finally {
    await client.end();
  }
}
