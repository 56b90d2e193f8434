/**
 * The database as the store port describes it, in memory: what PostgreSQL does with the same batch, and nothing of how. A
 * batch is written whole at one instant, with the check of its epochs; so is every other question.
 */
import {
  type ActivityRow,
  type Batch,
  type ChildRow,
  type DecisionRow,
  type Epoch,
  type EventRow,
  type InboxRow,
  type InstanceRow,
  type KeyName,
  type KeyRow,
  replaces,
  type OutboxRow,
  type OrphansFound,
  type ScheduleRow,
  type ScheduleState,
  type StoredDefinition,
  StoreError,
  type TimerRow,
  type WaitKey,
  type WorkflowVersion,
} from "@millrace/server/ports";
import { type HistoryEvent, loadState, type State } from "@millrace/engine";
import { EventTables } from "./event-tables.ts";
import { PayloadSweeps, type SweepWatch } from "./payload-sweeps.ts";
import { PayloadTables } from "./payload-tables.ts";

/** An activity with the epoch that delivered it last. */
export type StoredActivity = ActivityRow & { readonly epoch: number };
/** A timer with the epoch and the instant at which it was set. */
export type StoredTimer = TimerRow & { readonly epoch: number; readonly setAt: number };

export interface Lease {
  epoch: number;
  owner: string | undefined;
  until: number;
  /** Who owned it last, or owns it. */
  leader: string | undefined;
}

export interface DatabaseListener {
  readonly payloads: SweepWatch;
  /** Called just before a batch is written that will not be refused. */
  committing(batch: Batch): void;
  /** Called at the instant of the commit, on what stands then. */
  committed(batch: Batch): void;
  /** A batch was refused. */
  refused(batch: Batch, error: StoreError): void;
}

export class Database {
  readonly leases: Lease[];
  readonly workflows = new Map<string, string>();
  readonly instances = new Map<string, InstanceRow>();
  readonly history = new Map<string, HistoryEvent[]>();
  readonly keys = new Map<string, KeyRow>();
  readonly activities = new Map<string, StoredActivity>();
  readonly timers = new Map<string, StoredTimer>();
  readonly children = new Map<string, ChildRow>();
  readonly inbox = new Map<string, InboxRow>();
  readonly events = new Map<string, EventRow>();
  readonly outbox: OutboxRow[] = [];
  readonly waits: EventTables;
  readonly payloads: PayloadTables;
  readonly sweeps: PayloadSweeps;
  readonly schedules = new Map<string, ScheduleRow>();
  readonly decisions = new Map<string, DecisionRow>();
  readonly #now: () => number;
  readonly #listener: DatabaseListener;

  /** @param now epoch milliseconds, whole */
  constructor(partitions: number, now: () => number, listener: DatabaseListener) {
    this.leases = Array.from({ length: partitions }, () => ({
      epoch: 0,
      owner: undefined,
      until: 0,
      leader: undefined,
    }));
    this.#now = now;
    this.payloads = new PayloadTables(now);
    this.sweeps = new PayloadSweeps(this.payloads, this, now, listener.payloads);
    this.waits = new EventTables(this.inbox, this.payloads, now);
    this.#listener = listener;
  }

