/**
 * What one evaluation (`run` or `first`) may use. Exceeding any of them ends the evaluation with a
 * JqError of kind `budget`, which no `try` in the program can catch.
 */
export interface Limits {
  /**
   * Units of work: one per value made by a generator or call, and proportional amounts for bulk
   * work (one per element sorted, compared or copied in blocks). Default 1,000,000.
   */
  readonly steps: number;
  /** Values `run` may return. Default 100,000. */
  readonly outputs: number;
  /**
   * Size of any one string the program builds and of all outputs together, in characters of
   * JSON text (near enough). Default 4,194,304.
   */
  readonly outputBytes: number;
  /** Nesting of function calls that are not tail calls. Default 2,000. */
  readonly depth: number;
  /** Wall-clock milliseconds. Default 80. */
  readonly timeMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  steps: 1_000_000,
  outputs: 100_000,
  outputBytes: 4_194_304,
  depth: 2_000,
  timeMs: 80,
};
