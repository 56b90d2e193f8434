/**
 * One measured figure, with what was measured beside it in the same run. Figures of one machine are worth nothing alone:
 * what counts is the ratio to the peers and to `pgbench` of the same minute.
 */

/** What another program did with the same work. */
export interface Peer {
  /** With its version and setting where that matters: `Restate 1.7.12, 4 partitions`. */
  readonly name: string;
  /** In the figure's unit; `null` when it could not be measured, and then `reason` says why. */
  readonly value: number | null;
  readonly reason?: string;
}

export interface Figure {
  /** Unique in a run, lower case with dots, most general part first: `workflows.three-activities`, `jq.path`. */
  readonly name: string;
  /** What it is, for the table: `3-activity workflows, 500 concurrent`. */
  readonly title: string;
  /** `null` when it could not be measured, and then `note` says why. */
  readonly value: number | null;
  /** `workflows/s`, `ns`, `MiB`, `bytes/instance` … */
  readonly unit: string;
  /** Which way is good; a ratio above 1 always means that ours is the better. */
  readonly better: "higher" | "lower";
  readonly peers: readonly Peer[];
  /** Transactions per second of `pgbench`, measured right beside it; absent where PostgreSQL plays no part. */
  readonly pgbench?: number;
  /** Conditions that a reader needs: concurrency, number of instances. */
  readonly note?: string;
}

/** How many times as good `value` is as `other`; `undefined` when either is missing or zero. */
export function ratio(
  { value, better }: Pick<Figure, "value" | "better">,
  other: number | null | undefined,
): number | undefined {
  if (value === null || other === null || other === undefined) return undefined;
  if (value === 0 || other === 0) return undefined;
  return better === "higher" ? value / other : other / value;
}

/** The middle one, or the mean of the two in the middle. @throws for no values */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  const lower = sorted[Math.ceil(middle) - 1];
  if (upper === undefined || lower === undefined) throw new Error("no values to take a median of");
  return (upper + lower) / 2;
}

/** The value that `fraction` (0 … 1) of the sorted values do not exceed (nearest rank). @throws for no values */
export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)];
  if (value === undefined) throw new Error("no values to take a percentile of");
  return value;
}
