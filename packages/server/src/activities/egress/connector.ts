/**
 * The one door to the network: an undici connector that resolves a name, asks the egress policy about every address
 * and connects to one of those it permitted, within the same call. There is no second resolution between the check and
 * the connection, so a name server that changes its answer (DNS rebinding) gains nothing. Redirects and token
 * requests come through here as well, because all connections do.
 */
import { isIP, type LookupFunction } from "node:net";
import { callbackify } from "node:util";
import { buildConnector } from "undici";
import { type OriginOverrides, unbracket } from "./origins.ts";
import { EgressDenied, type EgressPolicy } from "./policy.ts";
import { permittedAddresses, type Resolve, resolveWithSystem } from "./resolve.ts";

export interface ConnectorConfig {
  readonly policy: EgressPolicy;
  /** Milliseconds for name resolution, TCP and TLS together. */
  readonly connectTimeout: number;
  readonly resolve?: Resolve;
  readonly origins: OriginOverrides;
}

export function guardedConnector(config: ConnectorConfig): buildConnector.connector {
  const { policy, origins } = config;
  const base = { timeout: config.connectTimeout, autoSelectFamily: true };
  const guarded = buildConnector({
    ...base,
    lookup: guardedLookup(policy, config.resolve ?? resolveWithSystem),
  });
  const direct = buildConnector(base);

  return (options, callback) => {
    const override = origins.get(originOf(options));
    if (override !== undefined) {
      const { protocol, port } = override;
      const hostname = unbracket(override.hostname);
      const servername = isIP(hostname) === 0 ? hostname : "";
      direct({ ...options, protocol, hostname, port, host: override.host, servername }, callback);
      return;
    }
    const hostname = unbracket(options.hostname);
    // A literal address is never looked up, so it is judged here.
    const reason = isIP(hostname) === 0 ? undefined : policy.refusal(hostname, hostname);
    if (reason !== undefined) callback(new EgressDenied(hostname, reason), null);
    else guarded({ ...options, hostname }, callback);
  };
}

/** `dns.lookup` for sockets, which hands out only addresses the policy permits. */
function guardedLookup(policy: EgressPolicy, resolve: Resolve): LookupFunction {
  const permitted = callbackify(permittedAddresses(policy, resolve));
  return (host, options, callback) => {
    permitted(host, (error, addresses) => {
      const first = addresses?.[0];
      if (first === undefined) callback(error, "", 0);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function originOf(options: { protocol: string; hostname: string; port: string }): string {
  const host = isIP(options.hostname) === 6 ? `[${options.hostname}]` : options.hostname;
  return new URL(`${options.protocol}//${host}${options.port ? `:${options.port}` : ""}`).origin;
}
