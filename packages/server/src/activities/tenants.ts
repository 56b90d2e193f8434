/** The services of each tenant: made with its first activity, bounded in number, closed when they make room. */
import type { Clock } from "../clock.ts";
import { servicesOf } from "./calls.ts";
import { type BreakerConfig, circuitBreakers, DEFAULT_BREAKER } from "./egress/breaker.ts";
import type { EgressPolicies } from "./egress/policy.ts";
import { connectionPools } from "./egress/pools.ts";
import { responseCaches } from "./http/cache.ts";
import type { TransportConfig } from "./http/transport.ts";
import type { RunsConfig } from "./run/config.ts";
import type { CallServices, CallSettings } from "./services.ts";

/** What is the operator's and the same for all tenants. */
export interface SharedConfig
  extends Omit<TransportConfig, "tenant" | "policy" | "pools" | "breakers" | "caches"> {
  readonly clock: Clock;
  readonly settings: CallSettings;
  readonly policies: EgressPolicies;
  readonly breaker: Partial<BreakerConfig>;
  readonly runs: RunsConfig;
}

export interface SharedServices {
  /** Does `work` with the tenant's own services: its policy, connections, tokens, documents. */
  use<T>(tenant: string, work: (services: CallServices) => Promise<T>): Promise<T>;
  /** Ends everything that is open; activities under way fail. */
  close(): Promise<void>;
}

/** Tenants whose services are kept; the others' are made anew when they call again. */
const MAX_TENANTS = 1_000;

interface Tenant {
  readonly services: CallServices;
  /** Activities under way. */
  users: number;
}

export function openServices(config: SharedConfig): SharedServices {
  const pools = connectionPools(config.limits);
  const caches = responseCaches(config.limits.maxCacheBytes);
  const breakers = circuitBreakers({ ...DEFAULT_BREAKER, ...config.breaker });
  /** Least recently used first. */
  const tenants = new Map<string, Tenant>();
  const open = (tenant: string): Tenant => {
    for (const [name, { users, services }] of tenants) {
      if (tenants.size < MAX_TENANTS) break;
      if (users > 0) continue;
      tenants.delete(name);
      // Nobody uses them any more, so nobody is left to hear of a failure.
      services.close().catch(() => {});
    }
    const policy = config.policies.of(tenant);
    return {
      services: servicesOf({ ...config, tenant, pools, caches, breakers, policy }),
      users: 0,
    };
  };
  return {
    async use(name, work) {
      const tenant = tenants.get(name) ?? open(name);
      tenants.delete(name);
      tenants.set(name, tenant);
      tenant.users += 1;
      try {
        return await work(tenant.services);
      } finally {
        tenant.users -= 1;
      }
    },
    async close() {
      await Promise.all([...tenants.values()].map(({ services }) => services.close()));
      await pools.close();
    },
  };
}
