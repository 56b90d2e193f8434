/** The event filters of a workflow, as they are stored with it: what events are held against as they come in. */
import { canonicalJson, type EventFilterNode } from "@millrace/language";
import type { Pool } from "pg";
import { columnText } from "../events/column-text.ts";
import { RuntimeError } from "../runtime.ts";
import type { Statement } from "../store/postgres/statement.ts";

/**
 * @throws {RuntimeError} of `kind` when the tenant has another filter of that name: names are short hashes, and events
 * for one would come to the other
 */
export async function checkFilters(
  pool: Pool,
  tenant: string,
  filters: readonly EventFilterNode[],
  kind: "invalid-workflow" | "invalid-schedule" = "invalid-workflow",
): Promise<void> {
  if (filters.length === 0) return;
  const { rows } = await pool.query<{ definition: string }>(
    `SELECT n.definition FROM unnest($2::text[], $3::text[]) AS n(filter, definition)
     JOIN event_filters AS f ON f.tenant = $1 AND f.filter = n.filter AND f.definition <> n.definition`,
    [tenant, filters.map(({ id }) => id), filters.map(textOf)],
  );
  const [row] = rows;
  if (row === undefined) return;
  const message = `another event filter has the same hash as ${row.definition}; change it a little`;
  throw new RuntimeError(kind, message);
}

export function insertFilters(
  tenant: string,
  filters: readonly EventFilterNode[],
): readonly Statement[] {
  if (filters.length === 0) return [];
  const text = `
    INSERT INTO event_filters (tenant, filter, type, source, definition, created_at)
    SELECT $1, n.*, now_ms() FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS n
    ON CONFLICT DO NOTHING`;
  const values = [
    tenant,
    filters.map(({ id }) => id),
    filters.map(({ type }) => (type === undefined ? null : columnText(type))),
    filters.map(({ source }) => (source === undefined ? null : columnText(source))),
    filters.map(textOf),
  ];
  return [{ name: "insert-filters", text, values }];
}

function textOf({ definition }: EventFilterNode): string {
  return canonicalJson(definition);
}
