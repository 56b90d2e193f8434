/** What leaves a node, over PostgreSQL and the egress boundary: put together for runtime/open.ts. */
import type { Pool } from "pg";
import type { JsonObject } from "@millrace/language";
import { placement } from "../cluster/placement.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { RuntimeParts } from "../main.ts";
import { random10 } from "../runtime/random.ts";
import type { Epoch } from "../store/store.ts";
import { postgresEndpointStore } from "../store/postgres/endpoint-store.ts";
import { announce, postgresOutgoingStore } from "../store/postgres/outgoing-store.ts";
import type { Sender } from "./delivery/sender.ts";
import { Receivers } from "./channels/receiver.ts";
import { openSender } from "./delivery/senders.ts";
import { Endpoints } from "./endpoints.ts";
import type { Ingestion } from "./relay.ts";
import { openOutgoing, type Outgoing } from "./outgoing.ts";
import { Sealed } from "./sealed.ts";

export interface LeavingConfig {
  /** For the relay and the deliveries. */
  readonly pool: Pool;
  /** For what the API asks. */
  readonly reader: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly partitions: number;
  /** Epoch milliseconds of the database. */
  readonly databaseNow: () => number;
  readonly owned: () => readonly Epoch[];
  readonly outside: RuntimeParts["leaving"];
  readonly ingest: Ingestion;
}

/** What the API has of it; absent without a vault. */
export interface Leaving {
  readonly endpoints: Endpoints;
  readonly sender: Sender;
}

export interface OpenLeaving {
  readonly outgoing: Outgoing;
  readonly leaving: Leaving | undefined;
  /** Sends an event of the server itself to whoever wants it. */
  announce(tenant: string, event: JsonObject): Promise<void>;
}

export function openLeaving(config: LeavingConfig): OpenLeaving {
  const { pool, reader, clock, log, partitions, databaseNow, owned, outside } = config;
  const sealed = outside && new Sealed(outside.vault);
  const sender =
    outside &&
    sealed &&
    openSender({ services: outside.services, sealed, clock, now: databaseNow });
  const store = postgresOutgoingStore(pool);
  const { ingest } = config;
  const common = { store, clock, log, random: Math.random };
  const receivers =
    outside &&
    sealed &&
    new Receivers({ ...common, services: outside.services, sealed, now: databaseNow, ingest });
  const outgoing = openOutgoing({
    ...common,
    ...(receivers === undefined ? {} : { receivers }),
    ...(sender === undefined ? {} : { sender }),
    databaseNow,
    owned,
    ingest,
  });
  const endpoints =
    sealed &&
    new Endpoints({
      store: postgresEndpointStore(reader),
      sealed,
      partitions,
      now: databaseNow,
      randomBytes: random10,
      changed: () => outgoing.changed(),
      queued: (endpoint) => outgoing.couriers?.nudge([endpoint]),
    });
  return {
    outgoing,
    leaving: endpoints && sender && { endpoints, sender },
    async announce(tenant, event) {
      const { source, subject } = event;
      // One source and subject stay in order: theirs is one partition.
      const partition = placement(partitions, JSON.stringify([source, subject ?? null]));
      await announce(reader, { partition, tenant, event: JSON.stringify(event) });
      outgoing.relay.nudge();
    },
  };
}
