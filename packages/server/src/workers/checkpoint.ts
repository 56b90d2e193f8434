/** Checkpoints of long activities: what a worker says of how far it is, and what the next one is to go on from. */
import type { Json } from "@millrace/language";
import type { Digest } from "../payloads/payloads.ts";

/** `progress`: percent and note alone; `data`: with something to go on from; `state`: with all that there is to go on from. */
export type Level = "progress" | "data" | "state";

/** The latest of a chain of attempts. */
export interface Checkpoint {
  /** Rises along the chain. */
  readonly number: number;
  /** The delivery of the activity that wrote it. */
  readonly attempt: number;
  readonly level: Level;
  /** Of the work that is done, 0 to 100. */
  readonly percent?: number;
  readonly note?: string;
  /** JSON text; absent when there is none, or a payload holds it. */
  readonly data?: string;
  readonly digest?: Digest;
  /** Epoch milliseconds of the database. */
  readonly at: number;
}

/** A checkpoint as a worker gives it. */
export interface NewCheckpoint {
  readonly level: Level;
  readonly percent?: number;
  readonly note?: string;
  /** Of level `data` and `state`: one of the two. */
  readonly value?: Json;
  readonly digest?: Digest;
}

/** A checkpoint of one chain, on its way to the database. */
export interface CheckpointRow extends ChainKey {
  readonly tenant: string;
  readonly attempt: number;
  readonly number: number;
  readonly level: Level;
  readonly percent?: number;
  readonly note?: string;
  readonly data?: string;
  readonly digest?: Digest;
}

export interface ChainKey {
  readonly partition: number;
  readonly instanceId: string;
  readonly chain: string;
}

export type Saved =
  | { readonly kind: "saved"; readonly checkpoint: Checkpoint }
  /** A later one is there, or another node owns the partition. */
  | { readonly kind: "stale" }
  | { readonly kind: "no-such-payload" };

/** What is known of a chain. */
export interface Chain {
  /** Absent when there is none yet. */
  readonly checkpoint?: Checkpoint;
  /** Leases of its latest activity that ended without a sign of life of the worker. */
  readonly expiries: number;
  readonly activityId?: string;
}

/** Leases of an activity that have ended so. */
export interface Expiries extends ChainKey {
  readonly tenant: string;
  readonly activityId: string;
  readonly attempt: number;
  readonly count: number;
}

/** Where checkpoints are kept. Methods reject with a `StoreError`. */
export interface CheckpointStore {
  /** One of a chain at most; the answers in the same order. Resolves when they are durable. */
  save(rows: readonly CheckpointRow[]): Promise<readonly Saved[]>;
  /** By chain. */
  load(chains: readonly ChainKey[]): Promise<ReadonlyMap<string, Chain>>;
  /** Beside the checkpoint. Nothing where another node owns the partition. */
  expired(expiries: Expiries): Promise<void>;
  delete(chains: readonly ChainKey[]): Promise<void>;
}
