/** An event comes to an instance: which `listen` takes it, now or when the instance is resumed. */
import type { ListenNode } from "@millrace/language";
import type { EventDeliveredCommand } from "../command.ts";
import type { Draft } from "../draft.ts";
import type { ListenFrame } from "../frame.ts";
import { propagate } from "../propagate.ts";
import { isTooMuch, offerTo, overflow, queueEvent, takeEvent } from "../tasks/listen.ts";

/** Offers the event to every `listen` that waits, in the order they started. @returns false when none takes it */
export function deliverEvent(d: Draft, { seq, event }: EventDeliveredCommand): boolean {
  let used = false;
  let queued = false;
  // Those that wait now: what the event sets going listens for later ones.
  for (const id of waiting(d)) {
    const listening = listeningAt(d, id);
    if (listening === undefined) continue;
    const { node, frame } = listening;
    const offered = offerTo(d, node, frame, event);
    if (!offered.consumed) continue;
    if (frame.item === undefined) {
      propagate(d, frame, () => takeEvent(d, node, frame, { seq, event }, offered));
      used = true;
    } else {
      const next = { seq, event, ...(used ? { taken: true as const } : {}) };
      propagate(d, frame, () => queueEvent(d, frame, next));
      queued = true;
    }
  }
  return used || queued;
}

/** Keeps an event that a `listen` would take until the instance is resumed; too many of them end that `listen` then. */
export function holdEvent(d: Draft, command: EventDeliveredCommand): boolean {
  const { held = [] } = d.state;
  if (held.some((each) => each.kind === command.kind && each.seq === command.seq)) return false;
  const takers = waiting(d).flatMap((id) => {
    const listening = listeningAt(d, id);
    const taken = listening && offerTo(d, listening.node, listening.frame, command.event).consumed;
    return taken === true ? [listening.frame] : [];
  });
  if (takers.length === 0) return false;
  const events = held.filter(({ kind }) => kind === command.kind);
  if (isTooMuch([...events, command])) for (const frame of takers) d.own(frame).overflowed = true;
  else d.state.held = [...held, command];
  return true;
}

/** After a resume: ends what still listens and has missed events. */
export function failOverflowed(d: Draft): void {
  for (const id of waiting(d)) {
    const listening = listeningAt(d, id);
    if (listening?.frame.overflowed !== true) continue;
    const { frame } = listening;
    propagate(d, frame, () => overflow(d, frame));
  }
}

/** The ids of those that wait, or are at work on an event. */
function waiting(d: Draft): readonly string[] {
  return [...d.frames.values()].flatMap(({ kind, id }) => (kind === "listen" ? [id] : []));
}

function listeningAt(
  d: Draft,
  id: string,
): { readonly node: ListenNode; readonly frame: ListenFrame } | undefined {
  const frame = d.frames.get(id);
  const node = frame && d.program.nodes.get(frame.ref);
  if (frame?.kind !== "listen" || node?.kind !== "listen" || frame.closed === true)
    return undefined;
  return { node, frame };
}
