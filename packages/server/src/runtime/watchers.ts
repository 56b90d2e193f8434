/** Wakes those who wait for news of an instance. A look at the database now and then covers what another node commits. */
import type { Clock } from "../clock.ts";

/** Milliseconds between looks. */
const LOOK = 2000;

export class Watchers {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something was committed for the instance. */
  notify(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  /** Registers interest before looking, so that no news falls in between. */
  watch(id: string): Watch {
    let news = false;
    let wake = (): void => {};
    const heard = (): void => {
      news = true;
      wake();
    };
    const all = this.#waiting.get(id) ?? new Set();
    all.add(heard);
    this.#waiting.set(id, all);
    return {
      next: async (atMost, signal) => {
        if (news || signal?.aborted === true) {
          news = false;
          return;
        }
        await new Promise<void>((resolve) => {
          const cancel = this.#clock.after(Math.min(atMost, LOOK), resolve);
          wake = () => {
            cancel();
            resolve();
          };
          signal?.addEventListener("abort", () => wake(), { once: true });
        });
        wake = () => {};
        news = false;
      },
      close: () => {
        all.delete(heard);
        if (all.size === 0) this.#waiting.delete(id);
      },
    };
  }
}

export interface Watch {
  /** Resolves at news, after `atMost` milliseconds, when it is time to look, or when the signal aborts. */
  next(atMost: number, signal?: AbortSignal): Promise<void>;
  close(): void;
}
