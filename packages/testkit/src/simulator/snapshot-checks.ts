/**
 * What has to hold in every committed snapshot (design, "Invariants"): checked at the instant of each commit, for the
 * instances that it touched.
 */
import { isTerminal, type State } from "@millrace/engine";
import type { Batch, ChildRow, InboxRow, InstanceRow, StoreError } from "@millrace/server/ports";
import type { Database, DatabaseListener } from "./database.ts";
import { EventChecks } from "./event-checks.ts";
import { PayloadChecks } from "./payload-checks.ts";
import { awaited, disagreement, fold, same } from "./fold.ts";
import { ScheduleChecks } from "./schedule-checks.ts";
import { sightAfter, sightBefore } from "./sightings.ts";
import type { Surroundings } from "./surroundings.ts";

export class SnapshotChecks implements DatabaseListener {
  /** Activities that stood in a committed snapshot, by instance and id. */
  readonly committedActivities = new Set<string>();
  readonly schedules: ScheduleChecks;
  readonly events: EventChecks;
  readonly payloads: PayloadChecks;
  readonly #epochs = new Map<number, number>();
  /** Epochs that have decided an instance. */
  readonly #deciders = new Map<string, Set<number>>();
  readonly #around: () => Surroundings;

  constructor(around: () => Surroundings) {
    this.#around = around;
    this.schedules = new ScheduleChecks(around);
    this.events = new EventChecks(around);
    this.payloads = new PayloadChecks(around);
  }

