/**
 * `listen`: waits for events (DSL reference "Listen", "Event Consumption Strategy", "Subscription Iterator").
 *
 *   waiting ──event──▶ wanted? ──no──▶ waiting (the event is not taken)
 *    ▲  ▲                │ yes
 *    │  │                ▼
 *    │  └─ more ── foreach.do, output, export ◀─┐     (one event at a time, in order)
 *    │                │ until holds, or         │
 *    │                ▼ the strategy is satisfied
 *    │              ended: what was read of the events, or what `foreach.output` made of them
 *    │
 *    └── events that come meanwhile wait in the frame and are offered in their turn
 *
 * The subscription tells those who bring events what is still wanted. It is set again when less is: when a correlation value
 * becomes fixed, or one of `all` has come.
 */
import { deepEqual, type Json, type JsonObject, type ListenNode } from "@millrace/language";
import { cancelBelow, giveBack, queuing, release, unsubscribe } from "../cancel.ts";
import type { EventDeliveredCommand } from "../command.ts";
import type { Draft } from "../draft.ts";
import { standardError, TaskError } from "../errors.ts";
import { readEvent } from "../events/read.ts";
import {
  type Evaluation,
  isEmpty,
  offer,
  type Offered,
  startStrategy,
  untilHolds,
  wanted,
} from "../events/strategy.ts";
import type { Frame, ListenFrame, QueuedEvent } from "../frame.ts";
import { beginFailure } from "../kept.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { asTaskError, contextOf, inputOf, scopeOf, type Site } from "../scope.ts";
import {
  continueItem,
  itemSite,
  MOST_OUTPUTS,
  orRelease,
  outputOfItem,
  restartItem,
  startItem,
} from "./iteration.ts";

/** Most events that wait in a frame, and most characters of them as JSON; as many while the instance is suspended. */
export const MOST_EVENTS = 1_000;
export const MOST_CHARACTERS = 1_000_000;

export function startListen(d: Draft, node: ListenNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  if (isEmpty(node.to)) return { kind: "done", output: [] };
  const site = { frame, node, input };
  const strategy = evaluating(d, site, (evaluation) => startStrategy(node.to, input, evaluation));
  const own = d.put<ListenFrame>({
    ...(d.frames.get(frame.id) ?? frame),
    kind: "listen",
    strategy,
    index: -1,
    at: 0,
    steps: 0,
    gathered: [],
  });
  d.record({ kind: "workflow.correlation.started", task: own.ref, occurrence: own.id });
  return wait(d, node, own);
}

/** What a waiting frame would make of the event. */
export function offerTo(
  d: Draft,
  node: ListenNode,
  frame: ListenFrame,
  event: JsonObject,
): Offered {
  return evaluating(d, itemSite(d, node, frame), (evaluation) =>
    offer(node.to, frame.strategy, event, evaluation),
  );
}

/** An event comes in its turn, and is wanted. */
export function takeEvent(
  d: Draft,
  node: ListenNode,
  frame: ListenFrame,
  { seq, event }: Pick<EventDeliveredCommand, "seq" | "event">,
  offered: Offered,
): Outcome {
  return orRelease(d, frame, () =>
    goOn(d, node, d.own(frame), consume(d, node, d.own(frame), { seq, event }, offered)),
  );
}

/** An event comes while `foreach` is at work on another. */
export function queueEvent(d: Draft, frame: ListenFrame, event: QueuedEvent): Outcome {
  return orRelease(d, frame, () => {
    const own = d.own(frame);
    own.queue = [...(own.queue ?? []), event];
    return isTooMuch(own.queue) ? overflow(d, own) : WAITING;
  });
}

export function isTooMuch(waiting: readonly object[]): boolean {
  return waiting.length > MOST_EVENTS || JSON.stringify(waiting).length > MOST_CHARACTERS;
}

/** Too much waits: what is done with an event ends with the task. */
export function overflow(d: Draft, frame: ListenFrame): Outcome {
  const detail = `more than ${MOST_EVENTS} events, or ${MOST_CHARACTERS} characters of them, wait for this listen`;
  const error = standardError("runtime", detail, frame.ref);
  beginFailure(d, error, frame);
  cancelBelow(d, frame);
  release(d, frame);
  return { kind: "raised", error };
}

/**
 * After a retry: listens again for what has not come yet, unless it had all it waited for. Events that waited in the frame
 * were given back, and are brought again.
 * @param idle nothing is under way below: an event at hand is begun with again
 */
