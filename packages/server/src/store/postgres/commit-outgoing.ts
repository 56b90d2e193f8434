/** The part of an owner's transaction that leaves events in the outbox. */
import type { Batch } from "../store.ts";
import { ints, joined, split } from "./columns.ts";
import type { Statement } from "./statement.ts";

/** Rows get their numbers in the order in which they stand. */
export function insertOutbox({ outbox }: Batch): readonly Statement[] {
  if (outbox.length === 0) return [];
  const text = `
    INSERT INTO outbox (partition, tenant, instance_id, namespace, name, emitted, event)
    SELECT n.partition, n.tenant, n.instance_id, n.namespace, n.name, n.emitted = 1, n.event
    FROM unnest($1::int[], $2::text[], ${split(3)}, ${split(4)}, ${split(5)}, $6::int[], ${split(7)})
      WITH ORDINALITY AS n(partition, tenant, instance_id, namespace, name, emitted, event, place)
    ORDER BY n.place`;
  const values = [
    ints(outbox, (o) => o.partition),
    outbox.map((o) => o.tenant),
    joined(outbox, (o) => o.instanceId),
    joined(outbox, (o) => o.namespace),
    joined(outbox, (o) => o.name),
    ints(outbox, (o) => (o.emitted ? 1 : 0)),
    joined(outbox, (o) => o.event),
  ];
  return [{ name: "insert-outbox", text, values }];
}
