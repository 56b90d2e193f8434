/** Rows of the catalogue of payloads, as statements select them and the driver gives them. */
import type { PayloadRow } from "../../payloads/catalog.ts";

/** Milliseconds that a large payload stays in its store after its row is gone, for those who are reading it. */
export const READERS = 300_000;

/** SQL: a user keeps `p`, as of `t.now`. */
export const STILL_KEPT = "(p.kept AND (p.expires_at IS NULL OR p.expires_at > t.now))";
/** SQL: true where something refers to `p`, else NULL. Written so that there is no other plan than the index. */
export const REFERRED =
  "(SELECT true FROM payload_refs AS r WHERE r.tenant = p.tenant AND r.digest = p.digest LIMIT 1)";

/** SQL: the columns of {@link RawPayload} but the last two. */
export const ROW = `p.tenant, encode(p.digest, 'hex'), p.size, p.media_type, ${STILL_KEPT},
  CASE WHEN ${STILL_KEPT} THEN true ELSE coalesce(${REFERRED}, false) END, p.created_at, p.expires_at,
  p.store, p.location, p.mirror, p.mirror_location`;

/** Arrays: rows are many. `bigint` arrives as text. */
export type RawPayload = readonly [
  tenant: string,
  digest: string,
  size: string,
  mediaType: string,
  kept: boolean,
  visible: boolean,
  createdAt: string,
  expiresAt: string | null,
  store: string | null,
  location: string | null,
  mirror: string | null,
  mirrorLocation: string | null,
  body: Buffer | null,
  place?: string,
];

export function rowOf(raw: RawPayload): PayloadRow {
  const [tenant, digest, size, mediaType, kept, visible, createdAt, expiresAt] = raw;
  const [, , , , , , , , store, location, mirror, mirrorLocation, body] = raw;
  return {
    tenant,
    digest,
    size: Number(size),
    mediaType,
    kept,
    visible,
    createdAt: Number(createdAt),
    ...(kept && expiresAt !== null ? { expiresAt: Number(expiresAt) } : {}),
    ...(body === null ? {} : { body }),
    ...(store === null || location === null ? {} : { place: { store, location } }),
    ...(mirror === null || mirrorLocation === null
      ? {}
      : { mirror: { store: mirror, location: mirrorLocation } }),
  };
}
