/** What the sweeper asks of PostgreSQL. The rules are in migrations/0012-payload-sweeping.sql, with the functions called here. */
import { isId, partitionOf } from "@millrace/protocol";
import type { Pool } from "pg";
import type {
  Holder,
  Leftover,
  Look,
  PayloadSweepStore,
  SeenRef,
  Swept,
  SweepPlace,
} from "../../payloads/sweep-store.ts";
import { column } from "./columns.ts";
import { READERS } from "./payload-rows.ts";
export { READERS } from "./payload-rows.ts";
/** Milliseconds within which what began before a look has ended. */
const UNDER_WAY = 60_000;

/** @param delay milliseconds until the blob of a payload that was deleted is deleted as well */
export function postgresSweepStore(pool: Pool, delay = READERS): PayloadSweepStore {
  return Object.freeze<PayloadSweepStore>({
    expire: (limit) => expire(pool, limit),
    sweep: (grace, after, stretch) => sweep(pool, { grace, after, stretch, delay }),
    takeLeftovers: (stores, again, limit) => takeLeftovers(pool, stores, again, limit),
    forgetLeftovers: (leftovers) => forgetLeftovers(pool, leftovers),
    countLeftovers: (limit) => countLeftovers(pool, limit),
    knownLocations: (store, locations) => knownLocations(pool, store, locations),
    beginRound: (name, pause) => beginRound(pool, name, pause),
    holders: (after, stretch, grace) => holders(pool, after, stretch, grace),
    lookAt: (instance, grace) => lookAt(pool, instance, grace),
    lostHolders: (kind, of, grace) =>
      kind === "event" ? lostEvents(pool, of, grace) : lostCheckpoints(pool, of, grace),
    dropRefs: (refs) => dropRefs(pool, refs),
    mark: (instance, look) => mark(pool, instance, look),
    pruneMarks: () => pruneMarks(pool),
    pruneCheckpoints: (keep, limit) => pruneCheckpoints(pool, keep, limit),
  });
}

interface RawSwept {
  readonly tenant: string;
  readonly digest: Buffer;
  readonly size: string;
}
const swept = ({ tenant, digest, size }: RawSwept): Swept => ({
  tenant,
  digest: digest.toString("hex"),
  size: Number(size),
});
const bytes = (digest: string): Buffer => Buffer.from(digest, "hex");

/** Nobody can read them since their time was over; they are swept when the grace period is. */
async function expire(pool: Pool, limit: number): Promise<number> {
  const { rowCount } = await pool.query({
    name: "expire-payloads",
    text: `UPDATE payloads SET kept = false, expires_at = NULL
           WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM payloads WHERE kept AND expires_at <= (SELECT now_ms())
             ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))`,
    values: [limit],
  });
  return rowCount ?? 0;
}

interface SweepRequest {
  readonly grace: number;
  readonly after: SweepPlace | undefined;
  readonly stretch: number;
  readonly delay: number;
}

/** Looked through without a lock, so that what is referred to is not held up; then decided under locks, row by row. */
async function sweep(pool: Pool, { grace, after, stretch, delay }: SweepRequest) {
  const { rows } = await pool.query<{
    readonly touched_at: string;
    readonly tenant: string;
    readonly digest: Buffer;
    readonly referred: boolean;
  }>({
    name: "sweepable-payloads",
    text: `SELECT p.touched_at, p.tenant, p.digest,
             EXISTS (SELECT FROM payload_refs AS r WHERE r.tenant = p.tenant AND r.digest = p.digest OFFSET 0) AS referred
           FROM payloads AS p
           WHERE NOT p.kept AND p.touched_at <= (SELECT now_ms() - $1::bigint)
             AND (p.touched_at, p.tenant, p.digest) > ($2::bigint, $3::text, $4::bytea)
           ORDER BY p.touched_at, p.tenant, p.digest LIMIT $5`,
    values: [
      grace,
      after?.touchedAt ?? -1,
      after?.tenant ?? "",
      bytes(after?.digest ?? ""),
      stretch,
    ],
  });
  const free = rows.filter(({ referred }) => !referred);
  const gone = free.length === 0 ? [] : await sweepThese(pool, free, grace, delay);
  const last = rows.at(-1);
  if (last === undefined || rows.length < stretch) return { swept: gone };
  const { tenant, touched_at, digest } = last;
  const next = { touchedAt: Number(touched_at), tenant, digest: digest.toString("hex") };
  return { swept: gone, next };
}

