/**
 * The door to the network for everything that is not an undici request: gRPC, brokers, WebSockets. As in connector.ts, a name
 * is resolved once, every address is judged, and the connection goes to one of those: a client library is given an address
 * (`pin`) or a socket (`connect`), never a name that it would resolve again.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { OriginOverrides } from "./origins.ts";
import { EgressDenied, type EgressPolicy } from "./policy.ts";
import {
  permittedAddresses,
  type Resolve,
  type ResolvedAddress,
  resolveWithSystem,
} from "./resolve.ts";

/** Whom the workflow names. */
export interface Target {
  /** With its colon, as in a URL: `mqtt:`. */
  readonly protocol: string;
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A target in one spelling: `mqtt://broker.example:1883`. */
export function targetName({ protocol, host, port }: Target): string {
  const name = host.toLowerCase().replace(/\.$/, "");
  return `${protocol}//${isIP(host) === 6 ? `[${name}]` : name}:${port}`;
}

/** Where to connect to instead of the name; at least one address. */
export interface Pinned {
  readonly addresses: readonly ResolvedAddress[];
  readonly port: number;
  /** What a TLS certificate has to name: the host that the workflow named. */
  readonly servername: string;
}

export interface Door {
  /** @throws {EgressDenied}, or what name resolution throws (`ENOTFOUND`) */
  pin(target: Target): Promise<Pinned>;
  /**
   * An open connection, with TLS when `tls` is given; whoever gets it closes it.
   * @throws {EgressDenied}, the error of the connection, or the signal's reason
   */
  connect(target: Target, signal: AbortSignal, tls?: ConnectionOptions): Promise<Socket>;
}

export interface DoorConfig {
  readonly policy: EgressPolicy;
  readonly origins: OriginOverrides;
  readonly resolve?: Resolve;
}

export function egressDoor({ policy, origins, resolve = resolveWithSystem }: DoorConfig): Door {
  const permitted = permittedAddresses(policy, resolve);
  const pin = async ({ protocol, host, port }: Target): Promise<Pinned> => {
    const override = origins.of(protocol, host, port);
    if (override !== undefined) {
      // The operator's word: the policy is not asked.
      const addresses = await addressesOf(override.host, resolve);
      return { addresses, port: override.port, servername: host };
    }
    if (isIP(host) === 0) return { addresses: await permitted(host), port, servername: host };
    const reason = policy.refusal(host, host);
    if (reason !== undefined) throw new EgressDenied(host, reason);
    return { addresses: [{ address: host, family: isIP(host) }], port, servername: host };
  };
  return {
    pin,
    async connect(target, signal, tls) {
      signal.throwIfAborted();
      const { addresses, port, servername } = await pin(target);
      let last: unknown;
      for (const { address } of addresses) {
        try {
          return await open({ host: address, port }, signal, tls, servername);
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          last = error;
        }
      }
      throw last;
    },
  };
}

async function addressesOf(host: string, resolve: Resolve): Promise<readonly ResolvedAddress[]> {
  return isIP(host) === 0 ? resolve(host) : [{ address: host, family: isIP(host) }];
}

function open(
  to: { readonly host: string; readonly port: number },
  signal: AbortSignal,
  tls: ConnectionOptions | undefined,
  servername: string,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // A name of a certificate; an address has none (RFC 6066 section 3).
    const named = isIP(servername) === 0 ? { servername } : {};
    const socket = tls === undefined ? connectTcp(to) : connectTls({ ...named, ...tls, ...to });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    const settle = (): void => signal.removeEventListener("abort", abort);
    socket.once("error", (error) => {
      settle();
      reject(error);
    });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      settle();
      resolve(socket);
    });
  });
}
