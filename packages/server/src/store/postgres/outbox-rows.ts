/** What the relay reads of the outbox; and how much of what is on its way out is read at a time. */
import type { Pool } from "pg";
import { MOST_BYTES, type OutboxEvent } from "../../outgoing/outgoing-store.ts";

interface RawOutbox {
  readonly partition: number;
  readonly seq: string;
  readonly tenant: string;
  readonly instance_id: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly emitted: boolean;
  readonly event: string;
}

/** SQL: bytes of the events of `o` before this one. octet_length() does not read a value that stands apart. */
export const BEFORE = "sum(octet_length(o.event)) OVER (ORDER BY o.seq) - octet_length(o.event)";

/** The first rows, in order: at most `each` of a partition. */
export async function readOutbox(
  pool: Pool,
  partitions: readonly number[],
  each: number,
): Promise<readonly OutboxEvent[]> {
  // The first rows of each partition by its own index; a sort over all of them would read a whole backlog. Of large events only
  // some: all of a backlog may be more than there is memory.
  const { rows } = await pool.query<RawOutbox>({
    name: "read-outbox",
    text: `SELECT partition, seq, tenant, instance_id, namespace, name, emitted, event
           FROM (
             SELECT o.*, ${BEFORE} AS before
             FROM unnest($1::int[]) AS p(partition)
             CROSS JOIN LATERAL
               (SELECT * FROM outbox WHERE partition = p.partition ORDER BY seq LIMIT $2) AS o
           ) AS o
           WHERE o.before < $3`,
    values: [partitions, each, MOST_BYTES],
  });
  return rows.map(outboxEvent).toSorted((a, b) => a.seq - b.seq);
}

function outboxEvent(row: RawOutbox): OutboxEvent {
  const { partition, tenant, emitted, event } = row;
  return {
    partition,
    seq: Number(row.seq),
    tenant,
    emitted,
    event,
    ...(row.instance_id === null ? {} : { instanceId: row.instance_id }),
    ...(row.namespace === null ? {} : { namespace: row.namespace }),
    ...(row.name === null ? {} : { name: row.name }),
  };
}
