/** What leaves a node: who wants events, the relay of the outbox, and the couriers of the endpoints. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Service, service } from "../owner/service.ts";
import type { Epoch } from "../store/store.ts";
import { Couriers } from "./delivery/couriers.ts";
import type { Sender } from "./delivery/sender.ts";
import { Directory } from "./directory.ts";
import type { Receivers } from "./channels/receiver.ts";
import type { OutgoingStore } from "./outgoing-store.ts";
import { type Ingestion, relayService } from "./relay.ts";
import { Wanted } from "./wanted.ts";

export interface OutgoingConfig {
  readonly store: OutgoingStore;
  /** Without one, events are queued for endpoints and not sent. */
  readonly sender?: Sender;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Epoch milliseconds of the database. */
  readonly databaseNow: () => number;
  readonly owned: () => readonly Epoch[];
  /** Hands emitted events to listens. */
  readonly ingest?: Ingestion;
  /** Receives from channels; without it, none does. */
  readonly receivers?: Receivers;
}

export interface Outgoing {
  readonly wanted: Wanted;
  readonly directory: Directory;
  readonly relay: Service;
  readonly couriers: Couriers | undefined;
  /** To be done before the first decision, so that nothing wanted is missed. */
  prepare(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
  /** Endpoints were changed here. */
  changed(): Promise<void>;
}

/** Milliseconds between looks for changes made by other nodes. */
const INTERVAL = 1_000;

export function openOutgoing(config: OutgoingConfig): Outgoing {
  const { store, sender, receivers, clock, log, random, databaseNow, owned } = config;
  const wanted = new Wanted();
  const directory = new Directory({ store, wanted });
  const couriers = sender && new Couriers({ store, sender, clock, log, random, databaseNow });
  const look = async (): Promise<void> => {
    await directory.refresh();
    await couriers?.sync(directory.endpoints, owned());
    await receivers?.sync(directory.endpoints, owned());
  };
  let serving = Promise.resolve();
  /** One at a time: it looks at what is there, and waits before it adds to it. */
  const serve = (): Promise<void> => {
    serving = serving.catch(() => {}).then(look);
    return serving;
  };
  const pass = async (): Promise<void> => {
    await serve();
    if (couriers === undefined || couriers.size === 0) return;
    // What relays of other nodes have queued here.
    couriers.nudge(await store.withQueued(owned().map(({ partition }) => partition)));
  };
  const common = { clock, log, random };
  const endpoints = service({ name: "endpoints", ...common, interval: INTERVAL, pass });
  const relay = relayService({
    ...common,
    store,
    owned,
    endpoints: () => directory.endpoints,
    listened: ({ tenant, event }) =>
      directory.anyListens &&
      directory.listens(tenant, (JSON.parse(event) as { readonly type: string }).type),
    ...(config.ingest === undefined ? {} : { ingest: config.ingest }),
    onQueued: (queued) => couriers?.nudge(queued),
  });
  return {
    wanted,
    directory,
    relay,
    couriers,
    prepare: () => directory.refresh(),
    start() {
      endpoints.start();
      relay.start();
    },
    async stop() {
      await relay.stop();
      await endpoints.stop();
      await receivers?.stop();
      await couriers?.stop();
    },
    changed: serve,
  };
}
