/**
 * The catalogue of payloads on PostgreSQL: what is asked of many small ones at once, each in one statement.
 *
 * The usual case of each goes first and costs one statement: a payload that is not there yet is entered, one that nothing refers
 * to is deleted. What the first statement did not find so is looked at, and locked, by a second.
 */
import type { Pool, PoolClient, QueryArrayConfig, QueryResult } from "pg";
import {
  type Catalog,
  type Entered,
  type PayloadKey,
  type PayloadRow,
  type SmallPayload,
  TOUCH_SLACK,
} from "../../payloads/catalog.ts";
import { StoreError } from "../store.ts";
import { bigints, byteas, digests, ints, joined, split } from "./columns.ts";
import { READERS, REFERRED, type RawPayload, ROW, rowOf, STILL_KEPT } from "./payload-rows.ts";
import { uploadsOf } from "./payload-uploads.ts";
import type { Statement } from "./statement.ts";
import { asStoreError, connect } from "./transaction.ts";

/** Times that what others change meanwhile is looked at again. */
const ROUNDS = 20;
/** A reference came between the look and the deletion; and a deadlock. */
const AGAIN = new Set(["23503", "40P01"]);

export type Ask = (statement: Statement) => Promise<QueryResult>;

/** @param open called with the first use: connections that are left no other plan than an index */
export function postgresCatalog(open: () => Pool): Catalog & { close(): Promise<void> } {
  let pool: Pool | undefined;
  const ask: Ask = async ({ name, text, values }) => {
    for (let round = 1; ; round++) {
      try {
        const query = { name, text, values: values as unknown[], rowMode: "array" } as const;
        return await askOn(await connect((pool ??= open())), query);
      } catch (error) {
        const { code } = error as { readonly code?: string };
        if (code === undefined || !AGAIN.has(code) || round === ROUNDS) throw asStoreError(error);
      }
    }
  };
  return {
    keep: (rows) => keep(ask, rows),
    store: (rows) => store(ask, rows),
    touch: (keys) => touch(ask, keys),
    read: (keys, bodies) => read(ask, keys, bodies),
    release: (keys) => release(ask, keys),
    list: (tenant, after, limit) => list(ask, tenant, after, limit),
    ...uploadsOf(ask),
    close: async () => pool?.end(),
  };
}

/** Not `pool.query`: what it fails with does not tell a connection that was refused from a statement that was. */
async function askOn(client: PoolClient, query: QueryArrayConfig): Promise<QueryResult> {
  let broken: Error | undefined;
  try {
    return await client.query(query);
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    client.release(broken);
  }
}

const keyColumns = (keys: readonly PayloadKey[]): unknown[] => [
  joined(keys, (k) => k.tenant),
  digests(keys, (k) => k.digest),
];
const KEYS = `unnest(${split(1)}, $2::bytea[])`;

const smallColumns = (rows: readonly SmallPayload[]): unknown[] => [
  ...keyColumns(rows),
  joined(rows, (r) => r.mediaType),
  byteas(rows, (r) => r.body),
  bigints(rows, (r) => r.ttl),
];
const SMALL = `unnest(${split(1)}, $2::bytea[], ${split(3)}, $4::bytea[], $5::bigint[])
                 AS n(tenant, digest, media_type, body, ttl)`;

const ENTER = `
  WITH entered AS (
    INSERT INTO payloads (tenant, digest, size, media_type, body, kept, expires_at, created_at, touched_at)
    SELECT n.tenant, n.digest, octet_length(n.body), n.media_type, n.body, true, t.now + n.ttl, t.now, t.now
    FROM ${SMALL}, (SELECT now_ms() AS now OFFSET 0) AS t
    ON CONFLICT DO NOTHING
    RETURNING tenant, digest, created_at, expires_at
  ), total AS (SELECT count(*) AS rows, min(created_at) AS at, count(expires_at) AS expiring FROM entered)
  SELECT total.rows, total.at, e.tenant, encode(e.digest, 'hex'), e.expires_at
  FROM total LEFT JOIN entered AS e ON total.rows < $6::int OR total.expiring > 0`;

/** One row and no more when all were entered, and none expires. */
type EnteredRow = readonly [string, string | null, string | null, string | null, string | null];

async function keep(ask: Ask, rows: readonly SmallPayload[]): Promise<readonly Entered[]> {
  const done = new Map<SmallPayload, Entered>();
  let left = rows;
  for (let round = 1; left.length > 0; round++) {
    if (round > ROUNDS)
      throw new StoreError("unavailable", "the payloads are put and deleted all the time");
    const found = await enter(ask, left);
    for (const [row, entered] of found) done.set(row, entered);
    left = left.filter((row) => !done.has(row));
    if (left.length === 0) break;
    for (const [row, entered] of await keepFound(ask, left)) done.set(row, entered);
    left = left.filter((row) => !done.has(row));
  }
  return rows.map((row) => done.get(row)!);
}