  /** @throws {StoreError} `stale-epoch` or `conflict` */
  commit(batch: Batch): void {
    const refusal = this.#refusal(batch);
    if (refusal !== undefined) {
      this.#listener.refused(batch, refusal);
      throw refusal;
    }
    this.#listener.committing(batch);
    const epochOf = new Map(batch.epochs.map(({ partition, epoch }) => [partition, epoch]));
    for (const row of [...batch.created, ...batch.updated]) this.instances.set(row.id, row);
    for (const row of batch.keys) this.keys.set(keyName(row), row);
    for (const { instanceId, events } of batch.history)
      this.history.set(instanceId, [...(this.history.get(instanceId) ?? []), ...events]);
    for (const key of batch.endedActivities) this.activities.delete(waitName(key));
    for (const row of batch.activities)
      this.activities.set(rowName(row, row.activityId), {
        ...row,
        epoch: epochOf.get(row.partition) ?? -1,
      });
    for (const key of batch.endedTimers) {
      const row = this.timers.get(waitName(key));
      if (key.fireAt === undefined || row?.fireAt === key.fireAt) this.timers.delete(waitName(key));
    }
    for (const row of batch.timers)
      this.timers.set(rowName(row, row.timerId), {
        ...row,
        epoch: epochOf.get(row.partition) ?? -1,
        setAt: this.#now(),
      });
    for (const key of batch.endedChildren) this.children.delete(waitName(key));
    for (const row of batch.children) this.children.set(childName(row), row);
    this.waits.commit(batch);
    for (const { id } of batch.consumed) this.inbox.delete(id);
    for (const row of batch.sent) this.inbox.set(row.id, row);
    for (const row of batch.events) this.events.set(row.id, row);
    this.outbox.push(...batch.outbox);
    for (const { id } of batch.deletedSchedules) this.schedules.delete(id);
    for (const row of batch.schedules) this.schedules.set(row.id, row);
    for (const row of batch.decisions) {
      const known = this.decisions.get(decisionName(row));
      if (known === undefined || replaces(row, known)) this.decisions.set(decisionName(row), row);
    }
    this.payloads.refer(batch.payloadRefs);
    this.#listener.committed(batch);
  }

  /** An instance's state, with its large values. */
  stateOf({ tenant, state }: InstanceRow): State {
    return loadState(this.payloads.whole(tenant, state));
  }

  /** A schedule's state, with its large values. */
  scheduleOf({ tenant, state }: ScheduleRow): ScheduleState {
    return this.payloads.whole(tenant, state) as ScheduleState;
  }

  /** Everything of an instance, or a schedule, that may mention payloads. */
  *textsOf(holder: string): Iterable<string> {
    const row = this.instances.get(holder);
    if (row !== undefined) yield row.state;
    if (row?.activities !== undefined) yield row.activities;
    for (const fact of this.history.get(holder) ?? [])
      if ("$refs" in fact) yield JSON.stringify(fact);
    for (const { instanceId, command } of this.inbox.values())
      if (instanceId === holder) yield command;
    for (const { instanceId, request } of this.activities.values())
      if (instanceId === holder) yield request;
    const schedule = this.schedules.get(holder);
    if (schedule !== undefined) yield schedule.state;
  }

  revisionOf(instance: string): number | undefined {
    return (this.instances.get(instance) ?? this.schedules.get(instance))?.revision;
  }

  expects(instance: string): boolean {
    const of = ({ instanceId }: { readonly instanceId: string }): boolean =>
      instanceId === instance;
    return [...this.inbox.values()].some(of) || [...this.activities.values()].some(of);
  }

  hasEvent(id: string): boolean {
    return this.events.has(id) || [...this.waits.received.values()].some((row) => row.id === id);
  }

  /** An instance's history, with its large values. */
  factsOf({ tenant, id }: InstanceRow): readonly HistoryEvent[] {
    const facts = this.history.get(id) ?? [];
    return facts.map((fact) =>
      "$refs" in fact ? (this.payloads.whole(tenant, JSON.stringify(fact)) as HistoryEvent) : fact,
    );
  }

