/**
 * The part of a transaction that says who refers to which payload. It comes last: whoever writes such rows has all his other
 * locks by then, and writes them in one order, so that nobody waits in a circle.
 */
import type { PayloadRefRow } from "../store.ts";
import { joined, split } from "./columns.ts";
import type { Statement } from "./statement.ts";

/**
 * A row that is there is touched: a sweeper that has looked and not found the reference, because it comes with this
 * transaction, finds the row changed and leaves it.
 */
export function referToPayloads(refs: readonly PayloadRefRow[]): readonly Statement[] {
  if (refs.length === 0) return [];
  const text = `
    INSERT INTO payload_refs (holder, tenant, digest, kind)
    SELECT n.holder, n.tenant, decode(n.digest, 'hex'), n.kind
    FROM unnest(${split(1)}, $2::text[], ${split(3)}, ${split(4)}) AS n(holder, tenant, digest, kind)
    ON CONFLICT (holder, digest) DO UPDATE SET at = greatest(excluded.at, payload_refs.at + 1)`;
  const values = [
    joined(refs, (r) => r.holder),
    refs.map((r) => r.tenant),
    joined(refs, (r) => r.digest),
    joined(refs, (r) => r.kind),
  ];
  return [{ name: "refer-to-payloads", text, values }];
}