async function enter(
  ask: Ask,
  rows: readonly SmallPayload[],
): Promise<readonly (readonly [SmallPayload, Entered])[]> {
  const values = [...smallColumns(rows), rows.length];
  const answer = await ask({ name: "enter-payloads", text: ENTER, values });
  const raw = answer.rows as readonly EnteredRow[];
  const [count, at] = raw[0]!;
  const createdAt = Number(at);
  const all = Number(count) === rows.length;
  const expiry = new Map<string, string | null>();
  for (const [, , tenant, digest, expires] of raw)
    if (digest !== null) expiry.set(`${tenant}/${digest}`, expires);
  const entered: (readonly [SmallPayload, Entered])[] = [];
  for (const row of rows) {
    const expires = expiry.size === 0 ? undefined : expiry.get(`${row.tenant}/${row.digest}`);
    if (!all && expires === undefined) continue;
    entered.push([row, { created: true, row: newRow(row, createdAt, expires) }]);
  }
  return entered;
}

function newRow(row: SmallPayload, createdAt: number, expires?: string | null): PayloadRow {
  const { tenant, digest, mediaType, body } = row;
  const size = body.length;
  const plain = { tenant, digest, size, mediaType, kept: true, visible: true, createdAt };
  return expires === undefined || expires === null
    ? plain
    : { ...plain, expiresAt: Number(expires) };
}

/** Those that are there: the longer life wins, and a body that is damaged gives way to the right one. */
const KEEP_FOUND = `
  WITH held AS MATERIALIZED (
    SELECT p.*, ${STILL_KEPT} AS still_kept, coalesce(p.body <> n.body, false) AS damaged, n.body AS given, n.ttl, t.now
    FROM ${SMALL} JOIN payloads AS p ON p.tenant = n.tenant AND p.digest = n.digest,
         (SELECT now_ms() AS now OFFSET 0) AS t
    FOR NO KEY UPDATE OF p
  ), changed AS (
    UPDATE payloads AS p
    SET kept = true, touched_at = h.now,
        expires_at = CASE WHEN h.ttl IS NULL OR h.still_kept AND h.expires_at IS NULL THEN NULL
                          WHEN h.still_kept THEN greatest(h.expires_at, h.now + h.ttl)
                          ELSE h.now + h.ttl END,
        body = CASE WHEN h.damaged THEN h.given ELSE p.body END
    FROM held AS h
    WHERE p.tenant = h.tenant AND p.digest = h.digest
      AND (NOT h.still_kept OR h.damaged OR h.expires_at IS NOT NULL AND coalesce(h.expires_at < h.now + h.ttl, true))
    RETURNING p.tenant, p.digest, p.expires_at
  )
  SELECT h.tenant, encode(h.digest, 'hex'), h.size, h.media_type, h.still_kept, true, h.created_at,
         CASE WHEN c.tenant IS NULL THEN h.expires_at ELSE c.expires_at END,
         h.store, h.location, h.mirror, h.mirror_location, NULL
  FROM held AS h LEFT JOIN changed AS c ON c.tenant = h.tenant AND c.digest = h.digest`;

async function keepFound(
  ask: Ask,
  rows: readonly SmallPayload[],
): Promise<readonly (readonly [SmallPayload, Entered])[]> {
  const values = smallColumns(rows);
  const answer = await ask({ name: "keep-payloads", text: KEEP_FOUND, values });
  const byKey = new Map(rows.map((row) => [`${row.tenant}/${row.digest}`, row]));
  return (answer.rows as readonly RawPayload[]).map((raw) => {
    const before = rowOf(raw);
    const given = byKey.get(`${before.tenant}/${before.digest}`)!;
    return [given, { created: !before.kept, row: { ...before, kept: true } }] as const;
  });
}

async function store(ask: Ask, rows: readonly SmallPayload[]): Promise<void> {
  const text = `
    INSERT INTO payloads AS p (tenant, digest, size, media_type, body, kept, created_at, touched_at)
    SELECT n.tenant, n.digest, octet_length(n.body), n.media_type, n.body, false, t.now, t.now
    FROM ${SMALL}, (SELECT now_ms() AS now OFFSET 0) AS t
    ON CONFLICT (tenant, digest) DO UPDATE
    SET touched_at = excluded.touched_at, body = CASE WHEN p.body IS NULL THEN NULL ELSE excluded.body END
    WHERE p.touched_at < excluded.touched_at - ${TOUCH_SLACK} OR p.body <> excluded.body`;
  await ask({ name: "store-payloads", text, values: smallColumns(rows) });
}

