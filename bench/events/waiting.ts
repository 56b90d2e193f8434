/** Instances that wait for an event each: one is started, and copied as often as wanted with a key of its own. */
import { randomBytes } from "node:crypto";
import { newId, partitionOf } from "@millrace/protocol";
import type { Runtime } from "@millrace/server";
import pg from "pg";
import { bucketOf } from "../../packages/server/src/events/buckets.ts";

export const TYPE = "bench.paid";
const WORKFLOW = `document: { dsl: '1.0.3', namespace: bench, name: waits, version: '1.0.0' }
do:
  - paid:
      listen:
        to:
          one:
            with: { type: ${TYPE} }
            correlate: { key: { from: .data.key, expect: "\${ .key }" } }`;

/** Of one width, so that it can be exchanged in a state's text. */
export const keyOf = (n: number): string => `K${String(n).padStart(9, "0")}`;

const CHUNK = 10_000;

/**
 * Makes `count` instances wait, for events of {@link TYPE} whose `data.key` is {@link keyOf} 0 … count - 1.
 * @returns their ids, in the order of their keys
 */
export async function makeWaiting(
  runtime: Runtime,
  url: string,
  count: number,
  partitions: number,
): Promise<readonly string[]> {
  await runtime.applyWorkflow({ text: WORKFLOW });
  const template = keyOf(999_999_999);
  const started = await runtime.startInstance({
    namespace: "bench",
    name: "waits",
    input: { key: template },
  });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ filter: string }>("SELECT filter FROM event_filters");
    const filter = rows[0]?.filter ?? "";
    const ids: string[] = [];
    while (ids.length < count) {
      const some = Array.from({ length: Math.min(CHUNK, count - ids.length) }, (_, n) => {
        const key = keyOf(ids.length + n);
        const id = newId((ids.length + n) % partitions, Date.now(), randomBytes(10));
        return { id, key, bucket: bucketOf("default", filter, { key }) };
      });
      await client.query(COPY, [
        started.id,
        template,
        some.map(({ id }) => id),
        some.map(({ id }) => partitionOf(id)),
        some.map(({ key }) => key),
        some.map(({ bucket }) => bucket),
      ]);
      for (const { id } of some) ids.push(id);
    }
    await client.query("VACUUM ANALYZE instances, event_subscriptions");
    await client.query("CHECKPOINT");
    return ids;
  } finally {
    await client.end();
  }
}

const COPY = `
  WITH given AS (
    SELECT * FROM unnest($3::text[], $4::int[], $5::text[], $6::text[]) AS n(id, partition, key, bucket)
  ), copied AS (
    INSERT INTO instances (id, partition, tenant, namespace, name, version, status, revision, seq, state, created_at,
                           updated_at, activities, facts, facts_after)
    SELECT n.id, n.partition, i.tenant, i.namespace, i.name, i.version, i.status, i.revision, i.seq,
           replace(replace(i.state, i.id, n.id), $2, n.key), i.created_at, i.updated_at, i.activities,
           replace(i.facts, $2, n.key), i.facts_after
    FROM given AS n, instances AS i WHERE i.id = $1
  )
  INSERT INTO event_subscriptions (partition, target_id, subscription_id, kind, bucket, since)
  SELECT n.partition, n.id, s.subscription_id, s.kind, ('x' || n.bucket)::bit(64)::bigint, s.since
  FROM given AS n, event_subscriptions AS s WHERE s.target_id = $1`;