async function sweepThese(
  pool: Pool,
  rows: readonly Pick<RawSwept, "tenant" | "digest">[],
  grace: number,
  delay: number,
): Promise<readonly Swept[]> {
  const deleted = await pool.query<RawSwept>({
    name: "sweep-payloads",
    text: "SELECT * FROM sweep_payloads($1::text[], $2::bytea[], $3, $4)",
    values: [column(rows, (p) => p.tenant), column(rows, (p) => p.digest), grace, delay],
  });
  return deleted.rows.map(swept);
}

async function takeLeftovers(
  pool: Pool,
  stores: readonly string[],
  again: number,
  limit: number,
): Promise<readonly Leftover[]> {
  const { rows } = await pool.query<Leftover>({
    name: "take-leftovers",
    text: `UPDATE payload_leftovers AS l SET sweeping = true, due_at = now_ms() + $2::bigint
           WHERE l.ctid = ANY (ARRAY(
             SELECT d.ctid FROM payload_leftovers AS d
             WHERE d.due_at <= (SELECT now_ms()) AND d.store = ANY ($1::text[])
             ORDER BY d.due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
           RETURNING l.store, l.location`,
    values: [stores, again, limit],
  });
  return rows;
}

async function forgetLeftovers(pool: Pool, leftovers: readonly Leftover[]): Promise<void> {
  await pool.query({
    name: "forget-leftovers",
    text: `DELETE FROM payload_leftovers AS l USING unnest($1::text[], $2::text[]) AS n(store, location)
           WHERE l.store = n.store AND l.location = n.location`,
    values: [column(leftovers, (l) => l.store), column(leftovers, (l) => l.location)],
  });
}

async function countLeftovers(pool: Pool, limit: number): Promise<number> {
  const { rows } = await pool.query<{ readonly count: string }>({
    name: "count-leftovers",
    text: `SELECT count(*) FROM (SELECT FROM payload_leftovers WHERE due_at <= (SELECT now_ms()) OR sweeping LIMIT $1) AS l`,
    values: [limit],
  });
  return Number(rows[0]?.count);
}

async function knownLocations(
  pool: Pool,
  store: string,
  locations: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ readonly location: string }>({
    name: "known-locations",
    text: `SELECT location FROM payloads WHERE store = $1 AND location = ANY ($2::text[]) AND location IS NOT NULL
           UNION ALL
           SELECT mirror_location FROM payloads WHERE mirror = $1 AND mirror_location = ANY ($2::text[]) AND mirror_location IS NOT NULL
           UNION ALL
           SELECT location FROM payload_leftovers WHERE store = $1 AND location = ANY ($2::text[])`,
    values: [store, locations],
  });
  return new Set(rows.map(({ location }) => location));
}

/** A time to come, as after a clock was set back, counts as none. */
async function beginRound(pool: Pool, name: string, pause: number): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: "begin-payload-round",
    text: `INSERT INTO payload_rounds AS r (name, began_at) VALUES ($1, now_ms())
           ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at
           WHERE r.began_at <= excluded.began_at - $2::bigint OR r.began_at > excluded.began_at`,
    values: [name, pause],
  });
  return rowCount === 1;
}