async function touch(ask: Ask, keys: readonly PayloadKey[]): Promise<readonly boolean[]> {
  // The lock is what holds the sweeper off, where the row is left as it is.
  const text = `
    WITH held AS MATERIALIZED (
      SELECT n.place, p.tenant, p.digest, p.touched_at
      FROM ${KEYS} WITH ORDINALITY AS n(tenant, digest, place)
      JOIN payloads AS p ON p.tenant = n.tenant AND p.digest = n.digest
      FOR NO KEY UPDATE OF p
    ), touched AS (
      UPDATE payloads AS p SET touched_at = t.now
      FROM held AS h, (SELECT now_ms() AS now OFFSET 0) AS t
      WHERE p.tenant = h.tenant AND p.digest = h.digest AND h.touched_at < t.now - ${TOUCH_SLACK}
    )
    SELECT place FROM held`;
  const { rows } = await ask({ name: "touch-payloads", text, values: keyColumns(keys) });
  return marked(keys.length, rows as readonly (readonly [string])[]);
}

/** Places count from 1. */
function marked(length: number, rows: readonly (readonly [string])[]): readonly boolean[] {
  const found = Array.from({ length }, () => false);
  for (const [place] of rows) found[Number(place) - 1] = true;
  return found;
}

async function read(
  ask: Ask,
  keys: readonly PayloadKey[],
  bodies: readonly boolean[],
): Promise<readonly (PayloadRow | undefined)[]> {
  const text = `
    SELECT ${ROW}, CASE WHEN n.wanted = 1 THEN p.body END, n.place
    FROM unnest(${split(1)}, $2::bytea[], $3::int[]) WITH ORDINALITY AS n(tenant, digest, wanted, place)
    JOIN payloads AS p ON p.tenant = n.tenant AND p.digest = n.digest, (SELECT now_ms() AS now OFFSET 0) AS t`;
  const values = [...keyColumns(keys), ints(bodies, (wanted) => (wanted ? 1 : 0))];
  const answer = await ask({ name: "read-payloads", text, values });
  const found: (PayloadRow | undefined)[] = Array.from({ length: keys.length });
  for (const raw of answer.rows as readonly RawPayload[]) found[Number(raw[13]) - 1] = rowOf(raw);
  return found;
}

/** Deleted where nothing refers to it; what was in stores is left over. */
const DELETE = `
  WITH gone AS (
    DELETE FROM payloads AS p
    USING ${KEYS} AS n(tenant, digest), (SELECT now_ms() AS now OFFSET 0) AS t
    WHERE p.tenant = n.tenant AND p.digest = n.digest AND ${STILL_KEPT} AND ${REFERRED} IS NULL
    RETURNING p.tenant, p.digest, p.store, p.location, p.mirror, p.mirror_location, t.now
  ), leftovers AS (
    INSERT INTO payload_leftovers (store, location, due_at)
    SELECT l.store, l.location, gone.now + ${READERS}
    FROM gone, LATERAL (VALUES (gone.store, gone.location), (gone.mirror, gone.mirror_location)) AS l(store, location)
    WHERE l.location IS NOT NULL
  ), total AS (SELECT count(*) AS rows FROM gone)
  SELECT total.rows, g.tenant, encode(g.digest, 'hex') FROM total LEFT JOIN gone AS g ON total.rows < $3::int`;

const UNKEEP = `
  UPDATE payloads AS p SET kept = false, expires_at = NULL, touched_at = t.now
  FROM ${KEYS} AS n(tenant, digest), (SELECT now_ms() AS now OFFSET 0) AS t
  WHERE p.tenant = n.tenant AND p.digest = n.digest AND ${STILL_KEPT}
  RETURNING 0, p.tenant, encode(p.digest, 'hex')`;

async function release(ask: Ask, keys: readonly PayloadKey[]): Promise<readonly boolean[]> {
  const values = [...keyColumns(keys), keys.length];
  const gone = await ask({ name: "delete-payloads", text: DELETE, values });
  if (Number((gone.rows as readonly (readonly [string])[])[0]?.[0]) === keys.length)
    return keys.map(() => true);
  const done = new Set<string>();
  const note = (answer: QueryResult): void => {
    for (const [, tenant, digest] of answer.rows as readonly (readonly string[])[])
      done.add(`${tenant}/${digest}`);
  };
  note(gone);
  const rest = keys.filter(({ tenant, digest }) => !done.has(`${tenant}/${digest}`));
  note(await ask({ name: "unkeep-payloads", text: UNKEEP, values: keyColumns(rest) }));
  return keys.map(({ tenant, digest }) => done.has(`${tenant}/${digest}`));
}

async function list(
  ask: Ask,
  tenant: string,
  after: string | undefined,
  limit: number,
): Promise<readonly PayloadRow[]> {
  const text = `
    SELECT ${ROW}, NULL
    FROM payloads AS p, (SELECT now_ms() AS now OFFSET 0) AS t
    WHERE p.tenant = $1::text AND p.digest > decode($2::text, 'hex') AND ${STILL_KEPT}
    ORDER BY p.tenant, p.digest LIMIT $3::int`;
  const answer = await ask({ name: "list-payloads", text, values: [tenant, after ?? "", limit] });
  return (answer.rows as readonly RawPayload[]).map(rowOf);
}
