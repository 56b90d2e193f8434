/** Results, values and timers: which frame each is for, and what it makes of it. */
import type { Json, SubscribeNode } from "@millrace/language";
import { cancelBelow, release } from "./cancel.ts";
import type { Draft } from "./draft.ts";
import { isBusy } from "./held.ts";
import type { WorkflowError } from "./error.ts";
import { standardError } from "./errors.ts";
import { deliverEvent } from "./events/deliver.ts";
import type { Frame, SubscriptionFrame } from "./frame.ts";
import { beginFailure } from "./kept.ts";
import type { Outcome } from "./outcome.ts";
import { faultInstance, propagate } from "./propagate.ts";
import { inputOf } from "./scope.ts";
import type { HeldCommand } from "./state.ts";
import { breakSubscription, closeSubscription, takeItem } from "./tasks/subscribe.ts";
import { attemptExpired, retryDue } from "./tasks/try.ts";

/** Hands what arrived to the frame that waits for it. @returns false when none does */
export function deliver(d: Draft, command: HeldCommand, now = d.env.now): boolean {
  switch (command.kind) {
    case "activity.completed":
      return (
        subscription(d, command.activityId, (_, frame) => endSubscription(d, frame)) ??
        leaf(d, command.activityId, "activity", () => done(command.output))
      );
    case "activity.failed":
      return (
        subscription(d, command.activityId, (_, frame) => {
          const outcome = raised(command.error, frame);
          beginFailure(d, outcome.error, frame);
          breakSubscription(d, frame);
          return outcome;
        }) ?? leaf(d, command.activityId, "activity", (frame) => raised(command.error, frame))
      );
    case "activity.item":
      if (isBusy(d, command.activityId)) return false;
      return (
        subscription(d, command.activityId, (node, frame) => takeItem(d, node, frame, command)) ??
        false
      );
    case "child.finished": {
      const { result } = command;
      return leaf(d, command.childId, "child", (frame) =>
        result.status === "completed"
          ? done(result.output)
          : raised({ ...result.error, instance: frame.ref }, frame),
      );
    }
    case "timer.fired":
      return fire(d, command.timerId, now);
    case "event.delivered":
      return deliverEvent(d, command);
  }
}

function done(output: Json): Outcome {
  return { kind: "done", output };
}
function raised(error: WorkflowError, frame: Frame): Outcome & { readonly error: WorkflowError } {
  return { kind: "raised", error: { instance: frame.ref, ...error } };
}

/** Ends the waiting frame with this id, if it is still there. */
function leaf(
  d: Draft,
  id: string,
  kind: Frame["kind"],
  outcome: (frame: Frame) => Outcome,
): boolean {
  const frame = d.frames.get(id);
  if (frame?.kind !== kind) return false;
  propagate(d, frame, () => outcome(frame));
  return true;
}

/** Goes on with the subscription that the activity belongs to; undefined when it belongs to none. */
function subscription(
  d: Draft,
  id: string,
  body: (node: SubscribeNode, frame: SubscriptionFrame) => Outcome,
): boolean | undefined {
  const frame = d.frames.get(id);
  const node = frame && d.program.nodes.get(frame.ref);
  if (frame?.kind !== "subscription" || node?.kind !== "subscribe") return undefined;
  if (frame.over === true) return false;
  propagate(d, frame, () => body(node, frame));
  return true;
}

function endSubscription(d: Draft, frame: SubscriptionFrame): Outcome {
  const own = d.own(frame);
  own.over = true;
  return closeSubscription(d, own);
}

/** Timer ids are a letter for what they end, and the frame's id. */
function fire(d: Draft, timerId: string, now: number): boolean {
  if (timerId === "W") {
    // One from before a retry set it anew comes too early.
    if (d.state.timeoutAt === undefined || now < d.state.timeoutAt) return false;
    delete d.state.timeoutAt;
    faultInstance(d, standardError("timeout", "the workflow timed out", "/"));
    return true;
  }
  const id = timerId.slice(1);
  switch (timerId[0]) {
    case "w":
      return leaf(d, id, "wait", (frame) => done(inputOf(d, frame)));
    case "t":
      return timeOut(d, id);
    case "s":
      return (
        subscription(d, id, (_, frame) => {
          const own = d.own(frame);
          delete own.closesAt;
          return closeSubscription(d, own);
        }) ?? false
      );
    case "r":
    case "a":
      return fireTry(d, timerId[0], id, now);
    default:
      return false;
  }
}

function timeOut(d: Draft, id: string): boolean {
  const frame = d.frames.get(id);
  if (frame?.timeoutAt === undefined) return false;
  const expired = d.own(frame);
  // The timer has fired: there is nothing to clear.
  delete expired.timeoutAt;
  const error = standardError("timeout", "the task timed out", frame.ref);
  beginFailure(d, error, frame);
  cancelBelow(d, expired);
  release(d, expired);
  propagate(d, expired, () => ({ kind: "raised", error }));
  return true;
}

function fireTry(d: Draft, letter: "r" | "a", id: string, now: number): boolean {
  const frame = d.frames.get(id);
  if (frame?.kind !== "try") return false;
  const node = d.program.nodes.get(frame.ref);
  if (node?.kind !== "try") return false;
  if (letter === "r") {
    if (frame.phase !== "delay" || now < (frame.retryAt ?? 0)) return false;
    propagate(d, frame, () => retryDue(d, node, frame));
    return true;
  }
  if (frame.attemptUntil === undefined || now < frame.attemptUntil) return false;
  delete d.own(frame).attemptUntil;
  const error = standardError("timeout", "the attempt timed out", frame.ref);
  propagate(d, frame, () => attemptExpired(d, node, frame, error));
  return true;
}
