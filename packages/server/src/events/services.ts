/** Everything of a node that has to do with events coming in. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Owner } from "../owner/owner.ts";
import type { Service } from "../owner/service.ts";
import type { LargeStore } from "../payloads/parted.ts";
import type { EventStore } from "../store/events.ts";
import { type Delivery, deliveryServices } from "./delivery.ts";
import { Ingest } from "./ingest.ts";
import { retentionService } from "./retention.ts";

export interface EventTimes {
  /** Milliseconds that an event is kept for a wait that comes later. */
  readonly keep: number;
  /** Milliseconds that an event is known, so that a duplicate is told. */
  readonly retention: number;
}

export interface EventServicesConfig {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly randomBytes: () => Uint8Array;
  readonly databaseNow: () => number;
  readonly partitions: number;
  readonly times: EventTimes;
  readonly owner: Owner;
  readonly onSent: () => void;
  readonly onStale: () => void;
  readonly large?: LargeStore | undefined;
}

export interface EventServices extends Delivery {
  readonly ingest: Ingest;
  readonly all: readonly Service[];
}

export function eventServices(config: EventServicesConfig): EventServices {
  const { owner, times, clock } = config;
  const { counts } = owner.counters;
  const common = { ...config, ...times, counts, owned: () => owner.owned };
  const delivery = deliveryServices(common);
  const ingest = new Ingest({
    ...common,
    monotonic: () => clock.monotonic(),
    onReceived: () => delivery.match.nudge(),
  });
  return { ...delivery, ingest, all: [delivery.match, delivery.look, retentionService(common)] };
}
