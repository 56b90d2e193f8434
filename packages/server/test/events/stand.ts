/** The tables of events on a database of the test's own, without an engine: the test is the owner. */
import { randomBytes } from "node:crypto";
import { newId } from "@millrace/protocol";
import { createDatabase } from "@millrace/testkit";
import pg from "pg";
import { postgresCoordinator, setUpPartitions } from "../../src/cluster/postgres-coordinator.ts";
import { placement } from "../../src/cluster/placement.ts";
import { bucketOf } from "../../src/events/buckets.ts";
import { BatchBuilder } from "../../src/owner/builder.ts";
import type { EventStore, SubscribedBucket } from "../../src/store/events.ts";
import { postgresEventStore } from "../../src/store/postgres/event-store.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { postgresOwnerStore } from "../../src/store/postgres/owner-store.ts";
import type { Epoch, InboxRow, OwnerStore } from "../../src/store/store.ts";

export const PARTITIONS = 4;
export const HOUR = 3_600_000;

export interface Stand {
  readonly pool: pg.Pool;
  readonly events: EventStore;
  readonly store: OwnerStore;
  /** Takes all partitions at a new epoch. */
  take(node?: string): Promise<readonly Epoch[]>;
  /** Posts events, each `[source, id, buckets]`; gives how many were not known. */
  post(...events: readonly (readonly [string, string, readonly string[]])[]): Promise<number>;
  /** Commits as an owner. */
  commit(fill: (batch: BatchBuilder) => void): Promise<void>;
  match(): Promise<number>;
  look(keep?: number): Promise<number>;
  mail(): Promise<readonly InboxRow[]>;
  count(table: string): Promise<number>;
  close(): Promise<void>;
}

export async function stand(): Promise<Stand> {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 12, pipeline: true });
  const client = await pool.connect();
  await migrate(client);
  client.release();
  await setUpPartitions(pool, PARTITIONS);
  const events = postgresEventStore(pool);
  const store = postgresOwnerStore(pool);
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  let epochs: readonly Epoch[] = [];
  const take = async (node = "test"): Promise<readonly Epoch[]> =>
    postgresCoordinator(pool, { node, ttl: 60_000 }).acquire(all, true);
  epochs = await take();
  const count = async (table: string): Promise<number> => {
    const { rows } = await pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
    return Number(rows[0]?.n);
  };
  const { rows } = await pool.query<{ now: string }>("SELECT now_ms() AS now");
  const now = Number(rows[0]?.now);
  return {
    pool,
    events,
    store,
    count,
    take: async (node) => {
      epochs = await take(node);
      return epochs;
    },
    async post(...given) {
      const received = given.map(([source, eventId, buckets]) => {
        const partition = placement(PARTITIONS, source);
        const event = JSON.stringify({ source, id: eventId, type: "t" });
        const id = newId(partition, now, randomBytes(10));
        return { partition, id, tenant: "default", source, eventId, type: "t", event, buckets };
      });
      return (await events.receive(received, 0)).size;
    },
    async commit(fill) {
      const batch = new BatchBuilder();
      fill(batch);
      const held = new Map(epochs.map(({ partition, epoch }) => [partition, epoch]));
      await store.commit(batch.build((partition) => held.get(partition) ?? -1));
    },
    match: async () => (await events.match(epochs, 0)).sent,
    look: async (keep = HOUR) => (await events.look(epochs, keep, 0)).sent,
    mail: () => store.readInbox(all, 1_000_000),
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}

export const target = (partition: number): string => newId(partition, 1, randomBytes(10));

/** Sets a subscription as an owner would. */
export function wait(
  batch: BatchBuilder,
  targetId: string,
  partition: number,
  subscriptionId: string,
  ...buckets: readonly (string | SubscribedBucket)[]
): void {
  batch.subscriptions.add(targetId, subscriptionId, {
    partition,
    targetId,
    subscriptionId,
    kind: "instance",
    buckets: buckets.map((each) => (typeof each === "string" ? { bucket: each, since: 0 } : each)),
  });
}

export const bucket = (name: string): string => bucketOf("default", name);

/** `[target, source, id]` of each mail, in order. */
export function told(mail: readonly InboxRow[]): readonly (readonly [string, string, string])[] {
  return mail.map(({ instanceId, command }) => {
    const { event } = (JSON.parse(command) as Mail).command;
    return [instanceId, event.source, event.id] as const;
  });
}
export interface Mail {
  readonly schedule?: true;
  readonly command: { readonly seq: number; readonly event: { source: string; id: string } };
}
