/** What the workers' side counts: plain numbers, read by a scrape. */
import { Histogram, LONG_MILLISECONDS } from "../owner/histogram.ts";
import type { Level } from "./checkpoint.ts";

export class WorkerCounters {
  /** Tasks given to workers; and of those, not for the first time here. */
  delivered = 0;
  redelivered = 0;
  completed = 0;
  failed = 0;
  released = 0;
  /** Leases that ended without a sign of life. */
  expired = 0;
  /** Tasks that failed because too many leases of theirs ended so. */
  givenUp = 0;
  /** Leased tasks that their instance waits for no longer. */
  withdrawn = 0;
  /** Requests with a token that counts no more. */
  refused = 0;
  readonly checkpoints: Record<Level, number> = { progress: 0, data: 0, state: 0 };
  /** Transactions in which those were written. */
  checkpointCommits = 0;
  /** Milliseconds that tasks waited for a worker. */
  readonly waited = new Histogram(LONG_MILLISECONDS);
}
