/** Takes back everything that runs below a frame: activities, timers, children, and the frames themselves. */
import type { Draft } from "./draft.ts";
import type { Frame, ListenFrame } from "./frame.ts";

/** Cancels all frames below `top`, innermost first; `top` itself stays. */
export function cancelBelow(d: Draft, top: Frame): void {
  const children = new Map<string, Frame[]>();
  for (const frame of d.frames.values()) {
    if (frame.parent === undefined) continue;
    const siblings = children.get(frame.parent);
    if (siblings === undefined) children.set(frame.parent, [frame]);
    else siblings.push(frame);
  }
  const visit = (frame: Frame): void => {
    for (const child of children.get(frame.id) ?? []) {
      visit(child);
      cancelOne(d, child);
    }
  };
  visit(top);
}

function cancelOne(d: Draft, frame: Frame): void {
  release(d, frame);
  const shown = frame.kind !== "extended" && !(frame.kind === "task" && frame.pending === true);
  if (shown) d.record({ kind: "task.cancelled", task: frame.ref, occurrence: frame.id });
  d.close(frame);
}

/** Takes back what the frame itself waits for. */
export function release(d: Draft, frame: Frame): void {
  switch (frame.kind) {
    case "activity":
      d.cancelActivity(frame.id);
      break;
    case "subscription":
      if (frame.over !== true) d.cancelActivity(frame.id);
      if (frame.closesAt !== undefined) d.clearTimer(`s${frame.id}`);
      break;
    case "listen":
      unsubscribe(d, frame);
      break;
    case "child":
      d.cancelChild(frame.id);
      break;
    case "wait":
      d.clearTimer(`w${frame.id}`);
      break;
    case "try":
      clearTryTimers(d, frame);
      break;
    case "fork":
      dropForkOutputs(d, frame);
      break;
    default:
      break;
  }
}

/** Clears the timer a `try` may have armed in its phase. */
export function clearTryTimers(d: Draft, frame: Extract<Frame, { kind: "try" }>): void {
  if (frame.phase === "delay") d.clearTimer(`r${frame.id}`);
  if (frame.attemptUntil !== undefined) d.clearTimer(`a${frame.id}`);
}

/** Drops the outputs a wide fork kept apart. */
export function dropForkOutputs(d: Draft, frame: Extract<Frame, { kind: "fork" }>): void {
  if (frame.outputs !== undefined) return;
  for (const key of d.values.keys()) if (key.startsWith(`${frame.id}.`)) d.dropValue(key);
}

/** Nothing more is listened for: the events that still wait in the frame are given back. */
export function unsubscribe(d: Draft, frame: ListenFrame): void {
  if (frame.closed === true) return;
  const own = d.own(frame);
  own.closed = true;
  d.clearSubscription(own.id);
  const { queue = [] } = own;
  delete own.queue;
  giveBack(
    d,
    queue.flatMap(({ seq, taken }) => (taken === true ? [] : [seq])),
  );
}

/** Gives back events that this frame took and did not use, but for those that wait in another. */
export function giveBack(d: Draft, seqs: readonly number[]): void {
  const unused = seqs.filter((seq) => !queuing(d, seq).length);
  if (unused.length > 0) d.effect({ kind: "event.returned", seqs: unused });
}

/** The frames in which the event waits. */
export function queuing(d: Draft, seq: number): readonly ListenFrame[] {
  return [...d.frames.values()].filter(
    (frame): frame is ListenFrame =>
      frame.kind === "listen" && frame.queue?.some((each) => each.seq === seq) === true,
  );
}
