/** `run: workflow`: another instance, waited for unless `await: false` (DSL reference "Workflow Process"). */
import type { RunWorkflowNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import { standardError, TaskError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { evaluate, inputOf } from "../scope.ts";

/** How deep instances may start instances. */
const MAX_DEPTH = 32;

export function startChild(d: Draft, node: RunWorkflowNode, frame: Frame): Outcome {
  const depth = (d.state.parent?.depth ?? 0) + 1;
  if (depth > MAX_DEPTH)
    throw new TaskError(
      standardError("runtime", `workflows nest deeper than ${MAX_DEPTH}`, node.reference),
    );
  const data = inputOf(d, frame);
  const input =
    node.arguments === undefined
      ? data
      : evaluate(d, node.arguments, data, { frame, node, input: data });
  d.effect({
    kind: "child.start",
    childId: frame.id,
    namespace: node.namespace,
    name: node.workflow,
    version: node.version,
    input,
    detached: !node.await,
    depth,
  });
  if (!node.await) return { kind: "done", output: data };
  d.put({ ...frame, kind: "child" });
  return WAITING;
}
