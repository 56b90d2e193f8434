/** What must hold between the state of an instance and what is open for it outside. */
import type { HeldCommand, State } from "@millrace/engine";

type Frame = State["frames"][string];

/** The keys of everything that a state waits for, sorted: `activity:3`, `child:5`, `timer:w4`, `event:6`. */
export function waitsOf(state: State): readonly string[] {
  const held = new Set((state.held ?? []).map(keyOf));
  const waits = Object.values(state.frames).flatMap(waitsOfFrame);
  if (state.timeoutAt !== undefined) waits.push("timer:W");
  return waits.filter((key) => !held.has(key)).toSorted();
}

function waitsOfFrame(frame: Frame): string[] {
  const waits = frame.timeoutAt === undefined ? [] : [`timer:t${frame.id}`];
  if (frame.kind === "activity" || frame.kind === "child") waits.push(`${frame.kind}:${frame.id}`);
  if (frame.kind === "listen" && frame.closed !== true) waits.push(`event:${frame.id}`);
  if (frame.kind === "subscription" && frame.over !== true) waits.push(`activity:${frame.id}`);
  if (frame.kind === "subscription" && frame.closesAt !== undefined)
    waits.push(`timer:s${frame.id}`);
  if (frame.kind === "wait") waits.push(`timer:w${frame.id}`);
  if (frame.kind === "try" && frame.phase === "delay") waits.push(`timer:r${frame.id}`);
  if (frame.kind === "try" && frame.attemptUntil !== undefined) waits.push(`timer:a${frame.id}`);
  return waits;
}

/** What a command that arrived while suspended had settled. */
function keyOf(command: HeldCommand): string {
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

/** The same keys, sorted for comparison. */
export function openOutside(open: ReadonlySet<string>): readonly string[] {
  return [...open].toSorted();
}

/** Freezes deeply: whoever changes it afterwards throws. */
export function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) freeze(each);
  }
  return value;
}
