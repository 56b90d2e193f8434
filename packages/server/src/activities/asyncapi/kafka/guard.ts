/**
 * Every connection of the Kafka client through the egress boundary, and bounded. Brokers name further brokers (their advertised
 * listeners), and the library connects to those by itself, with no setting for how. But it announces each connection object on a
 * diagnostics channel before it is used, with the `context` that its client was given: there `connect` is replaced by one that
 * asks the door. Without TLS the connection is then made to a permitted address, never a name; with TLS, over a socket that the
 * door has opened. So an address that the policy forbids is never connected to, whoever names it.
 *
 * What this rests on is undeclared, so it is tried when this module is loaded, and tested with a broker that names the
 * metadata address of clouds.
 */
import { isIP, type Socket } from "node:net";
import { subscribe } from "node:diagnostics_channel";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { Connection, instancesChannel, NetworkError } from "@platformatic/kafka";
import type { Door } from "../../egress/door.ts";
import type { ActivityFailure } from "../../failure.ts";
import { abortable, tooLong } from "../session.ts";

/** What a response may hold besides one message: other messages of its batch, names, checksums. */
const RESPONSE_OVERHEAD = 2 * 1024 * 1024;

export interface GuardConfig {
  readonly door: Door;
  /** With its colon: `kafka:`. */
  readonly protocol: string;
  readonly secure: boolean;
  readonly maxMessageBytes: number;
}

/** The connections of one client; its `context`. */
export class Guard {
  /** For the client's options. The library spreads it at the moment it connects. */
  readonly tls: TlsOptions | undefined;
  #closed = false;
  #tooLong: ActivityFailure | undefined;
  readonly #config: GuardConfig;
  readonly #sockets = new Set<Socket>();
  readonly #closing = new AbortController();

  constructor(config: GuardConfig) {
    this.#config = config;
    this.tls = config.secure ? {} : undefined;
  }

  /** Of a response that was longer than it may be; the library sees no more than a lost connection. */
  get failure(): ActivityFailure | undefined {
    return this.#tooLong;
  }

  /** Closes every connection at once, and permits no other. */
  destroy(): void {
    this.#closed = true;
    this.#closing.abort(new Error("the session has ended"));
    for (const socket of this.#sockets) socket.destroy();
  }

  adopt(connection: Connection): void {
    const connect = connection.connect.bind(connection);
    connection.connect = (host, port, callback) => {
      const done = this.#connect(connection, connect, host, port);
      if (callback === undefined) return done;
      void report(done, callback);
      return undefined;
    };
  }

  async #connect(
    connection: Connection,
    connect: Connection["connect"],
    host: string,
    port: number,
  ): Promise<void> {
    try {
      const start = await abortable(this.#way(host, port), this.#closing.signal);
      const connecting = start(connect);
      this.#keep(connection.socket);
      return connecting;
    } catch (cause) {
      // Another attempt would end in the same way: the door has tried every address.
      const error = new NetworkError("no way to the broker", {
        cause: cause as Error,
        canRetry: false,
      });
      // For those who wait for the same connection.
      connection.emit("error", error);
      throw error;
    }
  }

  /** Gives what starts the connection. It has to run at once: the TLS options are shared by all connections. */
  async #way(host: string, port: number) {
    const { door, protocol } = this.#config;
    const target = { protocol, host, port };
    const { signal } = this.#closing;
    const { tls } = this;
    if (tls !== undefined) {
      const socket = await door.connect(target, signal);
      this.#keep(socket);
      return (connect: Connection["connect"]) => {
        Object.assign(tls, { socket, servername: isIP(host) === 0 ? host : undefined });
        return connect(host, port);
      };
    }
    const pinned = await door.pin(target);
    const [first, ...others] = pinned.addresses;
    let to = { address: first?.address ?? host, port: pinned.port };
    if (others.length > 0) {
      // The library takes one address: finds one that answers.
      const probe = await door.connect(target, signal);
      to = { address: probe.remoteAddress ?? to.address, port: probe.remotePort ?? to.port };
      probe.destroy();
    }
    return (connect: Connection["connect"]) => connect(to.address, to.port);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#closed) socket.destroy();
    limitResponses(socket, this.#config.maxMessageBytes + RESPONSE_OVERHEAD, () => {
      this.#tooLong = tooLong(this.#config.maxMessageBytes);
      this.destroy();
    });
  }
}

async function report(done: Promise<void>, callback: (error: Error | null) => void): Promise<void> {
  try {
    await done;
  } catch (error) {
    return callback(error as Error);
  }
  callback(null);
}

/** Every response begins with its size in four bytes. With TLS the bytes are seen before that: the other socket counts. */
function limitResponses(socket: Socket, limit: number, exceeded: () => void): void {
  let rest = 0;
  let head = Buffer.alloc(0);
  socket.once("connect", () => socket.on("data", take));
  socket.once("secureConnect", () => socket.on("data", take));
  function take(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      if (rest === 0) {
        const part = data.subarray(at, at + 4 - head.length);
        head = Buffer.concat([head, part]);
        at += part.length;
        if (head.length < 4) return;
        rest = head.readInt32BE();
        head = Buffer.alloc(0);
        if (rest < 0 || rest > limit) return exceeded();
      }
      const taken = Math.min(rest, data.length - at);
      rest -= taken;
      at += taken;
    }
  }
}

subscribe(instancesChannel.name, (announced) => {
  const { type, instance } = announced as { readonly type: string; readonly instance: unknown };
  if (type !== "connection" || !(instance instanceof Connection)) return;
  if (instance.context instanceof Guard) instance.context.adopt(instance);
});

const trial = new Connection("trial", {
  context: new Guard({
    door: { pin: refuse, connect: refuse },
    protocol: "kafka:",
    secure: false,
    maxMessageBytes: 0,
  }),
});
if (!Object.hasOwn(trial, "connect"))
  throw new Error("the Kafka client no longer announces its connections");

function refuse(): Promise<never> {
  return Promise.reject(new Error("not to be connected"));
}