  /** Why the database would not write it. */
  #refusal(batch: Batch): StoreError | undefined {
    for (const { partition, epoch } of batch.epochs)
      if (this.leases[partition]?.epoch !== epoch)
        return new StoreError("stale-epoch", `partition ${partition} has another owner`);
    const conflict = (message: string): StoreError => new StoreError("conflict", message);
    if ((batch.latestDue ?? 0) > this.#now())
      return conflict(`a timer due at ${batch.latestDue} fired at ${this.#now()}`);
    for (const row of batch.updated)
      if (this.instances.get(row.id)?.revision !== row.revision - 1)
        return conflict(`${row.id} is not at revision ${row.revision - 1}`);
    const revived = new Set(batch.revived.map(({ id }) => id));
    for (const { id } of batch.updated)
      if ((this.instances.get(id)?.endedAt !== undefined) !== revived.has(id))
        return conflict(`${id} ${revived.has(id) ? "has not" : "has"} ended`);
    for (const row of batch.created)
      if (this.instances.has(row.id)) return conflict(`${row.id} exists`);
    for (const row of batch.keys)
      if (this.keys.has(keyName(row))) return conflict(`the key ${row.key} exists`);
    for (const { instanceId, events } of batch.history) {
      const last = this.history.get(instanceId)?.at(-1)?.seq ?? 0;
      if (events.length > 0 && events[0]?.seq !== last + 1)
        return conflict(`${instanceId} has ${last} facts, and ${events[0]?.seq} comes`);
    }
    for (const { id, revision, inPlaceOf } of batch.schedules)
      if (!this.#isAt(id, revision - 1, inPlaceOf))
        return conflict(`schedule ${id} is not at revision ${revision - 1}`);
    for (const { id, revision, createdAt } of batch.deletedSchedules)
      if (!this.#isAt(id, revision, createdAt))
        return conflict(`schedule ${id} is not at revision ${revision}`);
    const ended = new Set([...batch.endedActivities, ...batch.endedChildren].map(waitName));
    for (const row of batch.activities) {
      const name = rowName(row, row.activityId);
      if (this.activities.has(name) && !ended.has(name)) return conflict(`activity ${name} exists`);
    }
    for (const row of batch.children) {
      const name = childName(row);
      if (this.children.has(name) && !ended.has(name)) return conflict(`child ${name} exists`);
    }
    for (const { id, once } of batch.consumed)
      if (once === true && !this.inbox.has(id)) return conflict(`message ${id} was consumed`);
    for (const row of batch.sent)
      if (this.inbox.has(row.id)) return conflict(`message ${row.id} exists`);
    const missing = this.payloads.missing(batch.payloadRefs);
    if (missing !== undefined) return conflict(`there is no payload ${missing.digest}`);
    return undefined;
  }

  #isAt(schedule: string, revision: number, createdAt: number | undefined): boolean {
    const row = this.schedules.get(schedule);
    return (row?.revision ?? 0) === revision && row?.createdAt === createdAt;
  }

  loadInstances(ids: readonly string[]): readonly InstanceRow[] {
    return ids.flatMap((id) => this.instances.get(id) ?? []);
  }

  loadSchedules(ids: readonly string[]): readonly ScheduleRow[] {
    return ids.flatMap((id) => this.schedules.get(id) ?? []);
  }

  loadKeys(keys: readonly KeyName[]): readonly KeyRow[] {
    return keys.flatMap((key) => this.keys.get(keyName(key)) ?? []);
  }

  dueTimers(
    partitions: readonly number[],
    from: number,
    until: number,
    limit: number,
  ): readonly TimerRow[] {
    return [...this.timers.values()]
      .filter(({ fireAt }) => from <= fireAt && fireAt <= until)
      .filter(({ partition }) => partitions.includes(partition))
      .toSorted((a, b) => a.fireAt - b.fireAt)
      .slice(0, limit);
  }

  readInbox(partitions: readonly number[], limit: number): readonly InboxRow[] {
    return [...this.inbox.values()]
      .filter((row) => partitions.includes(row.partition))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  unconsumed(messages: readonly Pick<InboxRow, "id">[]): ReadonlySet<string> {
    return new Set(messages.map(({ id }) => id).filter((id) => this.inbox.has(id)));
  }

  /** @throws {StoreError} `stale-epoch` */
  checkEpochs(epochs: readonly Epoch[]): readonly number[] {
    for (const { partition, epoch } of epochs)
      if (this.leases[partition]?.epoch !== epoch)
        throw new StoreError("stale-epoch", `partition ${partition} has another owner`);
    return epochs.map(({ partition }) => partition);
  }

  /** @throws {StoreError} `stale-epoch` */
  redeliverable(epochs: readonly Epoch[], limit: number): readonly ActivityRow[] {
    this.checkEpochs(epochs);
    const epochOf = new Map(epochs.map(({ partition, epoch }) => [partition, epoch]));
    const lost = [...this.activities.values()]
      .filter((row) => row.epoch < (epochOf.get(row.partition) ?? -1))
      .slice(0, limit);
    return lost.map((row) => {
      const epoch = epochOf.get(row.partition) ?? -1;
      const again = { ...row, attempt: row.attempt + 1, epoch };
      this.activities.set(rowName(row, row.activityId), again);
      return again;
    });
  }

  withActivities(partitions: readonly number[], after: string, limit: number): readonly string[] {
    return [...this.instances.values()]
      .filter(({ partition, activities }) => partitions.includes(partition) && activities)
      .map(({ id }) => id)
      .filter((id) => id > after)
      .toSorted()
      .slice(0, limit);
  }

  orphans(partitions: readonly number[], after: string, stretch: number): OrphansFound {
    const live = [...this.instances.values()]
      .filter(({ id, endedAt }) => endedAt === undefined && id > after)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, stretch);
    const awake = new Set<string>();
    for (const row of this.activities.values()) awake.add(row.instanceId);
    for (const row of this.timers.values()) awake.add(row.instanceId);
    for (const row of this.children.values()) awake.add(row.parentId);
    for (const row of this.inbox.values()) awake.add(row.instanceId);
    for (const row of this.waits.subscriptions.values()) awake.add(row.targetId);
    const orphans = live.filter(
      ({ id, partition, status, activities }) =>
        partitions.includes(partition) &&
        status !== "suspended" &&
        activities === undefined &&
        !awake.has(id),
    );
    return { orphans, next: live.length < stretch ? "" : (live.at(-1)?.id ?? "") };
  }

  definition({ namespace, name, version }: WorkflowVersion): StoredDefinition | undefined {
    const text = this.workflows.get(`${namespace}/${name}/${version}`);
    return text === undefined ? undefined : { text };
  }

  latestVersion({ namespace, name }: Omit<WorkflowVersion, "version">): string | undefined {
    const start = `${namespace}/${name}/`;
    return [...this.workflows.keys()].find((each) => each.startsWith(start))?.slice(start.length);
  }

  /** As the coordinator's `acquire`, by this database's clock. */
  acquire(node: string, wanted: readonly number[], ttl: number, seize: boolean): readonly Epoch[] {
    const taken: Epoch[] = [];
    for (const partition of wanted) {
      const lease = this.leases[partition];
      if (lease === undefined) continue;
      const free = lease.owner === undefined || lease.owner === node || lease.until < this.#now();
      if (!free && !seize) continue;
      lease.epoch += 1;
      lease.owner = node;
      lease.leader = node;
      lease.until = this.#now() + ttl;
      taken.push({ partition, epoch: lease.epoch });
    }
    return taken;
  }

  renew(node: string, held: readonly Epoch[], ttl: number): readonly Epoch[] {
    const kept = held.filter((each) => this.#holds(node, each));
    for (const { partition } of kept) {
      const lease = this.leases[partition];
      if (lease !== undefined) lease.until = this.#now() + ttl;
    }
    return kept;
  }

  release(node: string, held: readonly Epoch[]): void {
    for (const each of held) {
      const lease = this.leases[each.partition];
      if (lease !== undefined && this.#holds(node, each)) lease.owner = undefined;
    }
  }

  #holds(node: string, { partition, epoch }: Epoch): boolean {
    const lease = this.leases[partition];
    return lease?.epoch === epoch && lease.owner === node;
  }
}

function keyName({ tenant, namespace, name, key }: KeyName): string {
  return JSON.stringify([tenant, namespace, name, key]);
}
function decisionName({ scheduleId, nominal, key }: DecisionRow): string {
  return `${scheduleId}/${nominal}/${key}`;
}
function rowName({ instanceId }: { readonly instanceId: string }, id: string): string {
  return `${instanceId}/${id}`;
}
export function waitName({ instanceId, id }: WaitKey): string {
  return `${instanceId}/${id}`;
}
function childName({ parentId, childId }: ChildRow): string {
  return `${parentId}/${childId}`;
}