export function listenAgain(
  d: Draft,
  node: ListenNode,
  frame: ListenFrame,
  idle: boolean,
): Outcome {
  const own = d.own(frame);
  delete own.overflowed;
  delete own.queue;
  if (own.satisfied === true) own.closed = true;
  else {
    delete own.closed;
    d.record({ kind: "workflow.correlation.started", task: own.ref, occurrence: own.id });
  }
  if (idle && own.item !== undefined)
    return orRelease(d, own, () => goOn(d, node, own, restartItem(d, node, own)));
  if (own.closed !== true) return wait(d, node, own);
  return idle ? { kind: "done", output: own.gathered } : WAITING;
}

export function continueListen(
  d: Draft,
  node: ListenNode,
  frame: ListenFrame,
  ended: Outcome,
): Outcome {
  return orRelease(d, frame, () => goOn(d, node, frame, continueItem(d, node, frame, ended)));
}

/** From the end of what is done with one event to the next that has to be waited for. */
function goOn(
  d: Draft,
  node: ListenNode,
  frame: ListenFrame,
  ended: Outcome | "unlisted",
): Outcome {
  let outcome = ended;
  for (;;) {
    const own = d.own(frame);
    if (outcome !== "unlisted") {
      if (outcome.kind === "waiting" && own.closed !== true) return wait(d, node, own);
      if (outcome.kind !== "done") return outcome;
      gather(d, node, own, outcome.output);
    }
    if (own.closed === true) return { kind: "done", output: own.gathered };
    const next = nextQueued(d, node, own);
    if (next === undefined) return wait(d, node, own);
    outcome = consume(d, node, own, ...next);
  }
}

/** The event is used up: for the output, where what is done with it begins, or by `until` alone. */
function consume(
  d: Draft,
  node: ListenNode,
  own: ListenFrame,
  { seq, event }: QueuedEvent,
  { state, listed, satisfied }: Offered,
): Outcome | "unlisted" {
  d.step(node.reference);
  own.strategy = state;
  for (const other of queuing(d, seq)) markTaken(d, other, seq);
  if (satisfied) complete(d, own);
  return listed ? startItem(d, node, own, readEvent(event, node.read)) : "unlisted";
}

function gather(d: Draft, node: ListenNode, own: ListenFrame, rawOutput: Json): void {
  const gathered = [...own.gathered, outputOfItem(d, node, own, rawOutput)];
  if (node.foreach === undefined && gathered.length > MOST_OUTPUTS) throw tooMany(node);
  own.gathered = gathered.slice(-MOST_OUTPUTS);
  const site = itemSite(d, node, own);
  delete own.item;
  if (own.closed === true) return;
  if (evaluating(d, site, (evaluation) => untilHolds(node.to, own.gathered, evaluation)))
    complete(d, own);
}

function tooMany({ reference }: ListenNode): TaskError {
  const detail = `more than ${MOST_OUTPUTS} events: use foreach to deal with each as it comes`;
  return new TaskError(standardError("runtime", detail, reference));
}

/** The first of those that wait that is still wanted; the others are given back. */
function nextQueued(
  d: Draft,
  node: ListenNode,
  own: ListenFrame,
): readonly [QueuedEvent, Offered] | undefined {
  while (own.queue !== undefined) {
    const [first, ...rest] = own.queue;
    if (rest.length > 0) own.queue = rest;
    else delete own.queue;
    if (first === undefined) return undefined;
    const offered = offerTo(d, node, own, first.event);
    if (offered.consumed) return [first, offered];
    if (first.taken !== true) giveBack(d, [first.seq]);
  }
  return undefined;
}

function markTaken(d: Draft, frame: ListenFrame, seq: number): void {
  const own = d.own(frame);
  own.queue = (own.queue ?? []).map((each) => (each.seq === seq ? { ...each, taken: true } : each));
}

/** The listen has what it waits for. */
function complete(d: Draft, own: ListenFrame): void {
  own.satisfied = true;
  unsubscribe(d, own);
  const { fixed: keys = {} } = own.strategy;
  const fact = { task: own.ref, occurrence: own.id, keys };
  d.record({ kind: "workflow.correlation.completed", ...fact });
}

/** Waits for more, and says so when less is wanted than before. */
function wait(d: Draft, node: ListenNode, own: ListenFrame): Outcome {
  const before = d.original.frames[own.id];
  const filters = wanted(node.to, own.strategy);
  const known = before?.kind === "listen" ? wanted(node.to, before.strategy) : undefined;
  if (known === undefined || !deepEqual(known as unknown as Json, filters as unknown as Json))
    d.effect({ kind: "subscription.set", subscriptionId: own.id, filters });
  return WAITING;
}

function evaluating<T>(d: Draft, site: Site, body: (evaluation: Evaluation) => T): T {
  try {
    return body({ scope: (uses) => scopeOf(d, uses, site), context: contextOf(d) });
  } catch (error) {
    throw asTaskError(error, site);
  }
}
