/**
 * Runs the program it is given as first argument with `null` as input, and prints how that ended, as JSON on one line. A
 * process of its own, so that a crash, a hang or memory without end is seen as what it is.
 */
import { compile, JqError } from "../../src/index.ts";

export interface Ending {
  /** `output`: it ended well. `other`: something but a JqError was thrown, which must not happen. */
  readonly kind: "output" | "syntax" | "runtime" | "budget" | "other";
  readonly message: string;
  /** Milliseconds of compiling and running, in a process that has run nothing before. */
  readonly ms: number;
  /** Mebibytes of the whole process at most, JavaScript's own included. */
  readonly memory: number;
}

function end(program: string): Pick<Ending, "kind" | "message"> {
  try {
    compile(program).run(null);
    return { kind: "output", message: "" };
  } catch (error) {
    if (error instanceof JqError) return { kind: error.kind, message: error.message.slice(0, 200) };
    return { kind: "other", message: String(error) };
  }
}

const start = performance.now();
const ended = end(process.argv[2] ?? "");
const ms = performance.now() - start;
const memory = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ ...ended, ms, memory } satisfies Ending)}\n`);
