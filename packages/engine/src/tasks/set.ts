/** `set`: gives data (DSL reference "Set"). */
import type { SetNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import type { Frame } from "../frame.ts";
import type { Outcome } from "../outcome.ts";
import { evaluate, inputOf } from "../scope.ts";

export function startSet(d: Draft, node: SetNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  return { kind: "done", output: evaluate(d, node.value, input, { frame, node, input }) };
}
