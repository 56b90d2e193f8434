/**
 * `fork`: branches side by side (DSL reference "Fork").
 *
 * Not competing: all branches run; the output is the array of theirs, in declared order; the first error cancels the
 * rest and is raised. Competing: the first branch that completes wins and cancels the rest; a branch that faults leaves
 * the race, and only when none is left is the last error raised.
 */
import type { ForkNode, Json } from "@millrace/language";
import { cancelBelow, dropForkOutputs } from "../cancel.ts";
import type { Draft } from "../draft.ts";
import { enter } from "../enter.ts";
import type { ForkFrame, Frame } from "../frame.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { inputOf } from "../scope.ts";

/** The outputs of wider forks are kept apart, so that each branch's end writes its own output only. */
const INLINE_BRANCHES = 16;

export function startFork(d: Draft, node: ForkNode, frame: Frame): Outcome {
  const raw = inputOf(d, frame);
  const left = node.branches.length;
  if (left === 0) return { kind: "done", output: node.compete ? raw : [] };
  const inline = left <= INLINE_BRANCHES;
  const parent = d.put<ForkFrame>({
    ...frame,
    kind: "fork",
    left,
    ...(inline ? { outputs: {} } : {}),
  });
  for (const [slot, branch] of node.branches.entries()) {
    const ended = enter(d, branch, { parent, slot, key: `${frame.key}.${slot}`, raw });
    const outcome = continueFork(d, node, parent, slot, ended);
    if (outcome.kind !== "waiting") return outcome;
  }
  return WAITING;
}

export function continueFork(
  d: Draft,
  node: ForkNode,
  frame: ForkFrame,
  slot: number,
  ended: Outcome,
): Outcome {
  switch (ended.kind) {
    case "waiting":
      return ended;
    case "end":
      return over(d, frame, ended);
    case "raised": {
      const fork = d.own(frame);
      fork.left -= 1;
      if (!node.compete || fork.left === 0) return over(d, frame, ended);
      d.failure = undefined;
      return WAITING;
    }
    case "done": {
      if (ended.flow?.kind === "end") return over(d, frame, { kind: "end", output: ended.output });
      if (node.compete) return over(d, frame, { kind: "done", output: ended.output });
      return join(d, node, frame, slot, ended.output);
    }
  }
}

function join(d: Draft, node: ForkNode, frame: ForkFrame, slot: number, output: Json): Outcome {
  const fork = d.own(frame);
  fork.left -= 1;
  if (fork.outputs === undefined) d.keepValue(`${frame.id}.${slot}`, output);
  else fork.outputs = { ...fork.outputs, [slot]: output };
  if (fork.left > 0) return WAITING;
  const outputs = node.branches.map((_, index) => outputOf(d, fork, index));
  return over(d, frame, { kind: "done", output: outputs });
}

function outputOf(d: Draft, frame: ForkFrame, slot: number): Json {
  const output =
    frame.outputs === undefined ? d.values.get(`${frame.id}.${slot}`) : frame.outputs[slot];
  return output ?? null;
}

/** The fork ends: whatever still runs below it is cancelled. */
function over(d: Draft, frame: ForkFrame, outcome: Outcome): Outcome {
  cancelBelow(d, frame);
  dropForkOutputs(d, d.own(frame));
  return outcome;
}
