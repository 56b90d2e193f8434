/**
 * The relay: takes events from the outbox of this node's partitions, in order, and queues each for every endpoint whose filter
 * it passes. What it takes and what it queues is one transaction, fenced by the epochs: an event is handed on once.
 */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "@millrace/language";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Service, service } from "../owner/service.ts";
import type { Epoch } from "../store/store.ts";
import { type Endpoint, filterOf } from "./endpoint.ts";
import type { OutboxEvent, Outgoing, OutgoingStore } from "./outgoing-store.ts";
import { type Filtered, passes } from "./wanted.ts";

export interface RelayConfig {
  readonly store: Pick<OutgoingStore, "relay">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly owned: () => readonly Epoch[];
  readonly endpoints: () => readonly Endpoint[];
  /** True for a lifecycle event that a listen wants. */
  readonly listened: (event: OutboxEvent) => boolean;
  /** Hands events to whoever listens to them; the same event twice counts once. */
  readonly ingest?: Ingestion;
  /** Told which endpoints have got something. */
  readonly onQueued: (endpoints: ReadonlySet<string>) => void;
}

export type Ingestion = (events: readonly JsonObject[], tenant: string) => Promise<unknown>;

/** Milliseconds between looks when nobody nudges. */
const INTERVAL = 1_000;
/** Rows in one transaction, about. */
const MOST = 2_000;

export function relayService(config: RelayConfig): Service {
  const { clock, log, random, store, owned, endpoints, onQueued } = config;
  const pass = async (): Promise<void> => {
    for (;;) {
      const epochs = owned();
      if (epochs.length === 0) return;
      const queued = new Set<string>();
      const taken = await store.relay(epochs, MOST, async (events) => {
        // Before they are deleted: what is done again after a crash counts once.
        await handToListens(events, config);
        const sinks = sinksOf(endpoints());
        const rows = events.flatMap((event) => outgoingOf(event, sinks.get(event.tenant) ?? []));
        for (const { endpoint } of rows) queued.add(endpoint);
        return rows;
      });
      if (queued.size > 0) onQueued(queued);
      if (taken === 0) return;
    }
  };
  return service({ name: "relay", clock, log, random, interval: INTERVAL, pass });
}

/** In order, so that those of one source and subject stay so. */
async function handToListens(
  events: readonly OutboxEvent[],
  { ingest, listened }: RelayConfig,
): Promise<void> {
  if (ingest === undefined) return;
  const wanted = events.filter((event) => event.emitted || listened(event));
  for (const [tenant, mine] of Map.groupBy(wanted, (event) => event.tenant))
    await ingest(
      mine.map(({ event }) => JSON.parse(event) as JsonObject),
      tenant,
    );
}

function sinksOf(endpoints: readonly Endpoint[]): ReadonlyMap<string, readonly Endpoint[]> {
  return Map.groupBy(
    endpoints.filter((endpoint) => filterOf(endpoint) !== undefined),
    ({ tenant }) => tenant,
  );
}

/** One row for each endpoint that wants the event. */
export function outgoingOf(row: OutboxEvent, sinks: readonly Endpoint[]): readonly Outgoing[] {
  if (sinks.length === 0) return [];
  const event = JSON.parse(row.event) as JsonObject;
  const filtered = filteredOf(row, event);
  const key = keyOf(row, filtered);
  return sinks.flatMap((sink) => {
    const filter = filterOf(sink);
    const wanted = filter !== undefined && passes(filter, filtered);
    return wanted ? [{ endpoint: sink.id, key, event: row.event }] : [];
  });
}

function filteredOf({ namespace, name }: OutboxEvent, event: JsonObject): Filtered {
  return {
    type: textOf(event["type"]),
    source: textOf(event["source"]),
    subject: typeof event["subject"] === "string" ? event["subject"] : undefined,
    workflow: namespace === undefined ? undefined : `${namespace}/${name}`,
  };
}

/** Nothing keeps an `emit` from a source that is no text. */
function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

/** Events of one instance stay in order, and events of one source and subject where there is no instance. */
function keyOf({ instanceId }: OutboxEvent, { source, subject }: Filtered): string {
  if (instanceId !== undefined) return instanceId;
  const hash = createHash("sha256").update(JSON.stringify([source, subject ?? null]));
  return `#${hash.digest("hex").slice(0, 16)}`;
}
