/** Pauses between tries of something that fails: growing, bounded, and jittered so that nodes do not come back in step. */

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * @param failures in a row so far, 1 or more
 * @param random 0 ≤ x < 1
 * @returns milliseconds
 */
export function backoff(failures: number, random: () => number): number {
  const grown = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return grown * (0.5 + random() / 2);
}
