/**
 * A shop that is flaky on purpose, the way real services are: now and then it is overloaded (503, nothing done), or it
 * does what it is asked and the answer is lost, or it answers late. Which of these happens is drawn from a seed.
 *
 * It honours `Idempotency-Key`: a key that it has seen is answered again and nothing is done twice. It counts both what
 * it was asked and what it did, so that a demonstration can tell whether each effect happened exactly once.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const EFFECTS = [
  "reservations",
  "charges",
  "packages",
  "unpackings",
  "releases",
  "notifications",
] as const;
export type Effect = (typeof EFFECTS)[number];

/** A card with this number is declined, politely and for good. */
export const DECLINED_CARD = "4000-0002";

/** What happens to a share of the requests, in per cent. */
const OVERLOADED = 10;
const ANSWER_LOST = 8;
const SLOW = 10;
const SLOWEST_MS = 400;

/** How often things happened, by effect. */
export interface Tally {
  /** Requests that arrived. */
  requests: number;
  overloaded: number;
  answersLost: number;
  /** Requests under a key that had been carried out before. */
  repeated: number;
}

export interface Shop {
  readonly url: string;
  /** Orders by effect, and how often it was applied to each. */
  readonly applied: Readonly<Record<Effect, ReadonlyMap<number, number>>>;
  readonly tallies: Readonly<Record<Effect, Readonly<Tally>>>;
  /** Effects applied so far, all together. */
  readonly total: number;
  /** Calls back when `total` reaches `count`. */
  when(count: number, run: () => void): void;
  close(): void;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** Opens the shop on a free port of loopback. */
export async function openShop(seed: string): Promise<Shop> {
  const books = new Books(seed);
  const server = createServer((request, response) => void books.serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    applied: books.applied,
    tallies: books.tallies,
    get total() {
      return books.total;
    },
    when: (count, run) => books.when(count, run),
    close: () => server.close().closeAllConnections(),
  };
}

class Books {
  readonly applied = byEffect(() => new Map<number, number>());
  readonly tallies = byEffect(
    (): Tally => ({ requests: 0, overloaded: 0, answersLost: 0, repeated: 0 }),
  );
  total = 0;
  readonly #seed: string;
  /** What was answered under each key. */
  readonly #answers = new Map<string, Answer>();
  readonly #attempts = new Map<string, number>();
  #milestones: { readonly count: number; readonly run: () => void }[] = [];

  constructor(seed: string) {
    this.#seed = seed;
  }

  when(count: number, run: () => void): void {
    this.#milestones.push({ count, run });
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const effect = EFFECTS.find((each) => request.url === `/${each}`);
    const key = request.headers["idempotency-key"];
    const body = await readBody(request);
    if (effect === undefined || body === undefined || typeof key !== "string")
      return reply(response, { status: 400, body: { error: "what is asked is not understood" } });
    const tally = this.tallies[effect];
    tally.requests += 1;
    const luck = this.#draw(`${effect} ${body.order}`);
    if (luck < OVERLOADED) {
      tally.overloaded += 1;
      return reply(response, { status: 503, body: { error: "too busy" } });
    }
    const answer = this.#carryOut(effect, key, body);
    if (luck < OVERLOADED + ANSWER_LOST) {
      tally.answersLost += 1;
      response.destroy();
    } else if (luck < OVERLOADED + ANSWER_LOST + SLOW) {
      setTimeout(() => reply(response, answer), (luck % 1) * SLOWEST_MS);
    } else reply(response, answer);
  }

  /** Does what is asked unless it was done under this key before. */
  #carryOut(effect: Effect, key: string, body: Body): Answer {
    const known = this.#answers.get(key);
    if (known !== undefined) {
      this.tallies[effect].repeated += 1;
      return known;
    }
    const answer = this.#apply(effect, body);
    this.#answers.set(key, answer);
    return answer;
  }

  #apply(effect: Effect, { order, card }: Body): Answer {
    if (effect === "charges" && card === DECLINED_CARD)
      return { status: 402, body: { error: "the card was declined" } };
    const applied = this.applied[effect];
    applied.set(order, (applied.get(order) ?? 0) + 1);
    this.total += 1;
    this.#reach();
    return { status: 201, body: { order, [effect]: "done" } };
  }

  #reach(): void {
    const reached = this.#milestones.filter(({ count }) => count <= this.total);
    this.#milestones = this.#milestones.filter(({ count }) => count > this.total);
    for (const { run } of reached) run();
  }

  /** 0 … 100, the same for the same seed, subject and attempt. */
  #draw(subject: string): number {
    const attempt = (this.#attempts.get(subject) ?? 0) + 1;
    this.#attempts.set(subject, attempt);
    const digest = createHash("sha256").update(`${this.#seed} ${subject} ${attempt}`).digest();
    return (digest.readUInt32BE(0) / 2 ** 32) * 100;
  }
}

interface Body {
  readonly order: number;
  readonly card?: string;
}

function byEffect<Value>(make: () => Value): Record<Effect, Value> {
  return Object.fromEntries(EFFECTS.map((effect) => [effect, make()])) as Record<Effect, Value>;
}

async function readBody(request: IncomingMessage): Promise<Body | undefined> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  try {
    const body = JSON.parse(text) as Partial<Body>;
    return typeof body.order === "number" ? (body as Body) : undefined;
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
