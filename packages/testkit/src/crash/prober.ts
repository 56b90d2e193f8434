/** Asks the server now and then whether it is ready, as an orchestrator does, and how long it takes to say so. */
import { setTimeout as sleep } from "node:timers/promises";
import { HANG_MS } from "./load.ts";
import type { Stand } from "./stand.ts";

const INTERVAL_MS = 100;

export class Prober {
  /** Answers by what they said; `gone`: the server's process is not there. */
  readonly answers = { ready: 0, unready: 0, gone: 0 };
  readonly hung: string[] = [];
  readonly #stand: Stand;
  #over = false;
  #running: Promise<void> | undefined;

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  start(): void {
    this.#running = this.#probe();
  }
  async stop(): Promise<void> {
    this.#over = true;
    await this.#running;
  }

  async #probe(): Promise<void> {
    while (!this.#over) {
      const signal = AbortSignal.timeout(HANG_MS);
      try {
        const answer = await fetch(`${this.#stand.server.url}/readyz`, { signal });
        await answer.body?.cancel();
        this.answers[answer.status === 200 ? "ready" : "unready"] += 1;
      } catch {
        if (signal.aborted) this.hung.push("GET /readyz");
        else this.answers.gone += 1;
      }
      await sleep(INTERVAL_MS);
    }
  }
}

/** Resolves when the server says that it is ready. @throws when it does not within `limit` milliseconds */
export async function untilReady({ server }: Stand, limit: number): Promise<void> {
  const last = performance.now() + limit;
  while (performance.now() < last) {
    const answer = await fetch(`${server.url}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await sleep(50);
  }
  throw new Error(`the server is not ready after ${limit / 1_000} s`);
}
