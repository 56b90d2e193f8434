/**
 * What the sweeper asks of the database. Every instant and every age is by the database's clock, in milliseconds.
 *
 * Each method is one transaction and holds its locks no longer than that; rows that somebody else has locked are left for
 * another time. Why none of it can delete what is referred to is said in migrations/0012-payload-sweeping.sql.
 */
import type { Digest } from "./payloads.ts";

/** A payload that is gone from the catalogue. */
export interface Swept {
  readonly tenant: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** How far a sweep has come through what nobody keeps. */
export interface SweepPlace {
  readonly touchedAt: number;
  readonly tenant: string;
  readonly digest: Digest;
}

/** Bytes in a store that are to be deleted there. */
export interface Leftover {
  readonly store: string;
  readonly location: string;
}

/** What refers to payloads. */
export interface Holder {
  /** Id of an instance, a schedule or an event, or `<instance>/<chain>`. */
  readonly holder: string;
  readonly kind: "instance" | "event" | "checkpoint";
}

/** A reference as it stood in a snapshot. */
export interface SeenRef {
  readonly holder: string;
  readonly digest: Digest;
  readonly at: number;
}

/** What one snapshot of an instance shows. */
export interface Look {
  readonly at: number;
  /** Of the instance, or of the schedule; undefined when there is none. */
  readonly revision: number | undefined;
  /** Nothing is on its way to it. */
  readonly settled: boolean;
  /** References older than the grace period to what nothing of it mentions. */
  readonly unmentioned: readonly SeenRef[];
}

export interface PayloadSweepStore {
  /** Releases at most so many that were kept for a time that is over. @returns how many */
  expire(limit: number): Promise<number>;
  /**
   * Of the next `stretch` that nobody keeps and that were not touched for `grace`, deletes those that nothing refers to.
   * @returns `next`: where to go on; absent at the end
   */
  sweep(
    grace: number,
    after: SweepPlace | undefined,
    stretch: number,
  ): Promise<{ readonly swept: readonly Swept[]; readonly next?: SweepPlace }>;

  /** Takes leftovers of these stores that are due, the oldest first; they are due again after `again`. */
  takeLeftovers(
    stores: readonly string[],
    again: number,
    limit: number,
  ): Promise<readonly Leftover[]>;
  /** Their bytes are deleted. */
  forgetLeftovers(leftovers: readonly Leftover[]): Promise<void>;
  /** How many leftovers are due, counted up to `limit`. */
  countLeftovers(limit: number): Promise<number>;
  /** Of these locations of a store, those that the catalogue or a leftover names. */
  knownLocations(store: string, locations: readonly string[]): Promise<ReadonlySet<string>>;

  /** True for one of those who ask, when nobody was told so for `pause`. */
  beginRound(name: string, pause: number): Promise<boolean>;
  /**
   * Of the next `stretch` holders after this one, in order, those of which references older than `grace` may stand for nothing
   * and which were not looked at for `grace`.
   * @returns `next`: the holder to go on after; absent at the end
   */
  holders(
    after: string,
    stretch: number,
    grace: number,
  ): Promise<{ readonly due: readonly Holder[]; readonly next?: string }>;
  lookAt(instance: string, grace: number): Promise<Look>;
  /** References older than `grace` of events, and of checkpoints, that are gone. */
  lostHolders(
    kind: "event" | "checkpoint",
    holders: readonly string[],
    grace: number,
  ): Promise<readonly SeenRef[]>;
  /** Deletes those that are as they were seen. @returns how many */
  dropRefs(refs: readonly SeenRef[]): Promise<number>;
  /** The instance was looked at; where it is as it was then, it need not be again. */
  mark(instance: string, look: Omit<Look, "unmentioned">): Promise<void>;
  /** Forgets marks of those that refer to nothing any more. */
  pruneMarks(): Promise<void>;
  /** Deletes checkpoints, at most so many, of instances that ended: faulted ones may be retried, and are left theirs for `keep`. */
  pruneCheckpoints(keep: number, limit: number): Promise<number>;
}
