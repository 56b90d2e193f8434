/**
 * A limit for each test file. The runner's own limits one test; a file whose process does not end after its last test, or
 * that hangs in code that never yields, it would wait for without end.
 */
import { childrenOf, commandLine, killFamily } from "@millrace/server/embedded";

/** The longest takes a minute on two cores. */
const LIMIT_MS = 10 * 60_000;
const LOOK_MS = 5_000;

/**
 * Kills what the runner has started and has run for too long, with all that descends from it; the runner tells the file as
 * failed. On Windows nothing is killed. @returns ends the watch
 */
export function limitFiles(runner: number, limit: number = LIMIT_MS): () => void {
  const seen = new Map<number, number>();
  const look = (): void => {
    for (const pid of childrenOf(runner)) {
      const since = seen.get(pid) ?? performance.now();
      seen.set(pid, since);
      if (performance.now() - since < limit) continue;
      console.log(`killed after ${limit / 1_000} s: ${commandLine(pid)?.split(" ").at(-1)}`);
      killFamily(pid);
    }
  };
  const watch = setInterval(look, Math.min(LOOK_MS, limit));
  return () => clearInterval(watch);
}
