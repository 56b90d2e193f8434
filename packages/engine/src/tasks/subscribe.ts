/**
 * `call: asyncapi` with a subscription (DSL reference "AsyncAPI Subscription"): one activity brings message after message.
 *
 *   idle ──message──▶ filter ──no──▶ idle (wants the next)
 *    ▲                  │ yes
 *    │                  ▼
 *    └── while, until ◀── foreach.do, output, export     (one message at a time, in order)
 *             │ enough
 *             ▼
 *           ended: the messages, or what `foreach.output` made of them, in order
 *
 * The activity brings the next message only when it is asked to (`activity.next`), so that a fast publisher fills no state.
 */
import type { Json, SubscribeNode } from "@millrace/language";
import { cancelBelow, release } from "../cancel.ts";
import type { ActivityItemCommand } from "../command.ts";
import type { Draft } from "../draft.ts";
import { produceOutput } from "../enter.ts";
import type { Frame, SubscriptionFrame } from "../frame.ts";
import { continueList, startList } from "../list.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { duration, holds, inputOf, type Site } from "../scope.ts";
import { scheduleActivity } from "./activity.ts";

/** One that may go on for ever must not grow for ever: without an `amount` the last outputs are kept. */
const MOST_OUTPUTS = 1000;

export function startSubscription(d: Draft, node: SubscribeNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  const site: Site = { frame, node, input };
  const { amount, until } = node.consume;
  if (amount !== undefined && amount <= 0) return { kind: "done", output: [] };
  if (until !== undefined && holds(d, until, input, site)) return { kind: "done", output: [] };
  const period = node.consume.for && duration(d, node.consume.for, input, site);
  scheduleActivity(d, node, frame, "call:asyncapi");
  const closesAt = period === undefined ? {} : { closesAt: d.env.now + period };
  d.put<SubscriptionFrame>({
    ...frame,
    ...closesAt,
    kind: "subscription",
    index: -1,
    at: 0,
    steps: 0,
    gathered: [],
  });
  if (closesAt.closesAt !== undefined) d.setTimer(`s${frame.id}`, closesAt.closesAt);
  return WAITING;
}

/** A message while none is at hand; a second copy of the last one asks for the next once more. */
export function takeItem(
  d: Draft,
  node: SubscribeNode,
  frame: SubscriptionFrame,
  { itemId, item }: ActivityItemCommand,
): Outcome {
  if (itemId === frame.last) return wantNext(d, frame);
  const own = d.own(frame);
  own.last = itemId;
  const { filter, foreach } = node;
  return orRelease(d, own, () => {
    const site = siteOf(d, node, own);
    if (filter !== undefined && !holds(d, filter, item, site)) return wantNext(d, own);
    own.index += 1;
    own.item = item;
    if (foreach === undefined) return itemDone(d, node, own, { kind: "done", output: item });
    return itemDone(d, node, own, startList(d, own, foreach.tasks, keyOf(own), item));
  });
}

export function continueSubscription(
  d: Draft,
  node: SubscribeNode,
  frame: SubscriptionFrame,
  ended: Outcome,
): Outcome {
  const tasks = node.foreach?.tasks ?? [];
  return orRelease(d, frame, () =>
    itemDone(d, node, frame, continueList(d, frame, tasks, keyOf(frame), ended)),
  );
}

/** What ends the task, or the workflow, takes the subscription back. */
function orRelease(d: Draft, frame: SubscriptionFrame, body: () => Outcome): Outcome {
  let outcome: Outcome | undefined;
  try {
    outcome = body();
    return outcome;
  } finally {
    const kind = outcome?.kind ?? "raised";
    if (kind === "raised" || kind === "end") release(d, d.own(frame));
  }
}

/** No more messages: the period is over, or the activity has ended by itself. What is under way comes to its end first. */
export function closeSubscription(d: Draft, frame: SubscriptionFrame): Outcome {
  d.own(frame).closing = true;
  return frame.item === undefined ? finish(d, frame) : WAITING;
}

/** The activity failed: what is done with a message ends with it. */
export function breakSubscription(d: Draft, frame: SubscriptionFrame): void {
  const own = d.own(frame);
  own.over = true;
  cancelBelow(d, own);
  release(d, own);
}

function itemDone(
  d: Draft,
  node: SubscribeNode,
  frame: SubscriptionFrame,
  ended: Outcome,
): Outcome {
  if (ended.kind !== "done") return ended;
  const own = d.own(frame);
  const { item = null } = own;
  const output = produceOutput(d, node.foreach ?? {}, ended.output, siteOf(d, node, own));
  const gathered = [...own.gathered, output];
  own.gathered = node.consume.amount === undefined ? gathered.slice(-MOST_OUTPUTS) : gathered;
  const enough = own.closing === true || isEnough(d, node, own, item);
  delete own.item;
  return enough ? finish(d, own) : wantNext(d, own);
}

function isEnough(d: Draft, node: SubscribeNode, frame: SubscriptionFrame, item: Json): boolean {
  const { amount, while: condition, until } = node.consume;
  const site = siteOf(d, node, frame);
  if (amount !== undefined && frame.index + 1 >= amount) return true;
  if (condition !== undefined && !holds(d, condition, item, site)) return true;
  return until !== undefined && holds(d, until, item, site);
}

function siteOf(
  d: Draft,
  node: SubscribeNode,
  frame: SubscriptionFrame,
): Site & { readonly node: SubscribeNode } {
  const site = { frame, node, input: inputOf(d, frame) };
  if (node.foreach === undefined || frame.item === undefined) return site;
  const extra = { [node.foreach.item]: frame.item, [node.foreach.at]: frame.index };
  return { ...site, extra };
}

function wantNext(d: Draft, frame: SubscriptionFrame): Outcome {
  d.effect({ kind: "activity.next", activityId: frame.id, itemId: frame.last ?? "" });
  return WAITING;
}

function finish(d: Draft, frame: SubscriptionFrame): Outcome {
  release(d, frame);
  return { kind: "done", output: frame.gathered };
}

function keyOf(frame: SubscriptionFrame): string {
  return `${frame.key}.${frame.index}`;
}
