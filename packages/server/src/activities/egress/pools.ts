/**
 * Pools of HTTP connections, one for each tenant and origin: tenants share none, because a connection is judged by the
 * policy of the tenant that opened it. A pool goes with its last connection, and the number of idle ones is bounded.
 */
import { type buildConnector, Pool } from "undici";
import type { HttpLimits } from "../limits.ts";

export interface Pools {
  /** The pool of an origin; `connect` opens the connections of one that is new. */
  of(tenant: string, origin: string, connect: buildConnector.connector): Pool;
  /** Pools there are. */
  readonly size: number;
  /** Ends all connections at once; requests under way fail. */
  close(): Promise<void>;
}

export function connectionPools(limits: HttpLimits): Pools {
  /** `used` rises with each use of any pool. */
  const pools = new Map<string, { readonly pool: Pool; used: number }>();
  let uses = 0;
  const drop = (key: string, pool: Pool): void => {
    if (pools.get(key)?.pool !== pool) return;
    pools.delete(key);
    // Waits for what is under way; a failure of that is its caller's to see.
    pool.close().catch(() => {});
  };
  const open = (key: string, origin: string, connect: buildConnector.connector): Pool => {
    const pool = new Pool(origin, {
      connect,
      connections: limits.connectionsPerOrigin,
      headersTimeout: limits.headersTimeout,
      bodyTimeout: limits.bodyTimeout,
      maxResponseSize: limits.maxResponseBytes,
      pipelining: 1,
    });
    const dropUnused = (): void => {
      if (pool.stats.connected === 0 && isIdle(pool)) drop(key, pool);
    };
    return pool.on("disconnect", dropUnused).on("connectionError", dropUnused);
  };
  const dropOldest = (): void => {
    const idle = [...pools].filter(([, { pool }]) => isIdle(pool));
    const [oldest] = idle.toSorted(([, one], [, other]) => one.used - other.used);
    if (oldest !== undefined) drop(oldest[0], oldest[1].pool);
  };
  return {
    of(tenant, origin, connect) {
      const key = `${tenant} ${origin}`;
      let entry = pools.get(key);
      if (entry === undefined) {
        if (pools.size >= limits.maxPools) dropOldest();
        entry = { pool: open(key, origin, connect), used: 0 };
        pools.set(key, entry);
      }
      entry.used = uses += 1;
      return entry.pool;
    },
    get size() {
      return pools.size;
    },
    async close() {
      const all = [...pools.values()];
      pools.clear();
      await Promise.all(all.map(({ pool }) => pool.destroy()));
    },
  };
}

function isIdle({ stats: { pending, queued, running } }: Pool): boolean {
  return pending + queued + running === 0;
}
