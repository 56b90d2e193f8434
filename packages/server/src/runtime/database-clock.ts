/** The database's time as this process reads it: a lower bound, so nothing is ever taken up before its time. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Service, service } from "../owner/service.ts";

export interface DatabaseClock {
  readonly service: Service;
  /** Epoch milliseconds. */
  now(): number;
}

const INTERVAL = 5000;
/** Readings that count: the largest difference is the closest bound. */
const READINGS = 6;

/** @param read asks the database for its time, in epoch milliseconds */
export async function databaseClock(
  read: () => Promise<number>,
  clock: Clock,
  log: Logger,
  random: () => number = Math.random,
): Promise<DatabaseClock> {
  const offsets: number[] = [];
  const pass = async (): Promise<void> => {
    const now = await read();
    // The answer is already old when it arrives, so this never runs ahead.
    offsets.push(now - clock.monotonic());
    if (offsets.length > READINGS) offsets.shift();
  };
  await pass();
  return {
    service: service({ name: "database-clock", clock, log, random, interval: INTERVAL, pass }),
    now: () => Math.floor(Math.max(...offsets) + clock.monotonic()),
  };
}
