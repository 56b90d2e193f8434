/**
 * Gathers what the decisions of one batch write. Waits are merged by key: what one decision of the batch asks for and a
 * later one takes back is never written.
 */
import type { Digest, Value } from "../payloads/payloads.ts";
import type { ReturnedEvent, SubscriptionRow } from "../store/events.ts";
import type {
  ActivityRow,
  Batch,
  ChildRow,
  ConsumedRow,
  DecisionRow,
  DeletedSchedule,
  Epoch,
  EventRow,
  HistoryRow,
  InboxRow,
  InstanceRow,
  KeyRow,
  OutboxRow,
  PayloadRefRow,
  TimerRow,
  WaitKey,
  WrittenSchedule,
} from "../store/store.ts";
import { replaces } from "../store/store.ts";

export class BatchBuilder {
  readonly created: InstanceRow[] = [];
  readonly updated: InstanceRow[] = [];
  readonly revived: Pick<InstanceRow, "partition" | "id">[] = [];
  readonly keys: KeyRow[] = [];
  readonly history: HistoryRow[] = [];
  readonly sent: InboxRow[] = [];
  readonly consumed: ConsumedRow[] = [];
  readonly events: EventRow[] = [];
  readonly outbox: OutboxRow[] = [];
  readonly schedules: WrittenSchedule[] = [];
  readonly deletedSchedules: DeletedSchedule[] = [];
  /** By schedule, time and key. */
  readonly #decisions = new Map<string, DecisionRow>();
  readonly activities = new Waits<ActivityRow>();
  readonly timers = new Waits<TimerRow>();
  readonly children = new Waits<ChildRow>();
  readonly subscriptions = new Waits<SubscriptionRow>();
  /** Whose subscriptions are all to go. */
  readonly endedTargets: string[] = [];
  readonly returned: ReturnedEvent[] = [];
  latestDue = 0;
  /** Large values that are to be stored before the batch is written: by tenant and digest. */
  readonly values = new Map<string, Map<Digest, Value>>();
  /** By holder and digest. */
  readonly #payloadRefs = new Map<string, PayloadRefRow>();
  readonly #once = new Set<string>();

  get empty(): boolean {
    return (
      this.created.length +
        this.updated.length +
        this.consumed.length +
        this.schedules.length +
        this.deletedSchedules.length +
        this.activities.size +
        this.timers.size +
        this.children.size +
        this.subscriptions.size ===
      0
    );
  }

  /** @returns false for what counts `once` and is consumed already */
  consume({ partition, id }: ConsumedRow, once: boolean): boolean {
    if (once && this.#once.has(id)) return false;
    if (once) this.#once.add(id);
    this.consumed.push(once ? { partition, id, once } : { partition, id });
    return true;
  }

  /** The timer was taken up: its row goes, unless it was set anew since; and it must have been due. */
  fire({ partition, instanceId, timerId, fireAt }: TimerRow): void {
    this.timers.end({ partition, instanceId, id: timerId, fireAt });
    this.latestDue = Math.max(this.latestDue, fireAt);
  }

  /** What became of a time; the last word counts, as {@link replaces} has it. */
  addDecision(row: DecisionRow): void {
    const name = `${row.scheduleId}/${row.nominal}/${row.key}`;
    const known = this.#decisions.get(name);
    if (known === undefined || replaces(row, known)) this.#decisions.set(name, row);
  }

  /** A row of the batch refers to a payload. */
  refer(row: PayloadRefRow): void {
    this.#payloadRefs.set(`${row.holder} ${row.digest}`, row);
  }

  keep(tenant: string, values: readonly Value[]): void {
    const known = this.values.get(tenant) ?? new Map<Digest, Value>();
    for (const value of values) known.set(value.digest, value);
    this.values.set(tenant, known);
  }

  /** In one order always: two batches that wait for rows of each other would wait for ever. */
  #refs(): readonly PayloadRefRow[] {
    if (this.#payloadRefs.size === 0) return [];
    return [...this.#payloadRefs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }

  /** @param epochOf the epoch of a partition this node owns; the batch touches only such partitions */
  build(epochOf: (partition: number) => number): Batch {
    const partitions = new Set<number>();
    const { created, updated, consumed, schedules, deletedSchedules } = this;
    for (const rows of [created, updated, consumed, schedules, deletedSchedules])
      for (const { partition } of rows) partitions.add(partition);
    for (const wait of [this.activities, this.timers, this.children, this.subscriptions])
      for (const partition of wait.partitions()) partitions.add(partition);
    const epochs: Epoch[] = [...partitions].map((partition) => ({
      partition,
      epoch: epochOf(partition),
    }));
    return {
      epochs,
      created: this.created,
      updated: this.updated,
      revived: this.revived,
      keys: this.keys,
      history: this.history,
      activities: this.activities.added(),
      endedActivities: this.activities.ended(),
      timers: this.timers.added(),
      endedTimers: this.timers.ended(),
      ...(this.latestDue > 0 ? { latestDue: this.latestDue } : {}),
      children: this.children.added(),
      endedChildren: this.children.ended(),
      sent: this.sent,
      consumed: this.consumed,
      events: this.events,
      outbox: this.outbox,
      subscriptions: this.subscriptions.added(),
      endedSubscriptions: this.subscriptions.ended(),
      endedTargets: this.endedTargets,
      returned: this.returned,
      schedules,
      deletedSchedules,
      decisions: [...this.#decisions.values()],
      payloadRefs: this.#refs(),
    };
  }
}

/** Waits of one kind: added, ended, or neither after both. */
class Waits<R extends { readonly partition: number; readonly fireAt?: number }> {
  readonly #added = new Map<string, R>();
  readonly #ended = new Map<string, WaitKey>();

  get size(): number {
    return this.#added.size + this.#ended.size;
  }

  /** True when this batch added it and has not ended it. */
  has(instanceId: string, id: string): boolean {
    return this.#added.has(`${instanceId}/${id}`);
  }

  get(instanceId: string, id: string): R | undefined {
    return this.#added.get(`${instanceId}/${id}`);
  }

  add(instanceId: string, id: string, row: R): void {
    this.#added.set(`${instanceId}/${id}`, row);
  }

  /** Ends a wait. One that this batch added was never written, unless a row of the same name is to go as well. */
  end(key: WaitKey): void {
    const name = `${key.instanceId}/${key.id}`;
    const added = this.#added.get(name);
    const setAgain = key.fireAt !== undefined && added !== undefined && added.fireAt !== key.fireAt;
    if (!setAgain) this.#added.delete(name);
    // A clearing without a time means whatever row there is: a later firing must not narrow it.
    if (this.#ended.get(name)?.fireAt !== undefined || !this.#ended.has(name))
      this.#ended.set(name, key);
  }

  added(): readonly R[] {
    return [...this.#added.values()];
  }
  ended(): readonly WaitKey[] {
    return [...this.#ended.values()];
  }
  *partitions(): Iterable<number> {
    for (const row of this.#added.values()) yield row.partition;
    for (const key of this.#ended.values()) yield key.partition;
  }
}
