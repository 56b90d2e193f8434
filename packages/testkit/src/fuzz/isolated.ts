/**
 * Runs a check in a child process of little memory, so that what exhausts it or never ends is seen and survived.
 * An input has {@link HANG_MS} of wall time, after which the child is killed; `child.ts` itself measures processor time.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Json } from "@millrace/language";
import type { Verdict } from "./campaign.ts";

const HANG_MS = 30_000;
const SLOW_MS = 2_000;
/** MiB of the child's heap: an input is at most 1 MiB of text. */
const HEAP = 512;

export class Isolated {
  readonly #arguments: readonly string[];
  readonly #heap: number;
  #child: ChildProcess | undefined;

  /**
   * @param check the name of a check in `child.ts`
   * @param heap MiB
   * @param slow milliseconds of processor time that one input may take
   */
  constructor(check: string, heap = HEAP, slow = SLOW_MS) {
    this.#arguments = [check, String(slow)];
    this.#heap = heap;
  }

  async run(input: Json): Promise<Verdict> {
    const child = (this.#child ??= this.#start());
    const done = new AbortController();
    const timer = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
    try {
      child.send(input as object);
      const { signal } = done;
      const verdict = await Promise.race([
        once(child, "message", { signal }).then(([message]) => message as Verdict),
        once(child, "exit", { signal }).then(([code, name]) => died(code, name)),
      ]);
      if (verdict.outcome === "died") this.#child = undefined;
      return verdict;
    } finally {
      clearTimeout(timer);
      done.abort();
    }
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  #start(): ChildProcess {
    return fork(join(import.meta.dirname, "child.ts"), this.#arguments, {
      execArgv: [`--max-old-space-size=${this.#heap}`],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
  }
}

function died(code: unknown, signal: unknown): Verdict {
  const hung = signal === "SIGKILL";
  const kind = hung ? "hang" : "death";
  const detail = hung
    ? `no answer in ${HANG_MS} ms`
    : `the process ended with ${String(code ?? signal)}: out of memory, or an exception nobody caught`;
  return { outcome: "died", problem: { kind, detail } };
}
