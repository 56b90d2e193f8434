/**
 * Bringing events and who waits for them together: matching new events with the waits there are (for the partitions of the
 * events), and looking for kept events on behalf of new waits (for the partitions of who waits). Each is a service of the
 * partition's owner and works in the database alone; why together they miss nothing is said in 0006-events.sql.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Counters } from "../owner/counters.ts";
import { type Service, service } from "../owner/service.ts";
import type { Delivered, EventStore } from "../store/events.ts";
import { type Epoch, StoreError } from "../store/store.ts";

export interface DeliveryConfig {
  readonly store: Pick<EventStore, "match" | "look">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly counts: Counters["counts"];
  readonly owned: () => readonly Epoch[];
  /** Milliseconds that an event is kept for who comes later. */
  readonly keep: number;
  /** Inboxes have got something. */
  readonly onSent: () => void;
  /** Another node has taken a partition. */
  readonly onStale: () => void;
}

export interface Delivery {
  readonly match: Service;
  readonly look: Service;
  /** Targets have dealt with what they were sent: looks that waited for that go on. */
  goOn(): void;
}

/** Milliseconds between looks when nobody nudges: another node may have received an event of a partition of ours. */
const INTERVAL = 1_000;

export function deliveryServices(config: DeliveryConfig): Delivery {
  const { store, keep, clock, log, random } = config;
  // Ids of mails rise, whichever of the two makes them.
  let madeAt = 0;
  let unfinished = false;
  const pass = (
    once: (epochs: readonly Epoch[], since: number) => Promise<Delivered>,
  ): (() => Promise<void>) => {
    return async () => {
      for (;;) {
        const epochs = config.owned();
        if (epochs.length === 0) return;
        const delivered = await once(epochs, madeAt).catch(told);
        if (delivered === undefined) return;
        madeAt = Math.max(madeAt, delivered.madeAt);
        config.counts.eventsDelivered += delivered.sent;
        if (delivered.sent > 0) config.onSent();
        if (!delivered.more) return;
      }
    };
  };
  const told = (error: unknown): undefined => {
    if (!(error instanceof StoreError) || error.kind !== "stale-epoch") throw error;
    config.onStale();
  };
  const common = { clock, log, random, interval: INTERVAL };
  const looking = async (epochs: readonly Epoch[], since: number): Promise<Delivered> => {
    const delivered = await store.look(epochs, keep, since);
    ({ unfinished } = delivered);
    return delivered;
  };
  const look = service({ ...common, name: "event-look", pass: pass(looking) });
  return {
    match: service({
      ...common,
      name: "event-match",
      pass: pass((epochs, since) => store.match(epochs, since)),
    }),
    look,
    goOn() {
      if (unfinished) look.nudge();
    },
  };
}
