/**
 * Connections to gRPC servers, one channel for each target, shared by the calls to it.
 *
 * A channel is opened with addresses that the egress boundary has judged (`door.pin`), never with a name. It is forgotten
 * when it cannot connect, so that the next call asks for the addresses anew, and closed when it has had no call for a while.
 */
import { isIP, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { type ChannelCredentials, type ChannelOptions, Client, credentials } from "@grpc/grpc-js";
import type { Clock } from "../../clock.ts";
import { orAborted } from "../expiring-cache.ts";
import { ActivityFailure } from "../failure.ts";
import type { Door, Pinned } from "../egress/door.ts";

export interface GrpcTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export interface ChannelsConfig {
  readonly door: Door;
  readonly clock: Pick<Clock, "after">;
  /** Bytes of one message, after decompression. */
  readonly maxMessageBytes: number;
  /** Milliseconds that a channel without calls stays open. */
  readonly idleTimeout?: number;
}

const IDLE_TIMEOUT = 60_000;

interface Channel {
  readonly client: Client;
  readonly sockets: ReadonlySet<Socket>;
  users: number;
  /** No new call gets it; the last user closes it. */
  retired: boolean;
  stopIdle: () => void;
}

/** A channel as one call has it. */
export interface Lease {
  readonly client: Client;
  /** The caller's, which also aborts when the channels are closed. */
  readonly signal: AbortSignal;
  /** Must be called once, with true when no connection could be made. */
  release(broken: boolean): void;
}

export class Channels {
  readonly #config: ChannelsConfig;
  readonly #channels = new Map<string, Channel>();
  readonly #closing = new AbortController();

  constructor(config: ChannelsConfig) {
    this.#config = config;
  }

  /** Channels that are open. */
  get size(): number {
    return this.#channels.size;
  }

  /** @throws {EgressDenied}, or what name resolution throws */
  async lease(target: GrpcTarget, signal: AbortSignal): Promise<Lease> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    either.throwIfAborted();
    const key = describeTarget(target);
    const open = this.#channels.get(key);
    if (open !== undefined) return this.#leaseOf(key, open, either);
    const { host, port } = target;
    const pinning = this.#config.door.pin({ protocol: schemeOf(target), host, port });
    const pinned = await orAborted(pinning, either);
    // Another call may have been faster.
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      const opened = openClient(target, pinned, this.#config.maxMessageBytes);
      channel = { ...opened, users: 0, retired: false, stopIdle: () => {} };
      this.#channels.set(key, channel);
    }
    return this.#leaseOf(key, channel, either);
  }

  /** Ends calls under way, and closes all channels. */
  close(): void {
    this.#closing.abort(new ActivityFailure("communication", "the connection was closed"));
    for (const [key, channel] of this.#channels) {
      channel.users = 0;
      this.#retire(key, channel);
    }
  }

  #leaseOf(key: string, channel: Channel, signal: AbortSignal): Lease {
    channel.stopIdle();
    channel.users += 1;
    return {
      client: channel.client,
      signal,
      release: (broken) => {
        channel.users -= 1;
        if (broken || channel.retired) this.#retire(key, channel);
        else if (channel.users === 0) {
          const idle = this.#config.idleTimeout ?? IDLE_TIMEOUT;
          channel.stopIdle = this.#config.clock.after(idle, () => this.#retire(key, channel));
        }
      },
    };
  }

  #retire(key: string, channel: Channel): void {
    if (this.#channels.get(key) === channel) this.#channels.delete(key);
    channel.retired = true;
    if (channel.users > 0) return;
    channel.stopIdle();
    channel.client.close();
    // grpc-js leaves those open whose other side has never spoken.
    for (const socket of channel.sockets) socket.destroy();
  }
}

/** `grpc://host:port`, or `grpcs:` with TLS; also the key of origin overrides. */
export function describeTarget(target: GrpcTarget): string {
  return `${schemeOf(target)}//${authorityOf(target)}`;
}

/** `grpc:` or `grpcs:`. */
export function schemeOf({ tls }: GrpcTarget): string {
  return tls ? "grpcs:" : "grpc:";
}

function authorityOf({ host, port }: GrpcTarget): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function openClient(
  target: GrpcTarget,
  pinned: Pinned,
  maxMessageBytes: number,
): Pick<Channel, "client" | "sockets"> {
  // Whom to trust is Node.js's to say, as for every other client, and not that of grpc-js's own variables.
  const secure = target.tls
    ? credentials.createFromSecureContext(createSecureContext())
    : credentials.createInsecure();
  const sockets = socketsOf(secure);
  const options: ChannelOptions = {
    "grpc.primary_user_agent": "millrace",
    "grpc.default_authority": authorityOf(target),
    "grpc.max_receive_message_length": maxMessageBytes,
    // A proxy of the environment would connect past the egress boundary.
    "grpc.enable_http_proxy": 0,
    // Nothing but the addresses decides how a call is made.
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_retries": 0,
    // Connections belong to the channel, and end with it.
    "grpc.use_local_subchannel_pool": 1,
    ...(target.tls && isIP(target.host) === 0
      ? { "grpc.ssl_target_name_override": pinned.servername }
      : {}),
  };
  return { client: new Client(addressOf(pinned), secure, options), sockets };
}

/** The open sockets of a channel with these credentials, which see each one when it has connected. */
function socketsOf(secure: ChannelCredentials): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const create = secure._createSecureConnector.bind(secure);
  secure._createSecureConnector = (...given) => {
    const connector = create(...given);
    const connect = connector.connect.bind(connector);
    connector.connect = (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return connect(socket);
    };
    return connector;
  };
  return sockets;
}

/** A target of gRPC's naming (`ipv4:…`, `ipv6:…`), which has one family; an IPv4 address has an IPv6 form (RFC 4291). */
function addressOf({ addresses, port }: Pinned): string {
  const mixed = addresses.some(({ family }) => family === 6);
  const list = addresses.map(({ address, family }) => {
    if (family === 6) return `[${address}]:${port}`;
    return mixed ? `[::ffff:${address}]:${port}` : `${address}:${port}`;
  });
  return `${mixed ? "ipv6" : "ipv4"}:${list.join(",")}`;
}
