/**
 * Clients of messages as careful callers are: each stores, reads and deletes messages of its own, and repeats what had no answer or
 * one that says to come back, until it is answered. Every answer is judged.
 */
import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** An answer that takes longer than this never comes. */
const HANG_MS = 30_000;
/** Milliseconds before a repetition, and between two messages of a client. */
const PAUSE = 20;
/** What the clients show, and another key of the same servers. */
export const KEYS = ["key-of-the-first-caller", "key-of-the-second-caller"] as const;

export interface Request extends RequestInit {
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  /** 0: the connection ended without one. */
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export class MessageLoad {
  /** Digests of what was acknowledged and not deleted since, with the texts. */
  readonly kept = new Map<string, string>();
  readonly deleted = new Set<string>();
  /** What no client may see. */
  readonly wrong: string[] = [];
  /** Answers that asked to come back, and connections that ended without one. */
  turnedAway = 0;
  answered = 0;
  readonly #url: string;
  /** Of its messages: no other load has the same ones. */
  readonly #name = randomUUID();
  #over = false;
  #clients: Promise<void>[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  start(clients: number): void {
    this.#clients = Array.from({ length: clients }, (_, number) => this.#client(number));
  }

  /** Resolves when what is under way is answered. */
  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#clients);
  }

  async #client(number: number): Promise<void> {
    const own: string[] = [];
    for (let turn = 0; !this.#over; turn++) {
      const text = `message ${turn} of client ${number} of ${this.#name}`;
      const digest = await this.#post(text);
      own.push(digest);
      await this.#get(digest, text);
      // Every second one goes, some turns after it came.
      const old = turn % 2 === 0 ? own.shift() : undefined;
      if (old !== undefined) await this.#delete(old);
      await sleep(PAUSE);
    }
  }

  async #post(text: string): Promise<string> {
    const digest = createHash("sha256").update(text).digest("hex");
    const body = JSON.stringify({ message: text });
    const headers = { "content-type": "application/json" };
    const { answer } = await this.#until("/messages", { method: "POST", headers, body });
    this.#judge(answer, [200, 201], { digest }, `POST ${text}`);
    this.kept.set(digest, text);
    return digest;
  }

  async #get(digest: string, message: string): Promise<void> {
    const { answer } = await this.#until(`/messages/${digest}`);
    this.#judge(answer, [200], { message }, `GET ${message}`);
  }

  async #delete(digest: string): Promise<void> {
    // From here on nobody can say whether it is there, until the answer has come.
    const text = this.kept.get(digest);
    this.kept.delete(digest);
    const { answer, repeated } = await this.#until(`/messages/${digest}`, { method: "DELETE" });
    // What had no answer may have been carried out.
    if (!(repeated && answer.status === 404))
      this.#judge(answer, [200], { digest }, `DELETE ${text}`);
    this.deleted.add(digest);
  }

  async #until(path: string, init: Request = {}) {
    for (let repeated = false; ; repeated = true) {
      const answer = await ask(this.#url + path, init);
      const isTemporary = answer.status === 502 || answer.status === 503 || answer.status === 504;
      if (answer.status !== 0 && !isTemporary) return { answer, repeated };
      this.turnedAway += 1;
      if (isTemporary) this.#judgeRefusal(answer, `${init.method ?? "GET"} ${path}`);
      if (this.wrong.length > 100) throw new Error(this.wrong.join("\n"));
      await sleep(PAUSE);
    }
  }

  #judge(answer: Answer, expected: readonly number[], body: object, what: string): void {
    this.answered += 1;
    if (expected.includes(answer.status) && answer.text === JSON.stringify(body)) return;
    this.wrong.push(`${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  }

  /** Also what the balancer says by itself is a problem document with a time to come back. */
  #judgeRefusal({ status, text, headers }: Answer, what: string): void {
    const isProblem = headers.get("content-type")?.startsWith("application/problem+json") === true;
    const problem = isProblem
      ? (JSON.parse(text) as { status: unknown; type: unknown })
      : undefined;
    const isRight = problem?.status === status && String(problem.type).startsWith("urn:millrace:");
    if (isRight && Number(headers.get("retry-after")) >= 1) return;
    this.wrong.push(`${what}: ${status} ${text.slice(0, 300)}`);
  }
}

/** One request, with the first key unless `headers` say otherwise. */
export async function ask(url: string, init: Request = {}): Promise<Answer> {
  try {
    const headers = { authorization: `Bearer ${KEYS[0]}`, ...init.headers };
    const signal = AbortSignal.timeout(HANG_MS);
    const response = await fetch(url, { ...init, headers, signal });
    const text = await response.text();
    return { status: response.status, text, headers: response.headers };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { status: 0, text: "", headers: new Headers() };
  }
}
