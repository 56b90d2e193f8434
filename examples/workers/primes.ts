/** The worker of primes.yaml: counts the primes below a number, block by block. */
import { setImmediate } from "node:timers/promises";
import { type Task, TaskFailure } from "@millrace/sdk";

/** Numbers looked at between two chances for signs of life. */
const BLOCK = 10_000;

/** All that there is to go on from. */
interface Position {
  /** All numbers below were looked at. */
  readonly next: number;
  readonly primes: number;
}

export async function countPrimes(
  { below }: { readonly below: number },
  task: Task,
): Promise<{ readonly below: number; readonly primes: number; readonly from: number }> {
  if (!Number.isInteger(below) || below < 0 || below > 1e9)
    throw new TaskFailure({
      type: "https://example.com/errors/no-such-number",
      status: 400,
      detail: "below: expected a whole number up to 1e9",
    });
  const last = task.lastCheckpoint?.state as Position | undefined;
  let { next, primes } = last ?? { next: 2, primes: 0 };
  while (next < below) {
    task.signal.throwIfAborted();
    const end = Math.min(below, next + BLOCK);
    for (; next < end; next += 1) if (isPrime(next)) primes += 1;
    // Sent at every tenth of the way, and every 30 s.
    await task.checkpoint({
      percent: (100 * next) / below,
      note: `${primes} primes below ${next}`,
      state: { next, primes },
    });
    await setImmediate();
  }
  return { below, primes, from: last?.next ?? 2 };
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
  return true;
}
