/**
 * The store port: what the owner's loop and the API need of a database. One implementation speaks to PostgreSQL.
 *
 * Instants are epoch milliseconds of the database. A transaction never spans shards.
 */
import type { ActivityType, HistoryEvent, Status } from "@millrace/engine";
import type { ReturnedEvent, SubscriptionRow } from "./events.ts";

/** A partition this node believes it owns, with its fencing token. */
export interface Epoch {
  readonly partition: number;
  readonly epoch: number;
}

export interface InstanceRow {
  readonly id: string;
  readonly partition: number;
  readonly tenant: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly status: Status;
  /** 0 (first) … 4 (last); set at the start. */
  readonly priority: number;
  /** Commits so far, this one included: 1 for a new instance. */
  readonly revision: number;
  readonly seq: number;
  /** The state as JSON text. */
  readonly state: string;
  /** JSON array of the open activities kept with the instance; absent when there are none. */
  readonly activities?: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  // Also present and undefined: rows of one shape are faster.
  readonly endedAt?: number | undefined;
  readonly parentId?: string | undefined;
  readonly parentChildId?: string | undefined;
}
export interface HistoryRow {
  readonly partition: number;
  readonly instanceId: string;
  /** A large value in one stands in its `$refs`; see payloads/spill.ts. So in states, requests and commands as well. */
  readonly events: readonly HistoryEvent[];
  /** The same as JSON text, where it was made already. */
  readonly text?: string;
}
/** An activity kept apart from its instance's row, because that has many or this one is large. */
export interface ActivityRow {
  readonly partition: number;
  readonly instanceId: string;
  readonly activityId: string;
  readonly attempt: number;
  readonly type: ActivityType;
  /** The request as JSON text. */
  readonly request: string;
}
export interface TimerRow {
  readonly partition: number;
  readonly instanceId: string;
  readonly timerId: string;
  readonly fireAt: number;
}
export interface ChildRow {
  readonly partition: number;
  readonly parentId: string;
  readonly childId: string;
  readonly childInstanceId: string;
}
export interface InboxRow {
  readonly partition: number;
  readonly id: string;
  readonly instanceId: string;
  /** The command as JSON text. */
  readonly command: string;
}
export interface KeyRow {
  readonly partition: number;
  readonly tenant: string;
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  /** SHA-256 of the request. */
  readonly digest: string;
  readonly instanceId: string;
  readonly at: number;
}
export interface EventRow {
  readonly partition: number;
  readonly id: string;
  readonly tenant: string;
  readonly direction: "received" | "emitted";
  readonly source: string;
  readonly eventId: string;
  readonly type: string;
  readonly event: string;
  readonly instanceId?: string;
  readonly at: number;
}
/** An event made here, on its way to whoever wants it. */
export interface OutboxRow {
  readonly partition: number;
  readonly tenant: string;
  readonly instanceId: string;
  /** Of the instance's workflow. */
  readonly namespace: string;
  readonly name: string;
  /** By an `emit`, not because somebody wants to know what becomes of the instance. */
  readonly emitted: boolean;
  /** The CloudEvent as JSON text. */
  readonly event: string;
}
/** Says that something refers to a payload, which then cannot be deleted. */
export interface PayloadRefRow {
  /** An instance or a schedule, for what is its own or in its inbox; an event's row. */
  readonly holder: string;
  readonly tenant: string;
  /** SHA-256, 64 hexadecimal digits. */
  readonly digest: string;
  readonly kind: "instance" | "event";
}
/** A message taken from the inbox. */
export interface ConsumedRow extends Pick<InboxRow, "partition" | "id"> {
  /** It must still be there: what it brings may be applied only once. */
  readonly once?: true;
}
/** A schedule. */
export interface ScheduleRow {
  readonly partition: number;
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly namespace: string;
  readonly workflow: string;
  /** Names of the calendars it refers to; absent when it refers to none. */
  readonly calendars?: readonly string[];
  /** Commits so far, this one included. */
  readonly revision: number;
  readonly paused: boolean;
  /** The time of its timer, if it has one. */
  readonly wakeAt?: number;
  /** As JSON text. */
  readonly state: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}
export type DeletedSchedule = Pick<ScheduleRow, "partition" | "id" | "revision" | "createdAt">;
/** A schedule as it is to stand. */
export interface WrittenSchedule extends ScheduleRow {
  /**
   * When the one was made that it takes the place of; absent for the first revision. A schedule that is deleted and made again
   * under its name has the same id and the same revisions: a commit that was given up and comes late is not to change the new one.
   */
  readonly inPlaceOf?: number;
}
/** What became of a time of a schedule; one row per schedule, nominal time and key: see {@link replaces}. */
export interface DecisionRow {
  readonly partition: number;
  readonly scheduleId: string;
  readonly nominal: number;
  /** Empty for a time of the schedule; begins with U+0001 for a stretch of times. */
  readonly key: string;
  readonly origin: string;
  readonly until?: number;
  readonly count?: number;
  readonly outcome: "started" | "skipped";
  readonly reason?: string;
  readonly instanceId?: string;
  readonly detail?: string;
  readonly at: number;
}
/** A time that has its instance keeps it, whatever becomes of it in a buffer; unless the start was refused. */
export function replaces(row: DecisionRow, known: DecisionRow): boolean {
  return known.outcome === "skipped" || row.outcome === "started" || row.reason === REFUSED;
}
export const REFUSED = "unknown-workflow";

