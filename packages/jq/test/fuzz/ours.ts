/** Runs a case in this package. */
import { compile, JqError } from "../../src/index.ts";
import { unwrap, wrapped } from "./outcome.ts";
import type { Case, Outcome } from "./outcome.ts";

/** Time plays no part, so that a case ends the same way whenever it runs. */
const UNTIMED = { monotonic: () => 0, now: 0 };

export function ours({ program, input }: Case): Outcome {
  try {
    const [pairs = null] = compile(wrapped(program)).run(input, {}, UNTIMED);
    // What counts is the JSON that leaves.
    return unwrap(JSON.parse(JSON.stringify(pairs)));
  } catch (error) {
    if (!(error instanceof JqError)) return { kind: "crashed", message: String(error) };
    const { kind, message } = error;
    if (kind === "syntax") return { kind: "refused", message };
    return { kind: kind === "budget" ? "exhausted" : "crashed", message };
  }
}
