/** Leases in PostgreSQL, by the database's clock. */
import type { Pool } from "pg";
import type { Epoch } from "../store/store.ts";
import type { Coordinator } from "./coordinator.ts";

export interface LeaseConfig {
  readonly node: string;
  /** Milliseconds a lease lasts unless renewed. */
  readonly ttl: number;
}

export function postgresCoordinator(pool: Pool, config: LeaseConfig): Coordinator {
  return Object.freeze({
    async acquire(partitions: readonly number[], seize: boolean) {
      const { rows } = await pool.query<{ partition: number; epoch: string }>(
        "SELECT partition, epoch FROM acquire_partitions($1, $2::int[], $3, $4)",
        [config.node, partitions, config.ttl, seize],
      );
      return rows.map(toEpoch);
    },
    async renew(held: readonly Epoch[]) {
      const { rows } = await pool.query<{ partition: number; epoch: string }>({
        name: "renew",
        text: `
          UPDATE partitions AS p SET lease_until = now_ms() + $4
          FROM unnest($2::int[], $3::bigint[]) AS h(partition, epoch)
          WHERE p.partition = h.partition AND p.epoch = h.epoch AND p.owner = $1
          RETURNING p.partition, p.epoch`,
        values: [config.node, ...columns(held), config.ttl],
      });
      return rows.map(toEpoch);
    },
    async release(held: readonly Epoch[]) {
      await pool.query(
        `UPDATE partitions AS p SET owner = NULL, lease_until = NULL
         FROM unnest($2::int[], $3::bigint[]) AS h(partition, epoch)
         WHERE p.partition = h.partition AND p.epoch = h.epoch AND p.owner = $1`,
        [config.node, ...columns(held)],
      );
    },
  });
}

/** Fixes the number of partitions at the first start. @throws {Error} when the cluster was set up with another */
export async function setUpPartitions(pool: Pool, partitions: number): Promise<void> {
  await pool.query("INSERT INTO cluster (partitions) VALUES ($1) ON CONFLICT DO NOTHING", [
    partitions,
  ]);
  const { rows } = await pool.query<{ partitions: number }>("SELECT partitions FROM cluster");
  const actual = rows[0]?.partitions;
  if (actual !== partitions)
    throw new Error(
      `the database was set up with ${actual} partitions, not ${partitions}: set MILLRACE_PARTITIONS=${actual}`,
    );
  await pool.query(
    "INSERT INTO partitions (partition) SELECT generate_series(0, $1 - 1) ON CONFLICT DO NOTHING",
    [partitions],
  );
}

function toEpoch({ partition, epoch }: { partition: number; epoch: string }): Epoch {
  return { partition, epoch: Number(epoch) };
}

function columns(held: readonly Epoch[]): [number[], number[]] {
  return [held.map((e) => e.partition), held.map((e) => e.epoch)];
}
