/**
 * The one shape of a background service: it runs once, again after an interval, and at once when nudged.
 *
 * After a pass that failed it is *backing off*: the next comes after a growing pause, and a nudge does not shorten it; or a
 * database that is away would be asked in a tight loop.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { backoff } from "./backoff.ts";

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
  /** For the jitter of the pauses after a failure. */
  readonly random: () => number;
}

export function service(config: ServiceConfig): Service {
  const { name, clock, log, interval, pass, random } = config;
  let stopped = true;
  let again = false;
  let failures = 0;
  let running: Promise<void> | undefined;
  let cancel = (): void => {};

  const pause = (): number => {
    if (failures > 0) return Math.min(interval, backoff(failures, random));
    return again ? 0 : interval;
  };
  const attempt = async (): Promise<void> => {
    // The pass may nudge: by then it is known to run.
    await Promise.resolve();
    try {
      await pass();
      failures = 0;
    } catch (error) {
      failures += 1;
      log.warn({ err: error, service: name }, "a pass failed");
    } finally {
      running = undefined;
      schedule(pause());
    }
  };
  const runOnce = (): Promise<void> => {
    again = running !== undefined;
    running ??= attempt();
    return running;
  };
  const schedule = (wait: number): void => {
    cancel();
    if (stopped) return;
    cancel = clock.after(wait, () => void runOnce());
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
      if (running !== undefined) again = true;
      else if (failures === 0) schedule(0);
    },
  };
}
