/**
 * `for`: runs its tasks once for each item (DSL reference "For").
 *
 * Each iteration's output is the next one's input; the last one's is the task's. A large collection stands in the state's
 * `values`, so that a commit in the middle of the loop does not write it again.
 */
import type { ForNode, Json } from "@millrace/language";
import type { Draft } from "../draft.ts";
import { standardError, TaskError } from "../errors.ts";
import type { ForFrame, Frame } from "../frame.ts";
import { continueList, startList } from "../list.ts";
import type { Outcome } from "../outcome.ts";
import { evaluate, holds, inputOf, itemsOf } from "../scope.ts";

/** Collections longer than this are kept apart. */
const INLINE_ITEMS = 100;

export function startFor(d: Draft, node: ForNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  const items = evaluate(d, node.in, input, { frame, node, input });
  if (!Array.isArray(items))
    throw new TaskError(standardError("expression", "for.in must give an array", node.reference));
  const inline = items.length <= INLINE_ITEMS;
  if (!inline) d.keepValue(frame.id, items as Json);
  const own = d.put<ForFrame>({
    ...frame,
    kind: "for",
    index: -1,
    at: 0,
    steps: 0,
    ...(inline ? { items: items as readonly Json[] } : {}),
  });
  return iterate(d, node, own, { kind: "done", output: input });
}

export function continueFor(d: Draft, node: ForNode, frame: ForFrame, ended: Outcome): Outcome {
  return iterate(d, node, frame, continueList(d, frame, node.tasks, keyOf(frame), ended));
}

/** Runs iterations until one waits, raises or ends the workflow, the items are used up, or `while` no longer holds. */
function iterate(d: Draft, node: ForNode, frame: ForFrame, ended: Outcome): Outcome {
  const items = itemsOf(d, frame);
  const input = inputOf(d, frame);
  let outcome = ended;
  while (outcome.kind === "done") {
    const index = frame.index + 1;
    if (index >= items.length) return outcome;
    d.step(node.reference);
    if (node.while !== undefined) {
      const extra = { [node.each]: items[index] ?? null, [node.at]: index };
      const site = { frame, node, input, extra };
      if (!holds(d, node.while, outcome.output, site)) return outcome;
    }
    frame = d.own(frame);
    frame.index = index;
    outcome = startList(d, frame, node.tasks, keyOf(frame), outcome.output);
  }
  return outcome;
}

function keyOf(frame: ForFrame): string {
  return `${frame.key}.${frame.index}`;
}