async function holders(pool: Pool, after: string, stretch: number, grace: number) {
  const { rows } = await pool.query<Holder & { readonly due: boolean }>({
    name: "payload-holders",
    text: `SELECT h.holder, h.kind, h.oldest <= now_ms() - $3::bigint AND (h.kind <> 'instance' OR m.holder IS NULL
             OR (m.marked_at NOT BETWEEN now_ms() - $3::bigint + 1 AND now_ms()
                 AND (NOT m.settled OR h.newest > m.marked_at - greatest($3::bigint, ${UNDER_WAY})
                      OR m.revision IS DISTINCT FROM ${REVISION("h.holder")}))
           ) AS due
           FROM (SELECT holder, min(kind) AS kind, min(at) AS oldest, max(at) AS newest FROM payload_refs
                 WHERE holder > $1 GROUP BY holder ORDER BY holder LIMIT $2) AS h
           LEFT JOIN payload_marks AS m ON m.holder = h.holder
           ORDER BY h.holder`,
    values: [after, stretch, grace],
  });
  const due = rows.flatMap(({ holder, kind, due: isDue }) => (isDue ? [{ holder, kind }] : []));
  const last = rows.at(-1);
  return last === undefined || rows.length < stretch ? { due } : { due, next: last.holder };
}

/** Of an instance, or of a schedule: their ids are never equal. */
const REVISION = (id: string): string =>
  `coalesce((SELECT i.revision FROM all_instances AS i WHERE i.id = ${id}), (SELECT s.revision FROM schedules AS s WHERE s.id = ${id}))`;

/** Owners number partitions from 0. */
const placeOf = (id: string): number => (isId(id) ? partitionOf(id) : -1);

async function lookAt(pool: Pool, instance: string, grace: number): Promise<Look> {
  // One statement, so one snapshot: what goes from the inbox into the state meanwhile is seen in one of them.
  const { rows } = await pool.query<{
    readonly looked_at: string;
    readonly revision: string | null;
    readonly settled: boolean;
    readonly digest: Buffer | null;
    readonly at: string;
  }>({
    name: "look-at-holder",
    text: `SELECT now_ms() AS looked_at, ${REVISION("$2")} AS revision,
             NOT EXISTS (SELECT FROM inbox AS m WHERE m.instance_id = $2)
               AND NOT EXISTS (SELECT FROM activities AS a WHERE a.partition = $1 AND a.instance_id = $2) AS settled,
             r.digest, r.at
           FROM (VALUES (true)) AS one
           LEFT JOIN LATERAL (
             SELECT x.digest, x.at FROM payload_refs AS x
             WHERE x.holder = $2 AND x.at <= (SELECT now_ms() - $3::bigint)
               AND encode(x.digest, 'hex') NOT IN (SELECT payload_mentions($1, $2))
           ) AS r ON true`,
    values: [placeOf(instance), instance, grace],
  });
  const [first] = rows;
  if (first === undefined) throw new Error("a look at a holder gave no row");
  return {
    at: Number(first.looked_at),
    revision: first.revision === null ? undefined : Number(first.revision),
    settled: first.settled,
    unmentioned: rows.flatMap(({ digest, at }) =>
      digest === null ? [] : [{ holder: instance, digest: digest.toString("hex"), at: Number(at) }],
    ),
  };
}

interface RawRef {
  readonly holder: string;
  readonly digest: Buffer;
  readonly at: string;
}
const seenRef = ({ holder, digest, at }: RawRef): SeenRef => ({
  holder,
  digest: digest.toString("hex"),
  at: Number(at),
});

async function lostEvents(
  pool: Pool,
  events: readonly string[],
  grace: number,
): Promise<readonly SeenRef[]> {
  const { rows } = await pool.query<RawRef>({
    name: "lost-event-refs",
    text: `SELECT r.holder, r.digest, r.at FROM unnest($1::int[], $2::text[]) AS n(partition, id)
           JOIN payload_refs AS r ON r.holder = n.id
           WHERE r.kind = 'event' AND r.at <= (SELECT now_ms() - $3::bigint)
             AND NOT EXISTS (SELECT FROM events AS e WHERE e.partition = n.partition AND e.id = n.id OFFSET 0)`,
    values: [events.map(placeOf), events, grace],
  });
  return rows.map(seenRef);
}

