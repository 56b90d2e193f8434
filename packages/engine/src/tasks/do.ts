/** `do`: tasks in sequence (DSL reference "Do"). */
import type { DoNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import type { DoFrame, Frame } from "../frame.ts";
import { continueList, startList } from "../list.ts";
import type { Outcome } from "../outcome.ts";
import { inputOf } from "../scope.ts";

export function startDo(d: Draft, node: DoNode, frame: Frame): Outcome {
  const own = d.put<DoFrame>({ ...frame, kind: "do", at: 0, steps: 0 });
  return startList(d, own, node.tasks, frame.key, inputOf(d, own));
}

export function continueDo(d: Draft, node: DoNode, frame: DoFrame, ended: Outcome): Outcome {
  return continueList(d, frame, node.tasks, frame.key, ended);
}
