/** What `listen` and the subscriptions of `call: asyncapi` share: one item after another, and what is done with each. */
import type { Json, ListenNode, SubscribeNode } from "@millrace/language";
import { release } from "../cancel.ts";
import type { Draft } from "../draft.ts";
import { produceOutput } from "../enter.ts";
import type { ListenFrame, SubscriptionFrame } from "../frame.ts";
import { continueList, startList } from "../list.ts";
import type { Outcome } from "../outcome.ts";
import { inputOf, type Site } from "../scope.ts";

type IteratingNode = SubscribeNode | ListenNode;
type IteratingFrame = SubscriptionFrame | ListenFrame;

/** One that may go on for ever must not grow for ever: the last outputs are kept where nothing else bounds them. */
export const MOST_OUTPUTS = 1000;

/** What is done with the next item, as far as it goes; the item itself without `foreach`. */
export function startItem(
  d: Draft,
  { foreach }: IteratingNode,
  frame: IteratingFrame,
  item: Json,
): Outcome {
  const own = d.own(frame);
  own.index += 1;
  own.item = item;
  if (foreach === undefined) return { kind: "done", output: item };
  return startList(d, own, foreach.tasks, keyOf(own), item);
}

/** After a retry: what is done with the item at hand, from its beginning. */
export function restartItem(d: Draft, node: IteratingNode, frame: IteratingFrame): Outcome {
  const own = d.own(frame);
  const { item = null } = own;
  own.gathered = own.gathered.slice(0, own.index);
  own.index -= 1;
  return startItem(d, node, own, item);
}

export function continueItem(
  d: Draft,
  { foreach }: IteratingNode,
  frame: IteratingFrame,
  ended: Outcome,
): Outcome {
  return continueList(d, frame, foreach?.tasks ?? [], keyOf(frame), ended);
}

/** What the item at hand came to, shaped by `foreach.output`; `foreach.export` sets the context. */
export function outputOfItem(
  d: Draft,
  node: IteratingNode,
  frame: IteratingFrame,
  rawOutput: Json,
): Json {
  return produceOutput(d, node.foreach ?? {}, rawOutput, itemSite(d, node, frame));
}

/** Where conditions are asked: the item and its index are known while one is at hand. */
export function itemSite<Node extends IteratingNode>(
  d: Draft,
  node: Node,
  frame: IteratingFrame,
): Site & { readonly node: Node } {
  const site = { frame, node, input: inputOf(d, frame) };
  if (node.foreach === undefined || frame.item === undefined) return site;
  const extra = { [node.foreach.item]: frame.item, [node.foreach.at]: frame.index };
  return { ...site, extra };
}

/** What ends the task, or the workflow, takes back what the frame waits for. */
export function orRelease(d: Draft, frame: IteratingFrame, body: () => Outcome): Outcome {
  let outcome: Outcome | undefined;
  try {
    outcome = body();
    return outcome;
  } finally {
    const kind = outcome?.kind ?? "raised";
    if (kind === "raised" || kind === "end") release(d, d.own(frame));
  }
}

function keyOf(frame: IteratingFrame): string {
  return `${frame.key}.${frame.index}`;
}
