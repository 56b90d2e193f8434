/**
 * Forgets events in time: what late waits are served from after the keep time, the events themselves (by which duplicates are
 * known) after the retention. In small transactions; each node for the partitions it owns, and for all where a table knows no
 * partitions the owner of the first.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Service, service } from "../owner/service.ts";
import type { EventStore } from "../store/events.ts";
import type { Epoch } from "../store/store.ts";

export interface RetentionConfig {
  readonly store: Pick<EventStore, "pruneKept" | "pruneEvents">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly owned: () => readonly Epoch[];
  /** Milliseconds. */
  readonly keep: number;
  readonly retention: number;
}

const INTERVAL = 10_000;
/** Rows of a transaction. */
const CHUNK = 2_000;
/** Transactions of a pass: 100,000 rows in an interval at most, so pruning leaves room for others. */
const MOST = 50;

export function retentionService(config: RetentionConfig): Service {
  const { store, owned, keep, retention, clock, log, random } = config;
  const pass = async (): Promise<void> => {
    const partitions = owned().map(({ partition }) => partition);
    if (partitions.includes(0)) await inChunks((chunk) => store.pruneKept(keep, chunk));
    // An event that is kept is there to be sent.
    const old = Math.max(keep, retention);
    if (partitions.length > 0) await inChunks((chunk) => store.pruneEvents(partitions, old, chunk));
  };
  return service({ name: "event-retention", clock, log, random, interval: INTERVAL, pass });
}

/** @param prune deletes a chunk, and gives how many rows that were */
export async function inChunks(prune: (chunk: number) => Promise<number>): Promise<void> {
  for (let done = 0; done < MOST; done += 1) if ((await prune(CHUNK)) < CHUNK) return;
}
