/**
 * How the NATS client gets its bytes: over a connection of the egress door. The library's own transport resolves names itself,
 * reads without bound, and keeps the socket of a server that never says anything.
 *
 * A NATS server speaks first (`INFO {…}`), in plain text; TLS begins after that when the server requires it or the document says
 * so. From then on the socket is paused whenever the consumer does not keep up.
 */
import type { Socket } from "node:net";
import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { ConnectionOptions, Server } from "@nats-io/nats-core";
import type { Transport } from "@nats-io/nats-core/internal";
import { ActivityFailure } from "../../failure.ts";
import { tooLong } from "../session.ts";

/** What the transport is told through the options of the client, since the library makes it with no arguments. */
export interface DoorOptions extends ConnectionOptions {
  readonly millrace: {
    readonly open: () => Promise<Socket>;
    readonly secure: boolean;
    /** The name in the server's certificate. */
    readonly servername: string;
    readonly maxMessageBytes: number;
    /** Told of the transport, to hold and stop it. */
    readonly made: (transport: DoorTransport) => void;
  };
}

/** Longest first line. */
const MAX_INFO = 64 * 1024;
/** What may stand between two messages: headers of the protocol, pings. */
const SLACK = 1024 * 1024;

export class DoorTransport implements Transport {
  readonly lang = "nats.js";
  readonly version = "3.4.0";
  closeError?: Error;
  #socket: Socket | undefined;
  #chunks: Uint8Array[] = [];
  #wake: () => void = () => {};
  #done = false;
  #encrypted = false;
  #unread = 0;
  #held = false;
  #limit = Number.POSITIVE_INFINITY;
  readonly #closed = Promise.withResolvers<void | Error>();

  get isClosed(): boolean {
    return this.#done;
  }

  async connect(_server: Server, options: ConnectionOptions): Promise<void> {
    const { open, secure, servername, maxMessageBytes, made } = (options as DoorOptions).millrace;
    this.#limit = maxMessageBytes;
    made(this);
    const plain = await open();
    this.#socket = plain;
    const first = await readInfo(plain);
    const { tls_required: required, tls_available: available } = infoOf(first);
    if (secure && required !== true && available !== true)
      throw new ActivityFailure("communication", "the server does not offer TLS", { status: 502 });
    if (required === true || secure) {
      this.#socket = await upgraded(plain, servername);
      this.#encrypted = true;
    }
    // The library reads the line as well.
    this.#chunks.push(first);
    this.#listen(this.#socket);
  }

  #listen(socket: Socket): void {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    socket.on("data", (chunk: Uint8Array) => {
      this.#unread += chunk.length;
      this.#chunks.push(chunk);
      if (this.#unread > this.#limit + SLACK) return this.#end(tooLong(this.#limit));
      this.#wake();
    });
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end());
    if (this.#done) socket.destroy();
    else if (!this.#held) socket.resume();
  }

  /** A message has been found in what was read. */
  delivered(): void {
    this.#unread = 0;
  }

  /** Stops reading, so that the server has to wait; and goes on. */
  hold(on: boolean): void {
    this.#held = on;
    if (on) this.#socket?.pause();
    else this.#socket?.resume();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      while (!this.#done) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          yield chunk;
          continue;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      // The library leaves when it cannot read on.
      this.#end(notNats());
    }
  }

  isEncrypted(): boolean {
    return this.#encrypted;
  }

  send(frame: Uint8Array): void {
    if (!this.#done) this.#socket?.write(frame);
  }

  async close(error?: Error): Promise<void> {
    this.#end(error);
  }

  disconnect(): void {
    this.#end();
  }

  closed(): Promise<void | Error> {
    return this.#closed.promise;
  }

  /** Closes at once, whatever waits to be written. */
  discard(): void {
    this.#end();
    this.#socket?.destroy();
  }

  #end(error?: Error): void {
    const socket = this.#socket;
    if (!this.#done) {
      this.#done = true;
      if (error !== undefined) this.closeError = error;
      this.#closed.resolve(error);
    }
    this.#wake();
    socket?.on("error", () => {});
    // What was written goes out first.
    if (error === undefined && socket?.connecting === false) socket.destroySoon();
    else socket?.destroy();
  }
}

function readInfo(socket: Socket): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let line = Buffer.alloc(0);
    const settle = (): void => {
      socket.removeAllListeners();
      socket.on("error", () => {});
    };
    const fail = (error: Error): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    socket.on("data", (chunk: Buffer) => {
      line = Buffer.concat([line, chunk]);
      if (line.includes("\r\n")) {
        settle();
        socket.pause();
        resolve(line);
      } else if (line.length > MAX_INFO) fail(notNats());
    });
    socket.on("error", fail);
    socket.on("close", () => fail(notNats()));
  });
}

function infoOf(line: Uint8Array): { tls_required?: unknown; tls_available?: unknown } {
  const text = /^INFO\s+(\{.*\})/.exec(Buffer.from(line).toString("utf8"))?.[1];
  try {
    return JSON.parse(text ?? "") as { tls_required?: unknown; tls_available?: unknown };
  } catch {
    throw notNats();
  }
}

function upgraded(socket: Socket, servername: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // A certificate names hosts by name or by address; only names go into the handshake (RFC 6066 section 3).
    const named = isIP(servername) === 0 ? { servername } : { host: servername };
    const secured = connectTls({ socket, ...named });
    socket.once("close", () => secured.destroy());
    secured.once("error", reject);
    secured.once("close", () => reject(notNats()));
    secured.once("secureConnect", () => {
      secured.removeAllListeners();
      resolve(secured);
    });
  });
}

function notNats(): ActivityFailure {
  return new ActivityFailure("communication", "the server does not speak NATS", { status: 502 });
}
