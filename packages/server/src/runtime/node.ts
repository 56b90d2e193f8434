/**
 * One engine node: the owner's loop, the dispatcher of activities, and the services around them, wired over ports. It
 * knows no database: on PostgreSQL, and in the simulator, it is the same node.
 *
 * Order matters at the start: a partition's lost activities, timers and inbox are read after it is owned, so nothing that an
 * earlier owner wrote in its last transaction is missed.
 */
import { partitionOf } from "@millrace/protocol";
import type { ActivityExecutor, RemoteWork } from "../activities/executor.ts";
import type { Clock } from "../clock.ts";
import type { Coordinator } from "../cluster/coordinator.ts";
import type { Ingest } from "../events/ingest.ts";
import { type EventServices, eventServices, type EventTimes } from "../events/services.ts";
import type { Logger } from "../logger.ts";
import type { WantedTypes } from "../outgoing/outbox.ts";
import { deliveryOf, Dispatcher, type DispatcherConfig } from "../owner/dispatcher.ts";
import type { FactListener, Tracing } from "../owner/facts.ts";
import type { LargeStore } from "../payloads/parted.ts";
import { inboxService } from "../owner/inbox.ts";
import { type Leases, leaseService } from "../owner/leases.ts";
import { Owner, type OwnerConfig, type OwnerListener } from "../owner/owner.ts";
import { reconciler } from "../owner/reconciler.ts";
import type { Service } from "../owner/service.ts";
import { Timers } from "../owner/timers.ts";
import { calendar } from "../scheduler/calendar.ts";
import type { Times } from "../scheduler/decided.ts";
import { decisionRetention } from "../scheduler/retention.ts";
import type { EventStore } from "../store/events.ts";
import type { Epoch, OwnerStore } from "../store/store.ts";
import type { DatabaseClock } from "./database-clock.ts";
import { Starts } from "./start.ts";

export interface NodePorts {
  readonly store: OwnerStore;
  readonly events: EventStore;
  readonly coordinator: Coordinator;
  readonly database: DatabaseClock;
  readonly clock: Clock;
  readonly log: Logger;
  readonly executor: ActivityExecutor;
  /** What remote workers do. */
  readonly remote?: RemoteWork | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Ten random bytes. */
  readonly randomBytes: () => Uint8Array;
  /** When schedules are due; without it, there are no calendars. */
  readonly times?: Times;
  readonly compile?: OwnerConfig["compile"];
  /** An instance has a new state, committed here. */
  readonly onProgress: OwnerListener["onProgress"];
  readonly onFacts?: FactListener;
  readonly tracing?: Tracing;
  /** Where large values go; without it, they stay in states, messages and events. */
  readonly large?: LargeStore | undefined;
  /** Which lifecycle events somebody wants. */
  readonly wanted?: WantedTypes;
  /** Events were committed that are on their way out. */
  readonly onOutbox?: () => void;
}

export interface NodeConfig {
  readonly partitions: number;
  /** Milliseconds a lease lasts. */
  readonly lease: number;
  /** Take partitions at the start from whoever holds them. */
  readonly exclusive: boolean;
  /** Activities executed at the same time. */
  readonly concurrency: number;
  /** Milliseconds that running activities have to end when the node stops. */
  readonly drain: number;
  readonly eventTimes: EventTimes;
  /** Milliseconds that decisions of schedules stay on record. */
  readonly scheduleRetention: number;
}

export interface EngineNode {
  readonly owner: Owner;
  readonly dispatcher: Dispatcher;
  readonly timers: Timers;
  readonly leases: Leases;
  readonly starts: Starts;
  readonly ingest: Ingest;
  /** Takes what partitions it can get, and starts the services. */
  start(): Promise<void>;
  /** Commits what was decided and gives the partitions up. */
  stop(): Promise<void>;
}

const RECONCILE = 10_000;
const MAX_QUEUED = 20_000;
const REDELIVER = 10_000;
const RUNTIME = { name: "Millrace", version: "0.1.0" };

interface Parts {
  readonly store: OwnerStore;
  readonly owner: Owner;
  readonly dispatcher: Dispatcher;
  readonly timers: Timers;
  readonly leases: Leases;
  readonly inbox: Service;
  readonly reconciler: Service;
  readonly events: EventServices;
}

export function engineNode(ports: NodePorts, config: NodeConfig): EngineNode {
  const { database, coordinator, random, randomBytes } = ports;
  const parts = wire(ports, config);
  const { store, owner, dispatcher, timers } = parts;
  const databaseNow = (): number => database.now();
  const { partitions } = config;
  const services = [
    database.service,
    parts.leases,
    parts.inbox,
    parts.reconciler,
    timers.service,
    ...parts.events.all,
    decisionRetention({ ...ports, owned: () => owner.owned, retention: config.scheduleRetention }),
  ];
  return {
    owner,
    dispatcher,
    timers,
    leases: parts.leases,
    ingest: parts.events.ingest,
    starts: new Starts({ store, owner, partitions, databaseNow, random, randomBytes }),
    async start() {
      await parts.leases.runOnce();
      for (const each of services) each.start();
    },
    async stop() {
      await dispatcher.stop();
      await timers.stop();
      for (const each of services) await each.stop();
      await owner.stop();
      await coordinator.release(owner.owned).catch(() => {});
    },
  };
}

