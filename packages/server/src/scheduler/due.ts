/** Times that are due, and the policies that decide what becomes of them. */
import type { Exclusion } from "./decided.ts";
import { type Draft, hasRoom, MOST_AT_ONCE } from "./draft.ts";
import {
  GRACE,
  MOST_BUFFERED,
  MOST_BUFFERED_SIZE,
  type NextTime,
  type Occasion,
  type SkipReason,
} from "./schedule.ts";

/** Decides every time that is due, in order, as far as one decision goes. */
export function decideDue(draft: Draft): void {
  if (draft.state.paused !== undefined) return;
  for (
    let next = draft.state.next;
    next !== undefined && next.dueAt <= draft.now;
    next = draft.state.next
  ) {
    if (draft.full) return;
    const exclusion = draft.times.exclusion(draft.state, next.nominal);
    if (exclusion?.kind === "unknown") return draft.wait();
    advance(draft, next, exclusion !== undefined);
    const occasion = { origin: "time", nominal: next.nominal, dueAt: next.dueAt } as const;
    if (exclusion !== undefined) {
      draft.skip(occasion, "excluded", detailOf(exclusion));
      continue;
    }
    const reason = whyNot(draft, next);
    if (reason === undefined) decideOccasion(draft, occasion);
    else draft.skip(occasion, reason);
  }
}

function detailOf(exclusion: Exclusion): { readonly detail?: string } {
  return exclusion.kind === "calendar" ? { detail: `by the calendar ${exclusion.name}` } : {};
}

/**
 * Decides every time that is due before something changes; what is beyond one decision is passed over. Where nothing can be
 * started, they count as times that came after the change.
 */
export function decideAllDue(draft: Draft): void {
  if (draft.startsNothing) return;
  decideDue(draft);
  const { next, paused } = draft.state;
  if (next === undefined || paused !== undefined || next.dueAt > draft.now) return;
  draft.skip({ origin: "time", nominal: next.nominal }, "superseded", { until: draft.now });
  draft.change({ decided: draft.now, next: draft.times.next(draft.state, draft.now) });
}

/** The time counts as decided, and the one after it is next. */
function advance(draft: Draft, { nominal }: NextTime, excluded: boolean): void {
  const { trigger } = draft.state.spec;
  // After an excluded time nothing runs whose end could be waited for.
  const next =
    trigger.kind === "after"
      ? excluded && draft.times.at(draft.state, nominal + trigger.milliseconds)
      : draft.times.next(draft.state, nominal);
  draft.change({ decided: nominal, next: next || undefined });
}

/** A reason of the time itself, whatever runs. The draft stands at the time after it. */
function whyNot(draft: Draft, { dueAt }: NextTime): SkipReason | undefined {
  const { catchUp, catchUpWindow, trigger } = draft.state.spec;
  const late = draft.now - dueAt;
  // What counts from the end of an instance is not at a time of the day that could be missed.
  if (late <= GRACE || trigger.kind === "after") return undefined;
  if (catchUp === "none") return "missed";
  if (late > catchUpWindow) return "outside-window";
  if (catchUp === "all") return undefined;
  return laterRuns(draft) ? "superseded" : undefined;
}

/** Times in a row on excluded days that are looked through for one that runs. */
const MOST_LOOKED_AT = 10_000;

/** Whether a later time has come too: one on an excluded day takes the place of none. */
function laterRuns(draft: Draft): boolean {
  let { next } = draft.state;
  for (let n = 0; n < MOST_LOOKED_AT; n++) {
    if (next === undefined || next.dueAt > draft.now) return false;
    if (draft.times.exclusion(draft.state, next.nominal) === undefined) return true;
    next = draft.times.next(draft.state, next.nominal);
  }
  return false;
}

/** The overlap policy. */
export function decideOccasion(draft: Draft, occasion: Occasion): void {
  const { running, buffer, spec } = draft.state;
  if (running.length === 0 && buffer.length === 0) {
    draft.start(occasion);
    return;
  }
  switch (spec.overlap) {
    case "allow":
      draft.start(occasion);
      return;
    case "skip":
      return draft.skip(occasion, "overlap");
    case "bufferOne":
      return buffered(draft, occasion, 1);
    case "bufferAll":
      return buffered(draft, occasion, MOST_BUFFERED);
    case "cancelOther":
      draft.cancelRunning();
      for (const waiting of buffer) draft.skip(waiting, "superseded");
      return draft.change({ buffer: [occasion] });
    case "terminateOther":
      draft.cancelRunning();
      draft.start(occasion);
  }
}

function buffered(draft: Draft, occasion: Occasion, most: number): void {
  const { buffer } = draft.state;
  const size = [...buffer, occasion].reduce((sum, each) => sum + (each.size ?? 0), 0);
  // One that is larger by itself may wait alone.
  const tooLarge = buffer.length > 0 && size > MOST_BUFFERED_SIZE;
  if (buffer.length >= most || tooLarge) draft.skip(occasion, "buffer-full");
  else draft.change({ buffer: [...buffer, occasion] });
}

/** Starts what waits and may go now, and goes on with the backfills. */
export function workOff(draft: Draft): void {
  for (;;) {
    const { running, buffer } = draft.state;
    const [first, ...others] = buffer;
    if (first !== undefined && running.length === 0) {
      draft.change({ buffer: others });
      // Others may wait behind it.
      draft.start(first, true);
    }
    if (!hasRoom(draft.state) || draft.full || draft.waits) return;
    backfill(draft);
  }
}

/** One stretch of the oldest backfill. */
function backfill(draft: Draft): void {
  const [first, ...others] = draft.state.backfills;
  if (first === undefined) return;
  const buffer: Occasion[] = [];
  let { after } = first;
  let over = false;
  for (let n = 0; n < MOST_AT_ONCE; n++) {
    const time = draft.times.next(draft.state, after);
    if (time === undefined || time.nominal > first.until) {
      over = true;
      break;
    }
    const exclusion = draft.times.exclusion(draft.state, time.nominal);
    if (exclusion?.kind === "unknown") {
      draft.wait();
      break;
    }
    after = time.nominal;
    const occasion = { origin: "backfill", nominal: time.nominal, dueAt: time.nominal } as const;
    if (exclusion !== undefined) {
      draft.skip(occasion, "excluded", detailOf(exclusion));
      continue;
    }
    if (first.overlap === "allow") draft.start(occasion);
    else buffer.push(occasion);
  }
  const rest = over ? [] : [{ ...first, after }];
  draft.change({ backfills: [...rest, ...others], buffer: [...draft.state.buffer, ...buffer] });
}
