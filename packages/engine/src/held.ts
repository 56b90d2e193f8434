/** Results and timers that arrive while an instance is suspended. */
import type { EventDeliveredCommand } from "./command.ts";
import type { Draft } from "./draft.ts";
import type { HeldCommand, State } from "./state.ts";

/** Names what the command settles: `activity:3`, `child:5`, `timer:w4`. */
export function heldKey(command: HeldCommand): string {
  switch (command.kind) {
    case "timer.fired":
      return `timer:${command.timerId}`;
    case "child.finished":
      return `child:${command.childId}`;
    case "activity.item":
      return `item:${command.activityId}`;
    case "event.delivered":
      return `delivered:${command.seq}`;
    default:
      return `activity:${command.activityId}`;
  }
}

/** Whether the instance waits for what the command brings: false for a late result, a stale timer, a second copy. */
export function isAwaited(d: Draft, command: Exclude<HeldCommand, EventDeliveredCommand>): boolean {
  const key = heldKey(command);
  if (d.state.held?.some((each) => heldKey(each) === key)) return false;
  switch (command.kind) {
    case "timer.fired":
      return isArmed(d, command.timerId);
    case "child.finished":
      return d.frames.get(command.childId)?.kind === "child";
    case "activity.item":
      // While one is dealt with, the next stays with who brings it, as it does when nothing is suspended.
      return isSubscribed(d, command.activityId) && !isBusy(d, command.activityId);
    default:
      return (
        d.frames.get(command.activityId)?.kind === "activity" || isSubscribed(d, command.activityId)
      );
  }
}

/** True when the activity of a subscription has not ended, nor is about to. */
function isSubscribed(d: Draft, activityId: string): boolean {
  const frame = d.frames.get(activityId);
  if (frame?.kind !== "subscription" || frame.over === true) return false;
  return !d.state.held?.some((each) => heldKey(each) === `activity:${activityId}`);
}

function isArmed(d: Draft, timerId: string): boolean {
  if (timerId === "W") return d.state.timeoutAt !== undefined && d.env.now >= d.state.timeoutAt;
  const frame = d.frames.get(timerId.slice(1));
  switch (timerId[0]) {
    case "w":
      return frame?.kind === "wait";
    case "t":
      return frame?.timeoutAt !== undefined;
    case "s":
      return frame?.kind === "subscription" && frame.closesAt !== undefined;
    case "r":
      return frame?.kind === "try" && frame.phase === "delay";
    case "a":
      return frame?.kind === "try" && frame.attemptUntil !== undefined;
    default:
      return false;
  }
}

/** The keys of what arrived: nothing of it is open outside any more. */
export function arrived(state: State): ReadonlySet<string> {
  return new Set(state.held?.map(heldKey));
}

/** True while something is done with an earlier message: the next one is asked for when that has ended. */
export function isBusy(d: Draft, id: string): boolean {
  const frame = d.frames.get(id);
  return frame?.kind === "subscription" && frame.item !== undefined;
}

/** When a timer that fires only at its time does so. */
export function dueAt(d: Draft, timerId: string): number | undefined {
  if (timerId === "W") return d.state.timeoutAt;
  const frame = d.frames.get(timerId.slice(1));
  if (frame?.kind !== "try") return undefined;
  return timerId.startsWith("r") ? frame.retryAt : frame.attemptUntil;
}
