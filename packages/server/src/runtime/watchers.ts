/** Wakes those who wait for news of an instance. A look at the database now and then covers what another node commits. */
import type { Clock } from "../clock.ts";
import type { InstanceView } from "../runtime.ts";

/** Milliseconds between looks. */
const LOOK = 2000;

type Hear = (end: InstanceView | undefined) => void;

export class Watchers {
  readonly #waiting = new Map<string, Set<Hear>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something was committed for the instance; when that ended it, `end` gives how it stands for ever. */
  notify(id: string, end?: () => InstanceView): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    const view = end?.();
    for (const hear of waiting) hear(view);
  }

  /** Registers interest before looking, so that no news falls in between. */
  watch(id: string): Watch {
    let news = false;
    let ended: InstanceView | undefined;
    let wake = (): void => {};
    let wakeAtEnd = (): void => {};
    const hear: Hear = (end) => {
      news = true;
      ended ??= end;
      wake();
      if (ended !== undefined) wakeAtEnd();
    };
    const all = this.#waiting.get(id) ?? new Set();
    all.add(hear);
    this.#waiting.set(id, all);
    return {
      next: async (atMost, signal) => {
        if (!news && signal?.aborted !== true)
          await this.#pause(atMost, signal, (resolve) => (wake = resolve));
        wake = () => {};
        news = false;
      },
      end: async (atMost, signal) => {
        if (ended === undefined && signal?.aborted !== true)
          await this.#pause(atMost, signal, (resolve) => (wakeAtEnd = resolve));
        wakeAtEnd = () => {};
        return ended;
      },
      close: () => {
        all.delete(hear);
        if (all.size === 0) this.#waiting.delete(id);
      },
    };
  }

  /** Resolves when what `arm` is given is called, after `atMost` ms or {@link LOOK}, or when the signal aborts. */
  #pause(
    atMost: number,
    signal: AbortSignal | undefined,
    arm: (resolve: () => void) => void,
  ): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#clock.after(Math.min(atMost, LOOK), done);
      arm(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }
}

export interface Watch {
  /** Resolves at news, after `atMost` milliseconds, when it is time to look, or when the signal aborts. */
  next(atMost: number, signal?: AbortSignal): Promise<void>;
  /** Like `next`, but waits for the end alone; gives how the instance ended when that was committed here. */
  end(atMost: number, signal?: AbortSignal): Promise<InstanceView | undefined>;
  close(): void;
}
