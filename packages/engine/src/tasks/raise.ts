/** `raise`: raises an error (DSL reference "Raise", "Error"). */
import { isObject, type RaiseNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import type { WorkflowError } from "../error.ts";
import { standardError, TaskError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Outcome } from "../outcome.ts";
import { evaluate, inputOf } from "../scope.ts";

export function startRaise(d: Draft, node: RaiseNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  const value = evaluate(d, node.error, input, { frame, node, input });
  if (!isObject(value) || typeof value.type !== "string" || typeof value.status !== "number")
    throw new TaskError(
      standardError(
        "expression",
        "an error needs a string type and a number status",
        node.reference,
      ),
    );
  const text = (key: "title" | "detail" | "instance"): Partial<WorkflowError> => {
    const given = value[key];
    if (given === undefined || given === null) return {};
    return { [key]: typeof given === "string" ? given : JSON.stringify(given) };
  };
  const error: WorkflowError = {
    type: value.type,
    status: value.status,
    ...text("title"),
    ...text("detail"),
    instance: node.reference,
    ...text("instance"),
  };
  return { kind: "raised", error };
}
