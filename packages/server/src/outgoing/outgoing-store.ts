/** What relay and deliveries do with the database. Instants are epoch milliseconds of the database. */
import type { Epoch } from "../store/store.ts";
import type { Circuit, Endpoint } from "./endpoint.ts";

/** Bytes (UTF-8) of events that are read at a time: those after which there are so many are left for the next reading. */
export const MOST_BYTES = 16 * 1024 * 1024;

/** A row of the outbox as the relay reads it. */
export interface OutboxEvent {
  readonly partition: number;
  readonly seq: number;
  readonly tenant: string;
  readonly instanceId?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly emitted: boolean;
  /** JSON text. */
  readonly event: string;
}

/** An event for one endpoint. */
export interface Outgoing {
  readonly endpoint: string;
  /** Events of one key go in order. */
  readonly key: string;
  readonly event: string;
}

/** An event that waits for its endpoint. */
export interface Queued {
  readonly seq: number;
  readonly key: string;
  readonly event: string;
  readonly attempts: number;
  readonly firstAt?: number;
  /** 0 when it is due. */
  readonly nextAt: number;
  readonly queuedAt: number;
}

/** What became of events that were tried. */
export interface Settled {
  readonly delivered: readonly number[];
  readonly retried: readonly {
    readonly seq: number;
    readonly attempts: number;
    readonly firstAt: number;
    readonly nextAt: number;
    readonly error: string;
  }[];
  readonly dead: readonly {
    readonly seq: number;
    readonly attempts: number;
    readonly error: string;
  }[];
  /** How the endpoint stands, when that has changed. */
  readonly circuit?: Circuit;
  /** Why it is turned off from now on. */
  readonly disabled?: string;
  /** The endpoint works again: what waits because it did not is due. */
  readonly revive?: boolean;
  /** Events queued before this are dead: the endpoint has taken none for as long as they may wait. */
  readonly deadBefore?: { readonly at: number; readonly error: string };
}

/** Writes are fenced: rejects with a `StoreError` of kind `stale-epoch` when another node owns the partition. */
export interface OutgoingStore {
  /** Lifecycle types that listens of a tenant name. */
  listenedTypes(): Promise<readonly { readonly tenant: string; readonly type: string }[]>;
  /** Changes with every change by a user. */
  endpointsMark(): Promise<string>;
  endpoints(): Promise<readonly Endpoint[]>;
  /**
   * Takes up to about `limit` rows of these partitions, in order for each, or fewer that are large, lets `handOn` say what they lead to, writes that and
   * deletes them, all in one transaction. Resolves with the number of rows taken.
   */
  relay(
    epochs: readonly Epoch[],
    limit: number,
    handOn: (events: readonly OutboxEvent[]) => Promise<readonly Outgoing[]>,
  ): Promise<number>;
  /**
   * The first events of an endpoint that are neither `known` nor of a `blocked` key, in order: at most `limit`, and no more once
   * they have {@link MOST_BYTES} together.
   */
  due(
    endpoint: string,
    known: readonly number[],
    blocked: readonly string[],
    limit: number,
  ): Promise<readonly Queued[]>;
  /** Of the endpoints of these partitions, those that have something due. */
  withQueued(partitions: readonly number[]): Promise<readonly string[]>;
  /** Events that wait for another try, bounded as those of `due`. */
  waiting(endpoint: string, limit: number): Promise<readonly Queued[]>;
  /** @param epoch of the endpoint's partition */
  settle(endpoint: string, epoch: Epoch, settled: Settled): Promise<void>;
  /** Keeps what a channel could not read among its dead letters. */
  bury(endpoint: string, epoch: Epoch, event: string, error: string): Promise<void>;
  /** How the endpoint stands now; undefined when it is gone. */
  circuit(endpoint: string): Promise<Circuit | undefined>;
}
