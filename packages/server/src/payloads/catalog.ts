/**
 * The port to the catalogue of payloads: one row for each, which holds small bodies itself and says where large ones are.
 *
 * Every method takes what many callers ask for at once. Rows and keys of one call are all different, and sorted by
 * {@link compareKeys}, so that calls which run at the same time lock rows in the same order.
 */
import type { Digest } from "./payloads.ts";

export interface PayloadKey {
  readonly tenant: string;
  readonly digest: Digest;
}

/** Where a copy is: the name of a store, and the key there. */
export interface Place {
  readonly store: string;
  readonly location: string;
}

export interface PayloadRow extends PayloadKey {
  /** Bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** A user keeps it, and it has not expired. */
  readonly kept: boolean;
  /** Kept, or referred to. */
  readonly visible: boolean;
  /** Epoch milliseconds, by the database's clock. */
  readonly createdAt: number;
  readonly expiresAt?: number;
  /** Present where it stands in the row and was asked for. */
  readonly body?: Buffer;
  /** Absent where the body stands in the row. */
  readonly place?: Place;
  readonly mirror?: Place;
}

export interface SmallPayload extends PayloadKey {
  readonly mediaType: string;
  readonly body: Buffer;
  /** Milliseconds until it expires. */
  readonly ttl?: number;
}

export interface UploadedPayload extends PayloadKey {
  readonly size: number;
  readonly mediaType: string;
  readonly kept: boolean;
  readonly ttl?: number;
  /** One of both. */
  readonly body?: Buffer;
  readonly place?: Place;
  readonly mirror?: Place;
}

export interface Entered {
  /** False when a user kept it already. */
  readonly created: boolean;
  /** As it stands now, without its body. */
  readonly row: PayloadRow;
}

/** Methods reject with a `StoreError` when the database does not answer or refuses. */
export interface Catalog {
  /** Makes each one kept. What was there stays as it is, but a body that is not the one given is replaced. */
  keep(rows: readonly SmallPayload[]): Promise<readonly Entered[]>;
  /** Makes each one there, and safe from the sweeper for the grace period, less {@link TOUCH_SLACK}. */
  store(rows: readonly SmallPayload[]): Promise<void>;
  /** As far as they are there, makes them safe as `store` does. @returns which are there */
  touch(keys: readonly PayloadKey[]): Promise<readonly boolean[]>;
  /** Each with its body where `bodies` says so; undefined for those that are not there. */
  read(
    keys: readonly PayloadKey[],
    bodies: readonly boolean[],
  ): Promise<readonly (PayloadRow | undefined)[]>;
  /** @returns for each whether a user kept it. Rows that nothing refers to are gone */
  release(keys: readonly PayloadKey[]): Promise<readonly boolean[]>;
  /** Those that are kept, by digest. */
  list(tenant: string, after: Digest | undefined, limit: number): Promise<readonly PayloadRow[]>;

  /** Before an upload: should it never end, its places are swept once `dueIn` milliseconds are over. Again: puts that off. */
  expect(places: readonly Place[], dueIn: number): Promise<void>;
  /** After an upload that left nothing behind. */
  forget(places: readonly Place[]): Promise<void>;
  /** After an upload, in one transaction: enters it and forgets its places. Places that the row had before become leftovers. */
  enter(upload: UploadedPayload): Promise<Entered>;
  /**
   * A copy was written anew: in a store (its old place becomes a leftover), or in the row, where `to` is the body.
   * @returns false when the row has changed meanwhile: then `to` is a leftover
   */
  repair(key: PayloadKey, from: Place | undefined, to: Place | Buffer): Promise<boolean>;
}

/** Milliseconds within which a second touch changes nothing. */
export const TOUCH_SLACK = 10_000;

/** By tenant and digest, as the database sorts them (`COLLATE "C"`); tenants are ASCII. */
export function compareKeys(a: PayloadKey, b: PayloadKey): number {
  if (a.tenant !== b.tenant) return a.tenant < b.tenant ? -1 : 1;
  return a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0;
}
