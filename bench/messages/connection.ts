/**
 * An HTTP/1.1 client that costs as little as one can: requests are laid up as text, and those that are sent together go in one
 * write; several are on their way on one connection (pipelining). It knows just enough of HTTP to read what the services of this
 * benchmark answer: a status, a `Content-Length` and a body of ASCII.
 */
import { connect, type Socket } from "node:net";

export type Answer = (status: number, body: string) => void;

export class Connection {
  readonly #socket: Socket;
  readonly #waiting: Answer[] = [];
  readonly #fail: (error: Error) => void;
  #out = "";
  #rest = "";

  private constructor(socket: Socket, fail: (error: Error) => void) {
    this.#socket = socket;
    this.#fail = fail;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.#take(data.toString("latin1")));
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the service closed the connection")));
  }

  /** `fail` is told of the connection's end, once and again. */
  static async open(port: number, fail: (error: Error) => void): Promise<Connection> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Connection(socket, fail);
  }

  /** Sent when what arrived together has been answered, or with {@link flush}. Answers come in the order of the requests. */
  send(request: string, answer: Answer): void {
    this.#out += request;
    this.#waiting.push(answer);
  }

  flush(): void {
    if (this.#out === "") return;
    this.#socket.write(this.#out, "latin1");
    this.#out = "";
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #take(text: string): void {
    const all = this.#rest === "" ? text : this.#rest + text;
    let at = 0;
    for (;;) {
      const end = all.indexOf("\r\n\r\n", at);
      if (end < 0) break;
      const length = /\r\ncontent-length: *(\d+)/i.exec(all.slice(at, end))?.[1];
      if (length === undefined) return this.#fail(new Error("an answer without Content-Length"));
      const next = end + 4 + Number(length);
      if (next > all.length) break;
      const status = Number(all.slice(at + 9, at + 12));
      this.#waiting.shift()?.(status, all.slice(end + 4, next));
      at = next;
    }
    this.#rest = all.slice(at);
    this.flush();
  }
}

/** One request of this benchmark as it goes over the wire. */
export function request(method: string, path: string, body?: string): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`;
  if (body === undefined) return `${head}\r\n`;
  return `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
