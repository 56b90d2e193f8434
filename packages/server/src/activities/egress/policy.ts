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

/** Compiles the configuration. @throws {RangeError} naming an entry that is neither host, address nor range */
export function egressPolicy(config: EgressConfig): EgressPolicy {
  const allow = compile(config.allow ?? []);
  const deny = compile(config.deny ?? []);
  return {
    refusal(host, address) {
      if (deny.host(host) || deny.address(address)) return "is denied by the egress policy";
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
