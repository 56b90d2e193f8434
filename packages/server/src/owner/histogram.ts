/** A histogram with fixed bounds, as plain numbers: an observation is a comparison or two, and allocates nothing. */

export interface HistogramView {
  /** Upper bounds, inclusive, rising; what is above the last is counted after it. */
  readonly bounds: readonly number[];
  /** Observations in each bucket, not cumulative: one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
  readonly max: number;
}

/** Milliseconds, 1 ms to 1 min: from one group commit to a slow partner's answer. */
export const MILLISECONDS: readonly number[] = Object.freeze([
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
]);
/** Milliseconds, 1 ms to a day: tasks wait for people, too. */
export const LONG_MILLISECONDS: readonly number[] = Object.freeze([
  1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000,
]);
/** Sizes of batches. */
export const SIZES: readonly number[] = Object.freeze([1, 2, 5, 10, 25, 50, 100, 250, 500]);

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;
  #max = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
    this.#count += 1;
    if (value > this.#max) this.#max = value;
  }

  view(): HistogramView {
    return {
      bounds: this.#bounds,
      counts: [...this.#counts],
      sum: this.#sum,
      count: this.#count,
      max: this.#max,
    };
  }
}
