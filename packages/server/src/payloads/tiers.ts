/** Which store a payload goes to, by its size. */

/** `database`: the catalogue's own row. */
export const STORE_NAMES = ["database", "directory", "s3", "cassandra"] as const;
export type StoreName = (typeof STORE_NAMES)[number];

export interface Tier {
  readonly store: StoreName;
  /** What has fewer bytes goes there, unless an earlier tier takes it. */
  readonly below: number;
}

/** A row, and what the driver makes of it, stands in memory whole, several times. */
export const MAX_ROW = 16 * 1024 * 1024;

/** The first tier that takes so many bytes; with no number, the last one. */
export function tierOf(tiers: readonly Tier[], size: number | undefined): Tier | undefined {
  if (size === undefined) return tiers.at(-1);
  return tiers.find(({ below }) => size < below);
}
