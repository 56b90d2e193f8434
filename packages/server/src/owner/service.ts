/** The one shape of a background service: it runs once, again after an interval, and at once when nudged. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";

export interface Service {
  start(): void;
  /** Resolves when a run under way has ended. */
  stop(): Promise<void>;
  /** One pass; also what tests call. */
  runOnce(): Promise<void>;
  /** Runs soon, without waiting for the interval. */
  nudge(): void;
}

export interface ServiceConfig {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between the end of a pass and the next. */
  readonly interval: number;
  readonly pass: () => Promise<void>;
}

export function service({ name, clock, log, interval, pass }: ServiceConfig): Service {
  let stopped = true;
  let again = false;
  let running: Promise<void> | undefined;
  let cancel = (): void => {};

  const runOnce = (): Promise<void> => {
    again = running !== undefined;
    running ??= pass()
      .catch((error: unknown) => log.warn({ err: error, service: name }, "a pass failed"))
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const schedule = (wait: number): void => {
    cancel();
    if (stopped) return;
    cancel = clock.after(wait, () => {
      void runOnce().then(() => schedule(again ? 0 : interval));
    });
  };
  return {
    start() {
      stopped = false;
      schedule(0);
    },
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
    runOnce,
    nudge() {
      if (running === undefined) schedule(0);
      else again = true;
    },
  };
}
