/**
 * Uploads of large payloads in the catalogue. Each step is one statement, and so one transaction: whatever crashes, the bytes in
 * a store belong to a row of `payloads` or to one of `payload_leftovers`.
 */
import type {
  Catalog,
  Entered,
  PayloadKey,
  Place,
  UploadedPayload,
} from "../../payloads/catalog.ts";
import { StoreError } from "../store.ts";
import type { Ask } from "./payload-catalog.ts";
import { type RawPayload, READERS, rowOf, STILL_KEPT } from "./payload-rows.ts";

type Uploads = "expect" | "forget" | "enter" | "repair";

export function uploadsOf(ask: Ask): Pick<Catalog, Uploads> {
  return {
    async expect(places, dueIn) {
      const text = `
        INSERT INTO payload_leftovers (store, location, due_at)
        SELECT n.store, n.location, now_ms() + $3::bigint FROM unnest($1::text[], $2::text[]) AS n(store, location)
        ON CONFLICT (store, location) DO UPDATE SET due_at = excluded.due_at WHERE NOT payload_leftovers.sweeping`;
      const values = [...columns(places), dueIn];
      const { rowCount } = await ask({ name: "expect-upload", text, values });
      if (rowCount !== places.length) throw swept();
    },
    async forget(places) {
      const text = `
        DELETE FROM payload_leftovers AS l USING unnest($1::text[], $2::text[]) AS n(store, location)
        WHERE l.store = n.store AND l.location = n.location`;
      await ask({ name: "forget-upload", text, values: columns(places) });
    },
    enter: (upload) => enter(ask, upload),
    repair: (key, from, to) => repair(ask, key, from, to),
  };
}

const columns = (places: readonly Place[]): unknown[] => [
  places.map(({ store }) => store),
  places.map(({ location }) => location),
];

const swept = (): StoreError =>
  new StoreError("unavailable", "the upload took so long that its bytes were swept");

/**
 * The row that was there is locked first. Its copies give way to the new ones, which are known to be right; who is reading them
 * has a while to end.
 *
 * A row that others insert meanwhile is met by the insertion, which then does nothing: the caller tries again. Nothing is done
 * either when the sweeper has come to a place first; see migrations/0012-payload-sweeping.sql.
 */
const ENTER = `
  WITH t AS MATERIALIZED (SELECT now_ms() AS now), own AS MATERIALIZED (
    SELECT l.store FROM payload_leftovers AS l
    JOIN (VALUES ($8::text, $9::text), ($10::text, $11::text)) AS n(store, location)
      ON l.store = n.store AND l.location = n.location
    WHERE NOT l.sweeping FOR UPDATE OF l
  ), ours AS MATERIALIZED (
    SELECT count(*) = num_nonnulls($9::text, $11::text) AS "all" FROM own
  ), held AS MATERIALIZED (
    SELECT p.*, ${STILL_KEPT} AS still_kept
    FROM payloads AS p, t WHERE p.tenant = $1::text AND p.digest = decode($2::text, 'hex')
    FOR NO KEY UPDATE OF p
  ), entered AS (
    INSERT INTO payloads (tenant, digest, size, media_type, kept, expires_at, body, store, location, mirror, mirror_location,
                          created_at, touched_at)
    SELECT $1::text, decode($2::text, 'hex'), $3::bigint, $4::text, $5::boolean, CASE WHEN $5::boolean THEN t.now + $6::bigint END,
           $7::bytea, $8::text, $9::text, $10::text, $11::text, t.now, t.now
    FROM t, ours WHERE ours."all" AND NOT EXISTS (SELECT FROM held)
    ON CONFLICT DO NOTHING
    RETURNING *
  ), replaced AS (
    UPDATE payloads AS p
    SET kept = $5::boolean OR h.still_kept,
        expires_at = CASE WHEN NOT $5::boolean THEN p.expires_at
                          WHEN $6::bigint IS NULL OR h.still_kept AND h.expires_at IS NULL THEN NULL
                          WHEN h.still_kept THEN greatest(h.expires_at, t.now + $6::bigint)
                          ELSE t.now + $6::bigint END,
        touched_at = t.now,
        body = $7::bytea, store = $8::text, location = $9::text, mirror = $10::text, mirror_location = $11::text
    FROM held AS h, t, ours
    WHERE p.tenant = h.tenant AND p.digest = h.digest AND ours."all"
    RETURNING p.*
  ), old AS (
    INSERT INTO payload_leftovers (store, location, due_at)
    SELECT l.store, l.location, t.now + ${READERS}
    FROM replaced AS r, held AS h, t, LATERAL (VALUES (h.store, h.location), (h.mirror, h.mirror_location)) AS l(store, location)
    WHERE l.location IS NOT NULL
  ), used AS (
    DELETE FROM payload_leftovers AS l
    USING (VALUES ($8::text, $9::text), ($10::text, $11::text)) AS n(store, location)
    WHERE l.store = n.store AND l.location = n.location AND EXISTS (SELECT FROM entered UNION ALL SELECT FROM replaced)
  )
  SELECT x.tenant, encode(x.digest, 'hex'), x.size, x.media_type, x.kept, true, x.created_at, x.expires_at,
         x.store, x.location, x.mirror, x.mirror_location, NULL, coalesce((SELECT still_kept FROM held), false), ours."all"
  FROM ours LEFT JOIN (SELECT * FROM entered UNION ALL SELECT * FROM replaced) AS x ON true`;

