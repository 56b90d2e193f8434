/**
 * A small shop as a web service: `POST /reserve`, `/charge`, `/pack`, `/release`, `/notify` with an order as JSON.
 *
 * It fails on purpose (see mischief.ts), and does what services should do about it: it remembers under each
 * `Idempotency-Key` what it has done, and answers a repeated request without doing it again. It remembers effects, not
 * failures. A charge of a card that reads `declined` is refused for good.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KINDS, type Kind, Ledger } from "./ledger.ts";
import { type Mischief, mischief } from "./mischief.ts";

export interface ShopOptions {
  readonly seed?: string;
  /** How the shop behaves; drawn from the seed unless given. */
  readonly mischief?: (effect: string, call: number) => Mischief;
}

export interface Shop {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly ledger: Ledger;
  /** Resolves as soon as `isSo` holds; asked after every effect. */
  until(isSo: (ledger: Ledger) => boolean): Promise<void>;
  /** Ends open connections, too. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

const MAX_BODY_BYTES = 10_000;

export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const counter = new Counter(options);
  const server = createServer((request, response) => {
    counter.serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ledger: counter.ledger,
    until: (isSo) => counter.until(isSo),
    close: () => close(server),
  };
}

/** Where orders are taken. */
class Counter {
  readonly ledger = new Ledger();
  readonly #mischief: (effect: string, call: number) => Mischief;
  #watchers: { readonly isSo: (ledger: Ledger) => boolean; readonly tell: () => void }[] = [];

  constructor({ seed = "shop", mischief: given }: ShopOptions) {
    this.#mischief = given ?? ((effect, call) => mischief(seed, effect, call));
  }

  until(isSo: (ledger: Ledger) => boolean): Promise<void> {
    return new Promise((tell) => {
      this.#watchers.push({ isSo, tell });
      this.#watch();
    });
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const kind = KINDS.find((each) => request.url === `/${each}`);
    const key = request.headers["idempotency-key"];
    const order = await readOrder(request);
    if (kind === undefined) return send(response, problem(404, "There is no such counter."));
    if (request.method !== "POST") return send(response, problem(405, "Only POST is served."));
    if (order === undefined) return send(response, problem(400, "Expected an order as JSON."));
    if (typeof key !== "string" || key === "") {
      return send(response, problem(400, "Without an Idempotency-Key nothing is done here."));
    }
    this.#order(kind, key, order, response);
    this.#watch();
  }

  #order(kind: Kind, key: string, order: Order, response: ServerResponse): void {
    const call = this.ledger.called(order.number, kind);
    const counts = this.ledger.counts[kind];
    const { mood, delay } = this.#mischief(`${order.number}/${kind}`, call);
    if (mood === "unavailable") {
      counts.unavailable += 1;
      return send(response, problem(503, "The shop is busy. Try again."));
    }
    const answer = this.#perform(kind, key, order);
    switch (mood) {
      case "lost":
        counts.lost += 1;
        response.destroy();
        return;
      case "slow":
        counts.slow += 1;
        setTimeout(() => send(response, answer), delay).unref();
        return;
      case "prompt":
        send(response, answer);
    }
  }

  #perform(kind: Kind, key: string, order: Order): Answer {
    if (kind === "charge" && order.card === "declined") {
      this.ledger.counts.charge.refused += 1;
      return problem(402, "The card was declined.");
    }
    return { status: 200, body: { receipt: this.ledger.apply(order.number, kind, key) } };
  }

  #watch(): void {
    const waiting = this.#watchers;
    this.#watchers = waiting.filter(({ isSo }) => !isSo(this.ledger));
    for (const watcher of waiting) if (!this.#watchers.includes(watcher)) watcher.tell();
  }
}

interface Order {
  readonly number: string;
  readonly card?: unknown;
}

/** `undefined` when the body is no order. */
async function readOrder(request: IncomingMessage): Promise<Order | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) return undefined;
    pieces.push(piece);
  }
  try {
    const body = JSON.parse(Buffer.concat(pieces).toString("utf8")) as Partial<Order> | null;
    return typeof body?.number === "string" ? (body as Order) : undefined;
  } catch {
    return undefined;
  }
}

function problem(status: number, detail: string): Answer {
  return { status, body: { detail } };
}

/** Does nothing when the caller has gone: a killed server does not wait for answers. */
function send(response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