function wire(ports: NodePorts, config: NodeConfig): Parts {
  const { store, clock, log, coordinator, database, large } = ports;
  const { partitions } = config;
  const { random, randomBytes } = ports;
  const databaseNow = (): number => database.now();
  const common = { store, clock, log, random, databaseNow, large };
  const owner = new Owner(
    {
      ...common,
      randomBytes,
      partitions,
      runtime: RUNTIME,
      times: ports.times ?? calendar,
      maxQueued: MAX_QUEUED,
      ...(ports.compile === undefined ? {} : { compile: ports.compile }),
      ...(ports.tracing === undefined ? {} : { tracing: ports.tracing }),
      ...(ports.wanted === undefined ? {} : { wanted: ports.wanted }),
    },
    listener(() => parts, ports),
  );
  const withOwner = { ...common, owner: () => owner };
  const dispatcher = dispatcherFor(owner, common, ports, config);
  const parts: Parts = {
    store,
    owner,
    dispatcher,
    timers: new Timers(withOwner),
    inbox: inboxService(withOwner),
    events: eventServices({
      ...common,
      store: ports.events,
      randomBytes,
      partitions,
      times: config.eventTimes,
      owner,
      onSent: () => parts.inbox.nudge(),
      onStale: () => parts.leases.nudge(),
    }),
    reconciler: reconciler({ ...withOwner, interval: RECONCILE }),
    leases: leaseService({
      coordinator,
      clock,
      log,
      random,
      ttl: config.lease,
      partitions,
      seize: config.exclusive,
      owned: () => owner.owned,
      onGained: (epochs) => takeOver(parts, epochs),
      onLost: (lost) => {
        owner.lose(lost);
        dispatcher.drop(lost, true);
      },
    }),
  };
  return parts;
}

function dispatcherFor(
  owner: Owner,
  common: Pick<DispatcherConfig, "clock" | "log" | "random" | "large">,
  { executor, remote }: NodePorts,
  { concurrency, drain }: NodeConfig,
): Dispatcher {
  const { counters } = owner;
  const dispatcher = new Dispatcher({ ...common, executor, remote, concurrency, counters, drain });
  dispatcher.attach(owner);
  return dispatcher;
}

function listener(
  parts: () => Parts,
  { onProgress, onFacts, onOutbox }: Pick<NodePorts, "onProgress" | "onFacts" | "onOutbox">,
): OwnerListener {
  return {
    onCommitted(after) {
      const { dispatcher, timers, inbox, events } = parts();
      dispatcher.dispatch(after.deliveries);
      for (const next of after.next) dispatcher.next(next);
      for (const { instanceId, activityId } of after.cancelled)
        dispatcher.cancel(instanceId, activityId);
      for (const timer of after.clearedTimers) timers.remove(timer);
      timers.add(after.timers);
      if (after.mail.size > 0) inbox.nudge();
      if (after.looks.size > 0) events.look.nudge();
      else events.goOn();
      if (after.outbox) onOutbox?.();
    },
    onProgress,
    ...(onFacts === undefined ? {} : { onFacts }),
    onStale: () => parts().leases.nudge(),
    onUnknown: () => parts().leases.retake(),
  };
}

async function takeOver(parts: Parts, epochs: readonly Epoch[]): Promise<void> {
  const partitions = epochs.map(({ partition }) => partition);
  parts.owner.gain(epochs);
  parts.timers.drop(partitions);
  parts.dispatcher.drop(partitions);
  await redeliver(parts, epochs);
  await parts.timers.service.runOnce();
  parts.inbox.nudge();
  parts.events.match.nudge();
  parts.events.look.nudge();
}

/** What an earlier owner had delivered is lost with it. */
async function redeliver(parts: Parts, epochs: readonly Epoch[]): Promise<void> {
  const { store, dispatcher, owner } = parts;
  for (;;) {
    const rows = await store.redeliverable(epochs, REDELIVER);
    dispatcher.dispatch(rows.map(deliveryOf));
    if (rows.length < REDELIVER) break;
  }
  const partitions = epochs.map(({ partition }) => partition);
  for (let after: string | undefined = ""; after !== undefined; ) {
    const ids: readonly string[] = await store.withActivities(partitions, after, REDELIVER);
    for (const instanceId of ids) {
      const partition = partitionOf(instanceId);
      owner.submit({ instanceId, partition, command: { kind: "redeliver" } });
    }
    after = ids.length < REDELIVER ? undefined : ids.at(-1);
  }
}
