/**
 * Buckets: what an event and a wait have in common, as one number, so that they are found by an index.
 *
 * A filter without correlation, or whose correlation is not fixed yet, is one bucket; a filter together with the values of all
 * its correlation keys is another. An event falls into both; a wait stands in one of them.
 */
import { createHash } from "node:crypto";
import { canonicalJson, type Json } from "@millrace/language";

/**
 * @param filter the filter's id, 16 hexadecimal digits
 * @param keys of every correlation name of the filter, or absent
 * @returns 16 hexadecimal digits: the first 64 bits of the SHA-256 of the canonical JSON
 */
export function bucketOf(
  tenant: string,
  filter: string,
  keys: Readonly<Record<string, Json>> = {},
): string {
  const text = canonicalJson([tenant, filter, keys]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
