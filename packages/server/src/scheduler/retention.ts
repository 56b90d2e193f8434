/** Forgets what became of the times of schedules, after the retention: the owner of the first partition does it for all. */
import type { Clock } from "../clock.ts";
import { inChunks } from "../events/retention.ts";
import type { Logger } from "../logger.ts";
import { type Service, service } from "../owner/service.ts";
import type { Epoch, OwnerStore } from "../store/store.ts";

export interface DecisionRetentionConfig {
  readonly store: Pick<OwnerStore, "pruneDecisions">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly owned: () => readonly Epoch[];
  /** Milliseconds. */
  readonly retention: number;
}

const INTERVAL = 60_000;

export function decisionRetention(config: DecisionRetentionConfig): Service {
  const { store, clock, log, random, owned, retention } = config;
  const pass = async (): Promise<void> => {
    if (!owned().some(({ partition }) => partition === 0)) return;
    await inChunks((chunk) => store.pruneDecisions(retention, chunk));
  };
  return service({ name: "decision-retention", clock, log, random, interval: INTERVAL, pass });
}