async function lostCheckpoints(
  pool: Pool,
  chains: readonly string[],
  grace: number,
): Promise<readonly SeenRef[]> {
  const named = chains.map((holder) => {
    const end = holder.indexOf("/");
    return { holder, instance: holder.slice(0, end), chain: holder.slice(end + 1) };
  });
  const { rows } = await pool.query<RawRef>({
    name: "lost-checkpoint-refs",
    text: `SELECT r.holder, r.digest, r.at
           FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS n(partition, instance, chain, holder)
           JOIN payload_refs AS r ON r.holder = n.holder
           WHERE r.kind = 'checkpoint' AND r.at <= (SELECT now_ms() - $5::bigint)
             AND NOT EXISTS (SELECT FROM activity_checkpoints AS c
                             WHERE c.partition = n.partition AND c.instance_id = n.instance AND c.chain = n.chain
                               AND c.digest = r.digest OFFSET 0)`,
    values: [
      column(named, ({ instance }) => placeOf(instance)),
      column(named, ({ instance }) => instance),
      column(named, ({ chain }) => chain),
      chains,
      grace,
    ],
  });
  return rows.map(seenRef);
}

async function dropRefs(pool: Pool, refs: readonly SeenRef[]): Promise<number> {
  const { rowCount } = await pool.query({
    name: "drop-payload-refs",
    text: `DELETE FROM payload_refs AS r WHERE r.ctid = ANY (ARRAY(
             SELECT x.ctid FROM unnest($1::text[], $2::bytea[], $3::bigint[]) AS n(holder, digest, at)
             JOIN payload_refs AS x ON x.holder = n.holder AND x.digest = n.digest AND x.at = n.at
             FOR UPDATE OF x SKIP LOCKED))`,
    values: [
      column(refs, ({ holder }) => holder),
      column(refs, ({ digest }) => bytes(digest)),
      column(refs, ({ at }) => at),
    ],
  });
  return rowCount ?? 0;
}

async function mark(
  pool: Pool,
  instance: string,
  { at, revision, settled }: Omit<Look, "unmentioned">,
): Promise<void> {
  await pool.query({
    name: "mark-holder",
    text: `INSERT INTO payload_marks (holder, marked_at, revision, settled) VALUES ($1, $2, $3, $4)
           ON CONFLICT (holder) DO UPDATE
           SET marked_at = excluded.marked_at, revision = excluded.revision, settled = excluded.settled`,
    values: [instance, at, revision ?? null, settled],
  });
}

async function pruneMarks(pool: Pool): Promise<void> {
  await pool.query({
    name: "prune-payload-marks",
    text: `DELETE FROM payload_marks AS m
           WHERE NOT EXISTS (SELECT FROM payload_refs AS r WHERE r.holder = m.holder OFFSET 0)`,
  });
}

/** What refers to their payloads goes with them. */
async function pruneCheckpoints(pool: Pool, keep: number, limit: number): Promise<number> {
  const { rows } = await pool.query<{ readonly count: string }>({
    name: "prune-checkpoints",
    text: `WITH gone AS (
             DELETE FROM activity_checkpoints AS c WHERE c.ctid = ANY (ARRAY(
               SELECT x.ctid FROM activity_checkpoints AS x
               CROSS JOIN LATERAL (SELECT f.status, f.ended_at FROM finished AS f WHERE f.id = x.instance_id OFFSET 0) AS f
               WHERE f.status <> 'faulted' OR f.ended_at <= (SELECT now_ms() - $1::bigint)
               LIMIT $2 FOR UPDATE OF x SKIP LOCKED))
             RETURNING c.instance_id || '/' || c.chain AS holder
           ), let_go AS (
             DELETE FROM payload_refs AS r USING gone WHERE r.holder = gone.holder AND r.kind = 'checkpoint'
           )
           SELECT count(*) FROM gone`,
    values: [keep, limit],
  });
  return Number(rows[0]?.count);
}
