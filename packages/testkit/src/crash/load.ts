/**
 * Clients that start instances without end, each under an idempotency key, the way a careful caller does: a start that is
 * not acknowledged is sent again, with the same key, until it is. Every answer is judged on the way.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.ts";
import type { Stand } from "./stand.ts";
import { type LoadedWorkflow, NAMESPACE, NESTED, WORKFLOWS } from "./workflows.ts";

/** Clients at the same time. */
const CLIENTS = 8;
/** An answer that takes longer than this never comes: the server's own limit is 8 s, and the machine may be busy. */
export const HANG_MS = 20_000;
/** After the load has ended, a start that is still not acknowledged is given up. */
const PATIENCE_MS = 45_000;
/** Every tenth start asks to be answered when its instance has ended, and waits this long. */
const WAIT = "2s";

export interface Started {
  readonly key: string;
  readonly workflow: LoadedWorkflow;
  /** Undefined as long as no start was acknowledged. */
  id?: string;
  /** Other ids that were given for the same key: there must be none. */
  readonly otherIds: string[];
}

/** What a client may not see; texts that say which and where. */
export interface Complaints {
  readonly hung: string[];
  readonly wrong: string[];
}

export class Load {
  readonly started: Started[] = [];
  readonly complaints: Complaints = { hung: [], wrong: [] };
  /** Answers that asked to come later, with when. */
  turnedAway = 0;
  readonly #stand: Stand;
  readonly #random: Random;
  readonly #prefix: string;
  #over = false;
  #lastChance = Number.POSITIVE_INFINITY;
  #clients: Promise<void>[] = [];

  constructor(stand: Stand, random: Random, prefix: string) {
    this.#stand = stand;
    this.#random = random;
    this.#prefix = prefix;
  }

  /** Applies the workflows, which needs a server that is ready, and lets the clients go. */
  async start(): Promise<void> {
    for (const { definition } of [...WORKFLOWS, NESTED]) {
      const { status } = await this.#send("/v1/workflows", "application/yaml", definition);
      if (status !== 200 && status !== 201)
        throw new Error(`applying a workflow was answered with ${status}`);
    }
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client());
  }

  /** No new starts; resolves when those under way are acknowledged or given up. */
  async stop(): Promise<void> {
    this.#over = true;
    this.#lastChance = performance.now() + PATIENCE_MS;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    while (!this.#over) {
      const number = this.started.length;
      const workflow = this.#random.pick(WORKFLOWS);
      const one: Started = { key: `${this.#prefix}-${number}`, workflow, otherIds: [] };
      this.started.push(one);
      const wait = number % 10 === 9 ? WAIT : undefined;
      // Some callers ask twice at the same time.
      const times = number % 20 === 18 ? 2 : 1;
      await Promise.all(Array.from({ length: times }, () => this.#begin(one, wait)));
      await sleep(this.#random.between(10, 80));
    }
  }

  /** The same start once more, until `last`: its key has to give the same instance. */
  async again(one: Started, last: number): Promise<void> {
    this.#lastChance = last;
    await this.#begin(one);
  }

  /** Starts until it is acknowledged, or the patience is over. */
  async #begin(one: Started, wait?: string): Promise<void> {
    const query = wait === undefined ? "" : `?wait=${wait}`;
    const path = `/v1/workflows/${NAMESPACE}/${one.workflow.name}/instances${query}`;
    const input = { start: one.key, effects: this.#stand.effects.url };
    while (performance.now() < this.#lastChance) {
      const answer = await this.#send(path, "application/json", JSON.stringify({ input }), one.key);
      if (answer.status >= 200 && answer.status < 300) {
        const { id } = JSON.parse(answer.text) as { readonly id: string };
        one.id ??= id;
        if (one.id !== id) one.otherIds.push(id);
        return;
      }
      await sleep(this.#random.between(50, 300));
    }
  }

  /** Status 0: no answer. */
  async #send(
    path: string,
    type: string,
    body: string,
    key?: string,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const headers = {
      "content-type": type,
      ...(key === undefined ? {} : { "idempotency-key": key }),
    };
    const signal = AbortSignal.timeout(HANG_MS);
    try {
      const response = await fetch(this.#stand.server.url + path, {
        method: "POST",
        headers,
        body,
        signal,
      });
      const text = await response.text();
      this.#judge(response, text, `POST ${path} (${key ?? ""})`);
      return { status: response.status, text };
    } catch (error) {
      if (signal.aborted) this.complaints.hung.push(`POST ${path} (${key ?? ""})`);
      else if (!(error instanceof TypeError)) throw error;
      return { status: 0, text: "" };
    }
  }

  /** Whatever happens to the database, a caller is told to come back later, never that something is broken. */
  #judge(response: Response, text: string, what: string): void {
    const { status } = response;
    if (status < 300) return;
    const seconds = Number(response.headers.get("retry-after"));
    if (status === 503 && seconds >= 1) this.turnedAway += 1;
    else this.complaints.wrong.push(`${what}: ${status} ${text.slice(0, 300)}`);
  }
}
