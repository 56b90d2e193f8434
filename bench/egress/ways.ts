/** The ways to make the same call: through the egress boundary, without its policy and breaker, and plain undici. */
import { Agent } from "undici";
import {
  circuitBreakers,
  DEFAULT_BREAKER,
} from "../../packages/server/src/activities/egress/breaker.ts";
import { parseOrigins } from "../../packages/server/src/activities/egress/origins.ts";
import {
  type EgressPolicy,
  egressPolicy,
} from "../../packages/server/src/activities/egress/policy.ts";
import { connectionPools } from "../../packages/server/src/activities/egress/pools.ts";
import { responseCaches } from "../../packages/server/src/activities/http/cache.ts";
import { httpTransport } from "../../packages/server/src/activities/http/transport.ts";
import { DEFAULT_LIMITS } from "../../packages/server/src/activities/limits.ts";

export interface Way {
  readonly name: string;
  /** One call, its answer read and parsed. */
  call(url: URL): Promise<unknown>;
  close(): Promise<void>;
}

const never = new AbortController().signal;
const headers = { accept: "application/json", "user-agent": "millrace" };

export function boundary(): Way {
  const policy = egressPolicy({ allowLoopback: true, deny: ["*.example", "10.0.0.0/8"] });
  return ours("egress boundary", policy, DEFAULT_BREAKER.failures);
}

export function open(): Way {
  return ours("without policy and breaker", { refusal: () => undefined }, 0);
}

function ours(name: string, policy: EgressPolicy, failures: number): Way {
  const limits = DEFAULT_LIMITS;
  const pools = connectionPools(limits);
  const transport = httpTransport({
    tenant: "default",
    pools,
    caches: responseCaches(limits.maxCacheBytes),
    breakers: circuitBreakers({ ...DEFAULT_BREAKER, failures }),
    policy,
    limits,
    origins: parseOrigins({}),
  });
  return {
    name,
    async call(url) {
      const { content } = await transport.send({ method: "GET", url, headers }, never);
      return JSON.parse(content.toString("utf8"));
    },
    close: () => pools.close(),
  };
}

export function plain(): Way {
  const agent = new Agent({ connections: DEFAULT_LIMITS.connectionsPerOrigin, pipelining: 1 });
  return {
    name: "plain undici",
    async call(url) {
      const { origin, pathname: path } = url;
      const { body } = await agent.request({ origin, path, method: "GET", headers, signal: never });
      return body.json();
    },
    close: () => agent.destroy(),
  };
}
