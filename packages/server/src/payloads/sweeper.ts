/**
 * Deletes payloads that nobody needs any more, as a background service of every server. In small transactions, so that no lock
 * lasts; several servers may be at it at once: what one has locked the others pass by.
 *
 * A pass: (1) what was kept for a time that is over is released; (2) what is neither kept nor referred to, and was not touched
 * for the grace period, goes; (3) so do bytes in stores that are left over, and now and then the stores are tidied and looked through;
 * (4) references that stand for nothing any more go, and in a later pass what they referred to.
 *
 * A part that fails keeps none of the others from being done.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Service, service } from "../owner/service.ts";
import type { BlobStore } from "./blob-store.ts";
import type { PayloadSweepStore, Swept, SweepPlace } from "./sweep-store.ts";
import { referenceSweeper } from "./sweeper-references.ts";
import { storeSweeper } from "./sweeper-stores.ts";

export interface SweeperConfig {
  readonly store: PayloadSweepStore;
  /** Where large payloads are. */
  readonly blobs: readonly BlobStore[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Milliseconds for which what was stored is safe though nothing refers to it. */
  readonly grace: number;
  /** Milliseconds for which the checkpoints of a faulted instance are kept for a retry. */
  readonly checkpoints: number;
  /** Milliseconds between passes; half a minute, and no longer than the grace period, unless given. */
  readonly interval?: number;
  /** What was deleted is to be forgotten by whoever has it in memory. */
  readonly onSwept?: (swept: readonly Swept[]) => void;
}

/** Counters rise from the start of the process; gauges are as of the last pass here. */
export interface SweeperFigures {
  readonly payloads: number;
  /** Of those payloads. */
  readonly bytes: number;
  /** Kept ones whose time was over. */
  readonly expired: number;
  /** References that stood for nothing any more. */
  readonly references: number;
  readonly checkpoints: number;
  /** Deleted in stores. */
  readonly leftovers: number;
  /** Left over and due: a gauge, counted up to 100,000. */
  readonly waiting: number;
  /** By store: blobs that nothing knows, as of the last time that this server looked through it. */
  readonly unknown: ReadonlyMap<string, number>;
}
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface Sweeper extends Service {
  readonly figures: SweeperFigures;
}

const INTERVAL = 30_000;
/** Rows of a transaction, and how many transactions a pass has for each part. */
const CHUNK = 1_000;
const MOST = 50;
const COUNTED = 100_000;

export function payloadSweeper(config: SweeperConfig): Sweeper {
  const { store, clock, log, random, grace } = config;
  const figures: Mutable<SweeperFigures> = {
    payloads: 0,
    bytes: 0,
    expired: 0,
    references: 0,
    checkpoints: 0,
    leftovers: 0,
    waiting: 0,
    unknown: new Map(),
  };
  const gone = (swept: readonly Swept[]): void => {
    if (swept.length === 0) return;
    figures.payloads += swept.length;
    for (const { size } of swept) figures.bytes += size;
    config.onSwept?.(swept);
  };
  const expire = async (): Promise<void> => {
    for (let done = 0; done < MOST; done += 1) {
      const released = await store.expire(CHUNK);
      figures.expired += released;
      if (released < CHUNK) return;
    }
  };
  let place: SweepPlace | undefined;
  const sweep = async (): Promise<void> => {
    for (let done = 0; done < MOST; done += 1) {
      const { swept, next } = await store.sweep(grace, place, CHUNK);
      place = next;
      gone(swept);
      if (next === undefined) return;
    }
  };
  const count = async (): Promise<void> => {
    figures.waiting = await store.countLeftovers(COUNTED);
  };
  const references = referenceSweeper(config, figures);
  const parts = [expire, sweep, ...storeSweeper(config, figures), references, count];
  const pass = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const part of parts) await part().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  const interval = config.interval ?? Math.min(INTERVAL, Math.max(1_000, grace));
  const running = service({ name: "payload-sweeper", clock, log, random, interval, pass });
  return { ...running, figures };
}