/** Names a row of a wait: an activity, a timer or a child of an instance. */
export interface WaitKey {
  readonly partition: number;
  readonly instanceId: string;
  readonly id: string;
  /** For a timer that fired: only the row with this time is meant, not one set again since. */
  readonly fireAt?: number;
}

/** Everything one transaction of an owner writes. */
export interface Batch {
  /** Of every partition written; the transaction aborts when one is stale. */
  readonly epochs: readonly Epoch[];
  readonly created: readonly InstanceRow[];
  readonly updated: readonly InstanceRow[];
  /** Those of `updated` that had ended and go on: their rows are live ones again, perhaps to end in this very batch. */
  readonly revived: readonly Pick<InstanceRow, "partition" | "id">[];
  readonly keys: readonly KeyRow[];
  readonly history: readonly HistoryRow[];
  readonly activities: readonly ActivityRow[];
  readonly endedActivities: readonly WaitKey[];
  readonly timers: readonly TimerRow[];
  readonly endedTimers: readonly WaitKey[];
  /** The latest due time of the timers taken up; the database refuses one that is still to come. */
  readonly latestDue?: number;
  readonly children: readonly ChildRow[];
  readonly endedChildren: readonly WaitKey[];
  readonly sent: readonly InboxRow[];
  readonly consumed: readonly ConsumedRow[];
  readonly events: readonly EventRow[];
  readonly outbox: readonly OutboxRow[];
  /** Set, or set again. */
  readonly subscriptions: readonly SubscriptionRow[];
  readonly endedSubscriptions: readonly WaitKey[];
  /** Whose subscriptions are all to go. */
  readonly endedTargets: readonly string[];
  readonly returned: readonly ReturnedEvent[];
  /** Of revision 1: new ones. Of higher ones: instead of the revision before. */
  readonly schedules: readonly WrittenSchedule[];
  /** With the revision that is deleted, and when it was made. */
  readonly deletedSchedules: readonly DeletedSchedule[];
  readonly decisions: readonly DecisionRow[];
  /** Each holder and digest once. The batch is a `conflict` when there is no such payload. */
  readonly payloadRefs: readonly PayloadRefRow[];
}

export type StoreErrorKind =
  /** Another owner has taken a partition. Nothing was written. */
  | "stale-epoch"
  /** What the batch built on is not what the database has, or a constraint refused it. Nothing was written. */
  | "conflict"
  /** The database does not answer. Nothing was written, unless `unknown`. */
  | "unavailable"
  /** The connection broke during the commit: written wholly or not at all. */
  | "unknown";

export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  constructor(kind: StoreErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StoreError";
    this.kind = kind;
  }
}

/** What the owner's loop does with the database. */
export interface OwnerStore {
  /** @throws {StoreError} */
  commit(batch: Batch): Promise<void>;
  /** The instances that exist, in any order. */
  loadInstances(ids: readonly string[]): Promise<readonly InstanceRow[]>;
  /** The schedules that exist, in any order. */
  loadSchedules(ids: readonly string[]): Promise<readonly ScheduleRow[]>;
  /** Deletes at most so many decisions of schedules that are older than this many milliseconds. @returns how many */
  pruneDecisions(age: number, limit: number): Promise<number>;
  loadKeys(keys: readonly KeyName[]): Promise<readonly KeyRow[]>;
  /** Timers due from `from` to `until`, both included, the earliest first. */
  dueTimers(
    partitions: readonly number[],
    from: number,
    until: number,
    limit: number,
  ): Promise<readonly TimerRow[]>;
  readInbox(partitions: readonly number[], limit: number): Promise<readonly InboxRow[]>;
  /** The ids of those messages that have not been consumed. */
  unconsumed(messages: readonly Pick<InboxRow, "partition" | "id">[]): Promise<ReadonlySet<string>>;
  /** Marks the activities whose delivery is lost as delivered again under these epochs, and gives them. */
  redeliverable(epochs: readonly Epoch[], limit: number): Promise<readonly ActivityRow[]>;
  /** Live instances after this id, in order, that have open activities in their row. */
  withActivities(
    partitions: readonly number[],
    after: string,
    limit: number,
  ): Promise<readonly string[]>;
  /** Looks through the next `stretch` live instances after this id for those of these partitions without any wake source. */
  orphans(partitions: readonly number[], after: string, stretch: number): Promise<OrphansFound>;
  definition(workflow: WorkflowVersion): Promise<StoredDefinition | undefined>;
  /** The newest version: the highest semantic version. */
  latestVersion(workflow: Omit<WorkflowVersion, "version">): Promise<string | undefined>;
}
export interface OrphansFound {
  readonly orphans: readonly InstanceRow[];
  /** The id to go on after; empty when the end was reached. */
  readonly next: string;
}
export type KeyName = Pick<KeyRow, "partition" | "tenant" | "namespace" | "name" | "key">;

export interface StoredDefinition {
  readonly text: string;
  /** What it takes from outside, as JSON text; absent when that is nothing. */
  readonly resources?: string;
}

export interface WorkflowVersion {
  readonly tenant: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
}
