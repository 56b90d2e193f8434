/**
 * Where activities may connect to. Everything that is not a public address is refused unless the operator allows it,
 * so a workflow cannot reach the network Millrace runs in. An address is judged after resolution (see connector.ts).
 */
import { isIP } from "node:net";
import { classify, contains, ranges } from "./ranges.ts";

export interface EgressConfig {
  /** 127.0.0.0/8 and ::1; on in `dev` and `run`. */
  readonly allowLoopback?: boolean;
  /** RFC 1918, RFC 6598 and unique local addresses. */
  readonly allowPrivate?: boolean;
  /**
   * Host names (`internal.example`, `*.internal.example`), addresses and CIDR ranges that are allowed although they
   * are not public. A host name does not open cloud metadata addresses; only their own address does.
   */
  readonly allow?: readonly string[];
  /** The same forms; wins over everything else. */
  readonly deny?: readonly string[];
  /** The same forms: when given, nothing else may be called. It opens no address that is not public. */
  readonly only?: readonly string[];
}

/** What one tenant may call more (`allow`) or less (`deny`, `only`) than all others. */
export type TenantEgress = Pick<EgressConfig, "allow" | "deny" | "only">;

export interface EgressPolicies {
  /** The policy of a tenant. */
  of(tenant: string): EgressPolicy;
}

export interface EgressPolicy {
  /** Undefined when `host`, resolved to `address`, may be connected to; else the reason, for people. */
  refusal(host: string, address: string): string | undefined;
}

/** A connection the egress policy refused. */
export class EgressDenied extends Error {
  readonly code = "MILLRACE_EGRESS_DENIED";
  readonly host: string;

  constructor(host: string, reason: string) {
    super(`${host} ${reason}`);
    this.name = "EgressDenied";
    this.host = host;
  }
}

/**
 * The operator's policy with what single tenants have of their own: the lists are joined, and where both have `only`, both
 * must name the target. So a tenant's `allow` never undoes the operator's `deny`.
 * @throws {RangeError} naming an entry that is neither host, address nor range
 */
export function egressPolicies(
  config: EgressConfig,
  tenants: Readonly<Record<string, TenantEgress>> = {},
): EgressPolicies {
  const common = egressPolicy(config);
  const own = new Map(
    Object.entries(tenants).map(([tenant, { allow = [], deny = [], only }]) => {
      const joined = egressPolicy({
        ...config,
        allow: [...(config.allow ?? []), ...allow],
        deny: [...(config.deny ?? []), ...deny],
      });
      const listed = onlyThese(only);
      const refusal: EgressPolicy["refusal"] = (host, address) =>
        listed(host, address) ?? joined.refusal(host, address);
      return [tenant, { refusal }];
    }),
  );
  return { of: (tenant) => own.get(tenant) ?? common };
}

/** Compiles the configuration. @throws {RangeError} naming an entry that is neither host, address nor range */
export function egressPolicy(config: EgressConfig): EgressPolicy {
  const allow = compile(config.allow ?? []);
  const deny = compile(config.deny ?? []);
  const listed = onlyThese(config.only);
  return {
    refusal(host, address) {
      if (deny.host(host) || deny.address(address)) return "is denied by the egress policy";
      const unlisted = listed(host, address);
      if (unlisted !== undefined) return unlisted;
      if (allow.address(address)) return undefined;
      const kind = classify(address);
      if (kind === "metadata") return "is a cloud metadata address (allow the address itself)";
      if (kind === "invalid") return "is not an address";
      if (kind === "public" || allow.host(host)) return undefined;
      if (kind === "loopback") {
        return config.allowLoopback ? undefined : "is a loopback address (egress.allowLoopback)";
      }
      if (kind === "private") {
        return config.allowPrivate ? undefined : "is a private address (egress.allowPrivate)";
      }
      return "is a link-local, multicast or reserved address";
    },
  };
}

/** The refusal of what a list of all that may be called does not name; none without such a list. */
function onlyThese(only: readonly string[] | undefined): EgressPolicy["refusal"] {
  if (only === undefined) return () => undefined;
  const listed = compile(only);
  return (host, address) =>
    listed.host(host) || listed.address(address)
      ? undefined
      : "is not among what the egress policy names (only)";
}

interface Entries {
  host(name: string): boolean;
  address(address: string): boolean;
}

function compile(entries: readonly string[]): Entries {
  const addresses = ranges(entries.filter(isAddress));
  const names = new Set<string>();
  const suffixes: string[] = [];
  for (const entry of entries) {
    if (isAddress(entry)) continue;
    const name = normalise(entry);
    if (!/^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(name)) {
      throw new RangeError(`not a host name, IP address or CIDR range: ${entry}`);
    }
    if (name.startsWith("*.")) suffixes.push(name.slice(1));
    else names.add(name);
  }
  return {
    host: (host) => {
      const name = normalise(host);
      return names.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
    },
    address: (address) => contains(addresses, address),
  };
}

function isAddress(entry: string): boolean {
  return entry.includes("/") || isIP(entry) !== 0;
}

/** Names compare without case and without the root's dot. */
function normalise(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