  get #database(): Database {
    return this.#around().database;
  }

  committing(batch: Batch): void {
    sightBefore(batch, this.#around());
    this.events.committing(batch);
    this.payloads.committing(batch);
  }

  committed(batch: Batch): void {
    const { trace } = this.#around();
    for (const { partition, epoch } of batch.epochs) this.#fence(partition, epoch);
    this.#covered(batch);
    for (const { instanceId, activityId } of batch.activities)
      this.committedActivities.add(`${instanceId}/${activityId}`);
    for (const row of [...batch.created, ...batch.updated])
      for (const id of openIn(row)) this.committedActivities.add(`${row.id}/${id}`);
    for (const row of [...batch.created, ...batch.updated]) {
      trace(`db: ${row.id.slice(-6)} ${row.name} revision ${row.revision} ${row.status}`);
      this.#decidedBy(row.id, batch, row.partition);
    }
    sightAfter(batch, this.#around());
    this.schedules.committed(batch);
    this.payloads.committed(batch);
    for (const id of touchedBy(batch)) this.#check(id);
  }

  refused(batch: Batch, error: StoreError): void {
    const { met, violation, time, uncertain } = this.#around();
    if (error.kind === "stale-epoch") return met("a commit of a stale epoch was refused");
    const due = batch.latestDue ?? 0;
    // What a node takes for the database's time is never ahead of it, however its clock drifts; unless that was set back.
    if (due > time.highest)
      return violation(`a timer was taken up ${due - time.highest} ms before its time`);
    if (due > time.now) return met("a timer had to wait again because the clock was set back");
    // What is read again after a partition was taken again may be on its way already; the database lets it through once.
    if (error.message.startsWith("there is no payload"))
      return met("a value was swept before it was referred to");
    if (error.message.endsWith("was consumed")) return met("an event came twice to its owner");
    // An owner whose epoch is the newest knows what the database has, but for what it sent and never heard of.
    const rows = [
      ...batch.created,
      ...batch.updated,
      ...batch.schedules,
      ...batch.deletedSchedules,
      ...batch.consumed,
    ];
    if (!rows.some(({ id }) => uncertain.has(id)))
      violation(`an owner built on what is not there: ${error.message}`);
  }

  /** Invariant 3. */
  #fence(partition: number, epoch: number): void {
    const newest = this.#epochs.get(partition) ?? 0;
    if (epoch < newest)
      this.#around().violation(`epoch ${epoch} wrote in partition ${partition} after ${newest}`);
    this.#epochs.set(partition, epoch);
  }

  /** Whatever is written in a partition is written under its epoch; messages alone cross over. */
  #covered(batch: Batch): void {
    const epochs = new Set(batch.epochs.map(({ partition }) => partition));
    const written = [
      ...batch.created,
      ...batch.updated,
      ...batch.keys,
      ...batch.history,
      ...batch.activities,
      ...batch.timers,
      ...batch.children,
      ...batch.endedActivities,
      ...batch.endedTimers,
      ...batch.endedChildren,
      ...batch.consumed,
      ...batch.schedules,
      ...batch.deletedSchedules,
      ...batch.decisions,
    ];
    for (const { partition } of written)
      if (!epochs.has(partition))
        this.#around().violation(`partition ${partition} was written without its epoch`);
  }

  #decidedBy(id: string, batch: Batch, partition: number): void {
    const epoch = batch.epochs.find((each) => each.partition === partition)?.epoch ?? -1;
    const deciders = this.#deciders.get(id) ?? new Set();
    this.#deciders.set(id, deciders.add(epoch));
    if (deciders.size === 3) this.#around().met("an instance was decided by three epochs");
  }

  #check(id: string): void {
    const { violation } = this.#around();
    const row = this.#database.instances.get(id);
    if (row === undefined) return;
    const wrong = (what: string): void => violation(`${row.name} ${id}: ${what}`);
    const state = this.#database.stateOf(row);
    try {
      const folded = fold(this.#database.factsOf(row));
      const difference = disagreement(state, folded);
      if (difference !== undefined) wrong(`state and history differ: ${difference}`);
    } catch (error) {
      wrong((error as Error).message);
    }
    if (row.status !== state.status || row.seq !== state.seq) wrong("row and state differ");
    if (isTerminal(row.status) !== (row.endedAt !== undefined)) wrong("its end has no time");
    this.#checkWaits(id, state, wrong);
  }

  /** Invariant 5, and more: what the state waits for is there, and nothing else. */
  #checkWaits(id: string, state: State, wrong: (what: string) => void): void {
    const expected = awaited(state);
    const db = this.#database;
    const of = <T extends { readonly instanceId: string }>(rows: Iterable<T>): T[] =>
      [...rows].filter(({ instanceId }) => instanceId === id);
    const children = [...db.children.values()].filter(({ parentId }) => parentId === id);
    const actual = {
      activities: [
        ...of(db.activities.values()).map(({ activityId }) => activityId),
        ...openIn(db.instances.get(id)),
      ].toSorted(),
      timers: of(db.timers.values())
        .map(({ timerId, fireAt }) => `${timerId}@${fireAt}`)
        .toSorted(),
      children: children.map(({ childId }) => childId).toSorted(),
    };
    if (!same(actual, expected))
      return wrong(`waits for ${JSON.stringify(expected)}, rows ${JSON.stringify(actual)}`);
    for (const child of children)
      if (!this.#willReport(child)) wrong(`child ${child.childId} will never report`);
    const waits = expected.activities.length + expected.timers.length + expected.children.length;
    if (waits > 0 || isTerminal(state.status) || state.status === "suspended") return;
    const listens = [...db.waits.subscriptions.values()].some(({ targetId }) => targetId === id);
    if (!listens && of(db.inbox.values()).length === 0) wrong("no wake source");
  }

  #willReport({ childInstanceId, parentId, childId }: ChildRow): boolean {
    const { instances, inbox } = this.#database;
    const child = instances.get(childInstanceId);
    if (child !== undefined && !isTerminal(child.status)) return true;
    const mail = [...inbox.values()].map(readMail);
    if (child === undefined)
      return mail.some(({ to, kind }) => to === childInstanceId && kind === "start");
    return mail.some((each) => each.to === parentId && each.childId === childId);
  }
}

/** Ids of the open activities kept in an instance's row. */
function openIn(row: InstanceRow | undefined): readonly string[] {
  if (row?.activities === undefined) return [];
  const open = JSON.parse(row.activities) as { request: { activityId: string } }[];
  return open.map(({ request }) => request.activityId);
}

interface ReadMail {
  readonly to: string;
  readonly kind: string;
  readonly childId?: string;
}

export function readMail({ instanceId, command }: InboxRow): ReadMail {
  const mail = JSON.parse(command) as { command: { kind: string; childId?: string } };
  return { to: instanceId, ...mail.command };
}

function touchedBy(batch: Batch): ReadonlySet<string> {
  const touched = new Set<string>();
  for (const { id, parentId } of [...batch.created, ...batch.updated]) {
    touched.add(id);
    if (parentId !== undefined) touched.add(parentId);
  }
  for (const waits of [batch.endedActivities, batch.endedTimers, batch.endedChildren])
    for (const { instanceId } of waits) touched.add(instanceId);
  for (const rows of [batch.activities, batch.timers])
    for (const { instanceId } of rows) touched.add(instanceId);
  return touched;
}
