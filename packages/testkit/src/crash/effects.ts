/**
 * What the workflows of a round act upon: an HTTP server that carries out each call once for its `Idempotency-Key` and
 * answers a repeated one as before. It is a little unreliable: some calls are refused with 503 before anything is done,
 * some are carried out and the answer is lost, some are answered late.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Random } from "./random.ts";

/** What each call says of itself. */
interface Call {
  /** Idempotency key of the start. */
  readonly start: string;
  readonly step: string;
  /** The instance that calls. */
  readonly instance: string;
}

const REFUSED = 0.04;
const LOST = 0.04;
const LATE = 0.08;
const LATEST_MS = 200;

export class Effects {
  /** How often each step of each start was carried out: `start/step` → times. */
  readonly applied = new Map<string, number>();
  /** The instances that called on behalf of each start and step. */
  readonly callers = new Map<string, Set<string>>();
  calls = 0;
  repeated = 0;
  readonly #keys = new Set<string>();
  readonly #random: Random;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  constructor(random: Random) {
    this.#random = random;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  close(): void {
    this.#server.close().closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    try {
      for await (const chunk of request.setEncoding("utf8")) text += chunk;
    } catch {
      // The caller was killed in the middle of its call.
      return;
    }
    const key = request.headers["idempotency-key"];
    if (typeof key !== "string") return void response.writeHead(400).end();
    this.calls += 1;
    const luck = this.#random.next();
    if (luck < REFUSED) return void response.writeHead(503).end();
    this.#apply(key, JSON.parse(text) as Call);
    if (luck < REFUSED + LOST) return void response.destroy();
    const answer = (): void =>
      void response.writeHead(200, { "content-type": "application/json" }).end('{"done":true}');
    if (luck < REFUSED + LOST + LATE) setTimeout(answer, this.#random.between(1, LATEST_MS));
    else answer();
  }

  #apply(key: string, { start, step, instance }: Call): void {
    const name = `${start}/${step}`;
    const callers = this.callers.get(name) ?? new Set();
    this.callers.set(name, callers.add(instance));
    if (this.#keys.has(key)) {
      this.repeated += 1;
      return;
    }
    this.#keys.add(key);
    this.applied.set(name, (this.applied.get(name) ?? 0) + 1);
  }
}
