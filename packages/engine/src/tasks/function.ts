/** `call` of a reusable function: its task runs with the evaluated arguments as raw input (DSL reference "Use"). */
import type { FunctionNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import { enter } from "../enter.ts";
import type { Frame, FunctionFrame } from "../frame.ts";
import type { Outcome } from "../outcome.ts";
import { evaluate, inputOf } from "../scope.ts";

export function startFunction(d: Draft, node: FunctionNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  const raw = evaluate(d, node.arguments, input, { frame, node, input });
  const parent = d.put<FunctionFrame>({ ...frame, kind: "function" });
  return continueFunction(enter(d, node.task, { parent, slot: 0, key: `${frame.key}.f`, raw }));
}

/** A function ends with its task; the task's own `then` has no meaning inside a call, except `end`. */
export function continueFunction(ended: Outcome): Outcome {
  if (ended.kind !== "done") return ended;
  if (ended.flow?.kind === "end") return { kind: "end", output: ended.output };
  return { kind: "done", output: ended.output };
}
