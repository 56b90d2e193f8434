/**
 * Statements for waits for events in an owner's transaction. Looks come first and marks last: while it holds marks it waits
 * for nobody (see migrations/0006-events.sql).
 */
import type { SubscriptionRow } from "../events.ts";
import type { Batch, WaitKey } from "../store.ts";
import { bigints, eachFound, hashes, ints, joined, split } from "./columns.ts";
import type { Statement } from "./statement.ts";

export function subscriptionStatements(batch: Batch): readonly Statement[] {
  const { subscriptions, endedSubscriptions, endedTargets } = batch;
  const set = subscriptions.map(keyOf);
  // Setting it again replaces it.
  const gone = [...endedSubscriptions, ...set].toSorted(byKey);
  return [
    ...endLooks(gone),
    ...endSubscriptions(gone),
    ...endTargets(endedTargets),
    ...insertSubscriptions(subscriptions),
    ...insertLooks(set, subscriptions),
    ...returnEvents(batch),
  ];
}

function keyOf({ partition, targetId, subscriptionId }: SubscriptionRow): WaitKey {
  return { partition, instanceId: targetId, id: subscriptionId };
}

function byKey(a: WaitKey, b: WaitKey): number {
  if (a.instanceId !== b.instanceId) return a.instanceId < b.instanceId ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** A look moves its row: by its key it is found where it is then, by its place it would be missed. */
function endLooks(keys: readonly WaitKey[]): readonly Statement[] {
  if (keys.length === 0) return [];
  const text = `
    DELETE FROM event_looks
    WHERE target_id = ANY (${split(1)}) AND target_id || '/' || subscription_id = ANY (${split(2)})`;
  const values = [
    joined(keys, (k) => k.instanceId),
    joined(keys, (k) => `${k.instanceId}/${k.id}`),
  ];
  return [{ name: "end-looks", text, values }];
}

function endSubscriptions(keys: readonly WaitKey[]): readonly Statement[] {
  if (keys.length === 0) return [];
  const text = `
    DELETE FROM event_subscriptions AS s
    USING (SELECT f.found FROM unnest(${split(1)}, ${split(2)}) AS n(target, id)
           CROSS JOIN LATERAL (SELECT x.ctid AS found FROM event_subscriptions AS x
                               WHERE x.target_id = n.target AND x.subscription_id = n.id OFFSET 0) AS f) AS n
    WHERE s.ctid = n.found`;
  const values = [joined(keys, (k) => k.instanceId), joined(keys, (k) => k.id)];
  return [{ name: "end-subscriptions", text, values }];
}

function endTargets(targets: readonly string[]): readonly Statement[] {
  if (targets.length === 0) return [];
  return ["event_looks", "event_subscriptions"].map((table) => ({
    name: `end-targets-${table}`,
    text: `DELETE FROM ${table} WHERE target_id = ANY (${split(1)})`,
    values: [joined(targets.toSorted(), (id) => id)],
  }));
}

function insertSubscriptions(rows: readonly SubscriptionRow[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const each = rows.flatMap((row) => row.buckets.map((of) => ({ ...of, row })));
  const text = `
    INSERT INTO event_subscriptions (partition, target_id, subscription_id, kind, bucket, since)
    SELECT * FROM unnest($1::int[], ${split(2)}, ${split(3)}, ${split(4)}, $5::bigint[], $6::bigint[])`;
  const values = [
    ints(each, ({ row }) => row.partition),
    joined(each, ({ row }) => row.targetId),
    joined(each, ({ row }) => row.subscriptionId),
    joined(each, ({ row }) => row.kind),
    hashes(each, ({ bucket }) => bucket),
    bigints(each, ({ since }) => since),
  ];
  return [{ name: "insert-subscriptions", text, values }];
}

function insertLooks(
  keys: readonly WaitKey[],
  rows: readonly SubscriptionRow[],
): readonly Statement[] {
  if (keys.length === 0) return [];
  const text = `
    INSERT INTO event_looks (partition, target_id, subscription_id)
    SELECT * FROM unnest($1::int[], ${split(2)}, ${split(3)})`;
  const values = [
    ints(rows, (r) => r.partition),
    joined(keys, (k) => k.instanceId),
    joined(keys, (k) => k.id),
  ];
  return [{ name: "insert-looks", text, values }];
}

function returnEvents({ returned }: Batch): readonly Statement[] {
  if (returned.length === 0) return [];
  const text = `
    DELETE FROM event_deliveries AS d
    USING ${eachFound(
      "event_deliveries",
      `unnest(${split(1)}, $2::bigint[]) AS n(target, seq)`,
      "x.target_id = n.target AND x.seq = n.seq",
    )}
    WHERE d.ctid = n.found`;
  const values = [joined(returned, (r) => r.targetId), bigints(returned, (r) => r.seq)];
  return [{ name: "return-events", text, values }];
}
