/**
 * The store port's part for events: receiving them, matching them with who waits, and forgetting them in time. What has to
 * hold is said in migrations/0006-events.sql. Instants are epoch milliseconds of the database.
 */
import type { Epoch } from "./store.ts";

/** Who can wait for events. */
export type TargetKind = "instance" | "schedule";

/** A wait for events: an event that falls into one of the buckets is delivered to the target, as mail. */
export interface SubscriptionRow {
  /** Of the target. */
  readonly partition: number;
  /** The id of an instance or a schedule. */
  readonly targetId: string;
  readonly subscriptionId: string;
  readonly kind: TargetKind;
  /** At least one, and each once. */
  readonly buckets: readonly SubscribedBucket[];
}
export interface SubscribedBucket {
  /** 16 hexadecimal digits; see events/buckets.ts. */
  readonly bucket: string;
  /** Events received before this instant are not meant; 0 for all that are kept. */
  readonly since: number;
}

/** An event that the target had and did not take: it may have it again when it waits for it later. */
export interface ReturnedEvent {
  readonly targetId: string;
  readonly seq: number;
}

/** An event as received, with the buckets it falls into. */
export interface ReceivedEvent {
  readonly partition: number;
  /** A ULID that carries the partition. */
  readonly id: string;
  readonly tenant: string;
  readonly source: string;
  readonly eventId: string;
  readonly type: string;
  /** The event as JSON text. */
  readonly event: string;
  /** Each once; none when nobody can want it. */
  readonly buckets: readonly string[];
  /** Digests of the payloads that the text refers to, each once. */
  readonly payloads?: readonly string[];
}

/** A filter of some workflow or schedule. */
export interface FilterRow {
  readonly tenant: string;
  /** 16 hexadecimal digits. */
  readonly filter: string;
  /** What an event's type, or source, must be; absent when the filter does not say so outright. */
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  /** For `compileEventFilter`, as JSON text. */
  readonly definition: string;
}
export type FilterName = Omit<FilterRow, "definition">;

/** What one pass of matching, or looking, did. */
export interface Delivered {
  /** Events and buckets, or looks, dealt with to the end. */
  readonly done: number;
  /** Mails sent. */
  readonly sent: number;
  /** The instant in the ids of those mails: for the next pass. */
  readonly madeAt: number;
  /** Another pass has something to do. */
  readonly more: boolean;
  /** True when there are looks that go on when their targets have dealt with what they were sent. */
  readonly unfinished: boolean;
}

export interface EventStore {
  /** The filters that events of these types and sources may pass. */
  filters(
    tenants: readonly string[],
    types: readonly string[],
    sources: readonly string[],
  ): Promise<readonly FilterName[]>;
  filterDefinitions(names: readonly FilterName[]): Promise<readonly FilterRow[]>;
  /**
   * Writes events in this order, in one transaction; gives the ids of those that were not known by tenant, source and id.
   * @param notBefore the instant of receipt is not before this one, though the clock be set back
   * @throws {StoreError}
   */
  receive(events: readonly ReceivedEvent[], notBefore: number): Promise<ReadonlySet<string>>;
  /** Sends new events to who waits for them. @throws {StoreError} `stale-epoch` */
  match(epochs: readonly Epoch[], since: number): Promise<Delivered>;
  /**
   * Sends to who has begun to wait what was received since `keep` milliseconds before that, and what is not matched yet.
   * @throws {StoreError} `stale-epoch`
   */
  look(epochs: readonly Epoch[], keep: number, since: number): Promise<Delivered>;
  /** Removes some of what a look cannot find any more; gives how many rows. */
  pruneKept(keep: number, limit: number): Promise<number>;
  /** Removes some of the events of these partitions that are older; gives how many. */
  pruneEvents(partitions: readonly number[], retention: number, limit: number): Promise<number>;
}
