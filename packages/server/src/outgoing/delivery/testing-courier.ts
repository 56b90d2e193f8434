/** A courier over a queue in memory, with a clock of its own: for tests of what is sent when. */
import { silentLogger } from "../../logger.ts";
import { CLOSED, type Endpoint, type WebhookSettings } from "../endpoint.ts";
import { MOST_BYTES, type OutgoingStore, type Queued, type Settled } from "../outgoing-store.ts";
import { Courier } from "./courier.ts";
import type { Letter, Sent } from "./sender.ts";

export const RETRY = { minDelay: 5_000, maxDelay: 3_600_000, giveUpAfter: 86_400_000 };

export function endpointOf(settings: Partial<WebhookSettings> = {}): Endpoint {
  return {
    id: "hook",
    partition: 0,
    tenant: "default",
    name: "hook",
    settings: {
      kind: "webhook",
      url: "http://receiver/",
      filter: { types: ["*"] },
      headers: [],
      mode: "structured",
      paused: false,
      retry: RETRY,
      ...settings,
    },
    version: 1,
    circuit: CLOSED,
    createdAt: 0,
    updatedAt: 0,
  };
}

/** What the tables hold. */
class Tables implements Pick<OutgoingStore, "due" | "waiting" | "settle"> {
  readonly queued = new Map<number, Queued>();
  readonly dead: { readonly seq: number; readonly attempts: number; readonly error: string }[] = [];
  readonly settled: Settled[] = [];
  /** What each reading gave. */
  readonly read: (readonly number[])[] = [];
  /** Rejects the next writings with this. */
  failure: Error | undefined;
  #last = 0;

  add(key: string, queuedAt: number, padding = ""): number {
    this.#last += 1;
    const seq = this.#last;
    this.queued.set(seq, {
      seq,
      key,
      event: `${key}:${seq}${padding}`,
      attempts: 0,
      nextAt: 0,
      queuedAt,
    });
    return seq;
  }

  async due(_: string, known: readonly number[], blocked: readonly string[], limit: number) {
    let bytes = 0;
    const rows = [...this.queued.values()]
      .filter(({ seq, key }) => !known.includes(seq) && !blocked.includes(key))
      .slice(0, limit);
    const end = rows.findIndex(({ event }) => {
      const before = bytes;
      bytes += event.length;
      return before >= MOST_BYTES;
    });
    const read = end === -1 ? rows : rows.slice(0, end);
    this.read.push(read.map(({ seq }) => seq));
    return read;
  }

  async waiting() {
    return [...this.queued.values()].filter(({ nextAt }) => nextAt > 0);
  }

  async settle(_: string, __: unknown, settled: Settled) {
    if (this.failure !== undefined) throw this.failure;
    this.settled.push(settled);
    for (const { seq, attempts, firstAt, nextAt } of settled.retried)
      this.#change(seq, { attempts, firstAt, nextAt });
    for (const one of settled.dead) {
      this.queued.delete(one.seq);
      this.dead.push(one);
    }
    for (const { seq, attempts, queuedAt } of this.queued.values())
      if (queuedAt <= (settled.deadBefore?.at ?? -1)) {
        this.queued.delete(seq);
        this.dead.push({ seq, attempts, error: settled.deadBefore?.error ?? "" });
      }
    for (const seq of settled.delivered) this.queued.delete(seq);
    if (settled.revive === true)
      for (const seq of this.queued.keys()) this.#change(seq, { nextAt: 0 });
  }

  #change(seq: number, change: Partial<Queued>): void {
    const row = this.queued.get(seq);
    if (row !== undefined) this.queued.set(seq, { ...row, ...change });
  }
}

export class Stand {
  readonly tables = new Tables();
  /** Every try: when, of which event, and how it went. */
  readonly tries: { readonly at: number; readonly event: string; readonly kind: string }[] = [];
  now = 1_000_000;
  stale = 0;
  courier: Courier;
  /** What the receiver does with an event. */
  receive: (letter: Letter) => Sent | Promise<Sent> = () => ({ kind: "delivered" });
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  constructor(endpoint = endpointOf()) {
    this.courier = this.another(endpoint);
  }

  /** Another courier of the same queue: after a crash, or on another node. */
  another(endpoint = endpointOf()): Courier {
    this.#timers.clear();
    this.courier = new Courier(
      {
        store: this.tables,
        sender: { send: (_, letter) => this.#send(letter) },
        log: silentLogger,
        now: () => this.now,
        after: (ms, run) => this.#after(ms, run),
        random: () => 0.5,
        onStale: () => void (this.stale += 1),
      },
      endpoint,
      { partition: 0, epoch: 1 },
    );
    return this.courier;
  }

  /** Queues an event for each key. */
  queue(...keys: readonly string[]): void {
    for (const key of keys) this.tables.add(key, this.now);
    this.courier.nudge();
  }

  /** Lets so many milliseconds pass, timer by timer. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    await quiet();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until);
      const [next] = due.toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.now = Math.max(this.now, next.at);
      this.#timers.delete(next);
      next.run();
      await quiet();
    }
    this.now = until;
  }

  /** The events that arrived, in order. */
  get arrived(): readonly string[] {
    return this.tries.filter(({ kind }) => kind === "delivered").map(({ event }) => event);
  }

  async #send(letter: Letter): Promise<Sent> {
    const at = this.now;
    const sent = await this.receive(letter);
    this.tries.push({ at, event: letter.event, kind: sent.kind });
    return sent;
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }
}

/** Everything in memory has had its turn. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((next) => setImmediate(next));
}
