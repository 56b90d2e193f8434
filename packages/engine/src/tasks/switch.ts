/** `switch`: the first case that holds decides where the flow goes; its data pass unchanged (DSL reference "Switch"). */
import type { SwitchNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import type { Frame } from "../frame.ts";
import type { Outcome } from "../outcome.ts";
import { holds, inputOf } from "../scope.ts";

export function startSwitch(d: Draft, node: SwitchNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  const site = { frame, node, input };
  const matching =
    node.cases.find((each) => each.when !== undefined && holds(d, each.when, input, site)) ??
    node.cases.find((each) => each.when === undefined);
  // Without a match the task's own `then` applies.
  return matching === undefined
    ? { kind: "done", output: input }
    : { kind: "done", output: input, flow: matching.then };
}
