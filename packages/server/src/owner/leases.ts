/** Holds this node's partitions: takes what is free, renews, and gives up what another node has taken. */
import type { Clock } from "../clock.ts";
import type { Coordinator } from "../cluster/coordinator.ts";
import type { Logger } from "../logger.ts";
import type { Epoch } from "../store/store.ts";
import { type Service, service } from "./service.ts";

export interface LeasesConfig {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Milliseconds a lease lasts; renewed three times in it. */
  readonly ttl: number;
  readonly partitions: number;
  /** At its first pass, take partitions from whoever holds them: for a node that is meant to be alone. */
  readonly seize: boolean;
  readonly owned: () => readonly Epoch[];
  readonly onGained: (epochs: readonly Epoch[]) => Promise<void>;
  readonly onLost: (partitions: readonly number[]) => void;
}

export interface Leases extends Service {
  /**
   * Takes all partitions again at a new epoch, those held too. It waits for transactions of the epoch before that are
   * still under way, or shuts them out, and makes the node read what is there as after a crash.
   */
  retake(): void;
  /** When the database last took a renewal or gave partitions, by the monotonic clock; undefined before the first time. */
  readonly renewedAt: number | undefined;
}

export function leaseService(config: LeasesConfig): Leases {
  const { coordinator, clock, log, random, ttl } = config;
  // Only once: two nodes that both seize at every pass would take from each other for ever.
  let { seize } = config;
  let retaking = false;
  let renewedAt: number | undefined;
  const all = Array.from({ length: config.partitions }, (_, partition) => partition);
  const pass = async (): Promise<void> => {
    const held = config.owned();
    if (held.length > 0) {
      const kept = new Set((await coordinator.renew(held)).map((e) => e.partition));
      renewedAt = clock.monotonic();
      const lost = held.map((e) => e.partition).filter((partition) => !kept.has(partition));
      if (lost.length > 0) {
        log.warn({ partitions: lost }, "another node has taken partitions");
        config.onLost(lost);
      }
    }
    const owned = new Set(config.owned().map((e) => e.partition));
    const wanted = retaking ? all : all.filter((partition) => !owned.has(partition));
    if (wanted.length === 0) return;
    try {
      retaking = false;
      const gained = await coordinator.acquire(wanted, seize);
      renewedAt = clock.monotonic();
      seize = false;
      if (gained.length === 0) return;
      log.info({ partitions: gained.length }, "took partitions");
      await config.onGained(gained);
    } catch (error) {
      // Whether it broke before or after the epochs rose, what was left there has not been read: once more.
      retaking = true;
      throw error;
    }
  };
  const running = service({ name: "leases", clock, log, random, interval: ttl / 3, pass });
  return {
    ...running,
    get renewedAt() {
      return renewedAt;
    },
    retake() {
      retaking = true;
      running.nudge();
    },
  };
}
