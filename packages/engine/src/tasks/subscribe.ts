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
import type { Frame, SubscriptionFrame } from "../frame.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { duration, holds, inputOf, type Site } from "../scope.ts";
import { scheduleActivity } from "./activity.ts";
import {
  MOST_OUTPUTS,
  continueItem,
  itemSite,
  orRelease,
  outputOfItem,
  restartItem,
  startItem,
} from "./iteration.ts";

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
  const { filter } = node;
  return orRelease(d, own, () => {
    const site = itemSite(d, node, own);
    if (filter !== undefined && !holds(d, filter, item, site)) return wantNext(d, own);
    return itemDone(d, node, own, startItem(d, node, own, item));
  });
}

/**
 * After a retry: the subscription is opened anew, unless it was about to end. Its message ids begin anew, too, so a message
 * that the broker gives again counts as another.
 * @param idle nothing is under way below: a message at hand is begun with again
 */
export function reopenSubscription(
  d: Draft,
  node: SubscribeNode,
  frame: SubscriptionFrame,
  idle: boolean,
): Outcome {
  const own = d.own(frame);
  delete own.last;
  delete own.closesAt;
  if (own.closing === true) own.over = true;
  else delete own.over;
  try {
    if (own.over !== true) openAgain(d, node, own);
    if (!idle) return WAITING;
    if (own.item !== undefined)
      return orRelease(d, own, () => itemDone(d, node, own, restartItem(d, node, own)));
    return own.over === true ? finish(d, own) : WAITING;
  } catch (error) {
    cancelBelow(d, own);
    throw error;
  }
}

function openAgain(d: Draft, node: SubscribeNode, frame: SubscriptionFrame): void {
  const input = inputOf(d, frame);
  const period = node.consume.for && duration(d, node.consume.for, input, { frame, node, input });
  scheduleActivity(d, node, frame, "call:asyncapi");
  if (period === undefined) return;
  frame.closesAt = d.env.now + period;
  d.setTimer(`s${frame.id}`, frame.closesAt);
}

export function continueSubscription(
  d: Draft,
  node: SubscribeNode,
  frame: SubscriptionFrame,
  ended: Outcome,
): Outcome {
  return orRelease(d, frame, () => itemDone(d, node, frame, continueItem(d, node, frame, ended)));
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
  const output = outputOfItem(d, node, own, ended.output);
  const gathered = [...own.gathered, output];
  own.gathered = node.consume.amount === undefined ? gathered.slice(-MOST_OUTPUTS) : gathered;
  const enough = own.closing === true || isEnough(d, node, own, item);
  delete own.item;
  return enough ? finish(d, own) : wantNext(d, own);
}

function isEnough(d: Draft, node: SubscribeNode, frame: SubscriptionFrame, item: Json): boolean {
  const { amount, while: condition, until } = node.consume;
  const site = itemSite(d, node, frame);
  if (amount !== undefined && frame.index + 1 >= amount) return true;
  if (condition !== undefined && !holds(d, condition, item, site)) return true;
  return until !== undefined && holds(d, until, item, site);
}

function wantNext(d: Draft, frame: SubscriptionFrame): Outcome {
  d.effect({ kind: "activity.next", activityId: frame.id, itemId: frame.last ?? "" });
  return WAITING;
}

function finish(d: Draft, frame: SubscriptionFrame): Outcome {
  d.own(frame).closing = true;
  release(d, frame);
  return { kind: "done", output: frame.gathered };
}