async function enter(ask: Ask, upload: UploadedPayload): Promise<Entered> {
  const { tenant, digest, size, mediaType, kept, ttl, body, place, mirror } = upload;
  const values = [
    tenant,
    digest,
    size,
    mediaType,
    kept,
    ttl ?? null,
    body ?? null,
    ...[place?.store, place?.location, mirror?.store, mirror?.location].map((v) => v ?? null),
  ];
  for (;;) {
    const answer = await ask({ name: "enter-upload", text: ENTER, values });
    const [raw] = answer.rows as readonly (readonly [...RawPayload, boolean, boolean])[];
    if (raw?.at(-1) === false) throw swept();
    if (raw === undefined || raw[0] === null) continue;
    return { created: raw.at(-2) === false, row: rowOf(raw as unknown as RawPayload) };
  }
}

const REPAIR = `
  WITH own AS MATERIALIZED (
    SELECT l.store FROM payload_leftovers AS l
    WHERE l.store = $5::text AND l.location = $6::text AND NOT l.sweeping FOR UPDATE OF l
  ), repaired AS (
    UPDATE payloads AS p
    SET body = coalesce($7::bytea, p.body),
        store = CASE WHEN p.location = $4::text THEN $5::text ELSE p.store END,
        location = CASE WHEN p.location = $4::text THEN $6::text ELSE p.location END,
        mirror = CASE WHEN p.mirror_location = $4::text THEN $5::text ELSE p.mirror END,
        mirror_location = CASE WHEN p.mirror_location = $4::text THEN $6::text ELSE p.mirror_location END
    WHERE p.tenant = $1::text AND p.digest = decode($2::text, 'hex')
      AND CASE WHEN $7::bytea IS NULL
               THEN (p.store, p.location) = ($3::text, $4::text) OR (p.mirror, p.mirror_location) = ($3::text, $4::text)
               ELSE p.location IS NULL END
      AND ($6::text IS NULL OR EXISTS (SELECT FROM own))
    RETURNING 1
  ), old AS (
    INSERT INTO payload_leftovers (store, location, due_at)
    SELECT $3::text, $4::text, now_ms() + ${READERS} FROM repaired WHERE $4::text IS NOT NULL
  ), used AS (
    DELETE FROM payload_leftovers WHERE store = $5::text AND location = $6::text AND EXISTS (SELECT FROM repaired)
  )
  SELECT count(*) FROM repaired`;

async function repair(
  ask: Ask,
  { tenant, digest }: PayloadKey,
  from: Place | undefined,
  to: Place | Buffer,
): Promise<boolean> {
  const places = Buffer.isBuffer(to) ? [null, null, to] : [to.store, to.location, null];
  const values = [tenant, digest, from?.store ?? null, from?.location ?? null, ...places];
  const { rows } = await ask({ name: "repair-payload", text: REPAIR, values });
  return (rows as readonly (readonly [string])[])[0]?.[0] === "1";
}
