/**
 * The database's time as this process reads it: a lower bound, so nothing is ever taken up before its time; and one that
 * never goes back, so what was due stays due: a timer taken up at one reading is decided on at a later one.
 */
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
/** How much faster than the database's our clock may run: a reading is worth less the older it is. */
const DRIFT = 0.0005;

/** @param read asks the database for its time, in epoch milliseconds */
export async function databaseClock(
  read: () => Promise<number>,
  clock: Clock,
  log: Logger,
  random: () => number = Math.random,
): Promise<DatabaseClock> {
  const readings: { readonly offset: number; readonly at: number }[] = [];
  const pass = async (): Promise<void> => {
    const now = await read();
    // The answer is already old when it arrives, so this never runs ahead.
    const at = clock.monotonic();
    readings.push({ offset: now - at, at });
    if (readings.length > READINGS) readings.shift();
  };
  await pass();
  let latest = 0;
  return {
    service: service({ name: "database-clock", clock, log, random, interval: INTERVAL, pass }),
    now() {
      const at = clock.monotonic();
      const bounds = readings.map((each) => each.offset - (at - each.at) * DRIFT);
      latest = Math.max(latest, Math.floor(Math.max(...bounds) + at));
      return latest;
    },
  };
}
