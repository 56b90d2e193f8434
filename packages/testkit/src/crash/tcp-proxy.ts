/**
 * A TCP proxy on loopback whose connections go wrong when told to. It *forwards*; `reset` cuts what is open, both ways, with
 * RST; while it *holds*, every connection stays open and nothing gets through, new ones included, as behind a router that
 * fell silent; while it *cuts*, each connection is reset after a number of bytes.
 */
import { createServer, type Server, Socket, type AddressInfo } from "node:net";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Bytes that may still pass before the connection is reset. */
  left: number;
}

export class TcpProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #holding = false;
  #limit: (() => number) | undefined;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (near) => this.#open(near));
  }

  /** Listens on a free port of loopback and forwards to `port` there. */
  static async listen(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host: "127.0.0.1", port });
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get connections(): number {
    return this.#pairs.size;
  }

  /** Cuts every open connection; gives their number. */
  reset(): number {
    const pairs = [...this.#pairs];
    for (const pair of pairs) this.#cut(pair);
    return pairs.length;
  }

  /** Nothing passes until {@link release}. */
  hold(): void {
    this.#holding = true;
    for (const { near, far } of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  /** What was held passes late (`deliver`), or its connections are found dead. */
  release(deliver: boolean): void {
    this.#holding = false;
    if (!deliver) this.reset();
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  /** From now on each connection, open or new, is reset after `limit()` more bytes; `undefined` ends it. */
  cutAfter(limit: (() => number) | undefined): void {
    this.#limit = limit;
    for (const pair of this.#pairs) pair.left = limit?.() ?? Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.reset();
    await closed;
  }

  #open(near: Socket): void {
    const far = new Socket();
    const pair: Pair = { near, far, left: this.#limit?.() ?? Number.POSITIVE_INFINITY };
    this.#pairs.add(pair);
    this.#forward(pair, near, far);
    this.#forward(pair, far, near);
    far.once("connect", () => {
      if (this.#holding) return;
      near.resume();
      far.resume();
    });
    far.pause();
    far.connect(this.#target);
  }

  #forward(pair: Pair, from: Socket, to: Socket): void {
    from.on("data", (chunk: Buffer) => {
      const passing = chunk.subarray(0, Math.max(0, pair.left));
      pair.left -= chunk.length;
      if (!to.write(passing)) {
        from.pause();
        to.once("drain", () => this.#holding || from.resume());
      }
      if (pair.left <= 0) this.#cut(pair);
    });
    from.once("end", () => to.end());
    from.once("error", () => this.#cut(pair));
    from.once("close", () => {
      to.destroy();
      this.#pairs.delete(pair);
    });
  }

  #cut(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    for (const socket of [pair.near, pair.far]) cut(socket);
  }
}

/**
 * RST, where that can be sent: one that is still connecting has nothing to reset, and one that has begun to end refuses
 * (EINVAL of uv_tcp_close_reset, after which Node.js never closes the handle and cannot exit).
 */
function cut(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
