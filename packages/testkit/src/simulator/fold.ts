/** What a history says, folded into the parts of a state that it determines; and what a state says is waited for. */
import { type HistoryEvent, isTerminal, type State } from "@millrace/engine";

export interface Folded {
  readonly status: "running" | "suspended" | "cancelled" | "faulted" | "completed";
  readonly lastSeq: number;
  /** Occurrences of tasks that have started and not ended. */
  readonly open: ReadonlySet<string>;
  readonly end?: HistoryEvent;
}

/** @throws {Error} that says what is wrong with the history itself */
export function fold(events: readonly HistoryEvent[]): Folded {
  const open = new Set<string>();
  const ended = new Set<string>();
  let status: Folded["status"] = "running";
  let end: HistoryEvent | undefined;
  const close = (occurrence: string): void => {
    if (ended.has(occurrence)) throw new Error(`task ${occurrence} ends twice`);
    ended.add(occurrence);
    open.delete(occurrence);
  };
  for (const [index, event] of events.entries()) {
    if (event.seq !== index + 1) throw new Error(`fact ${event.seq} stands at ${index + 1}`);
    // Of what has ended only a faulted one goes on, by a retry.
    if (event.kind === "workflow.retried") {
      if (status !== "faulted") throw new Error(`a retry of what is ${status}`);
      status = "running";
      end = undefined;
      continue;
    }
    if (end !== undefined) throw new Error(`${event.kind} after ${end.kind}`);
    switch (event.kind) {
      case "task.started":
        if (open.has(event.occurrence)) throw new Error(`task ${event.occurrence} starts twice`);
        open.add(event.occurrence);
        break;
      case "task.completed":
      case "task.faulted":
      case "task.cancelled":
        close(event.occurrence);
        break;
      case "workflow.suspended":
        status = "suspended";
        break;
      case "workflow.resumed":
        status = "running";
        break;
      case "workflow.completed":
      case "workflow.faulted":
      case "workflow.cancelled":
        status = event.kind.slice("workflow.".length) as Folded["status"];
        end = event;
        break;
      default:
        break;
    }
  }
  return { status, lastSeq: events.length, open, ...(end === undefined ? {} : { end }) };
}

/** Compares a state with the history that led to it. Gives what differs. */
export function disagreement(state: State, folded: Folded): string | undefined {
  if (state.seq !== folded.lastSeq) return `seq ${state.seq}, last fact ${folded.lastSeq}`;
  const status = state.status === "waiting" ? "running" : state.status;
  if (status !== folded.status) return `status ${state.status}, by its history ${folded.status}`;
  const { end } = folded;
  if (end?.kind === "workflow.completed" && !same(end.output, state.output)) return "its output";
  if (end?.kind === "workflow.faulted" && !same(end.error, state.error)) return "its error";
  const frames = Object.values(state.frames).flatMap(({ id, kind }) => (kind === "root" ? [] : id));
  if (!same(frames.toSorted(), [...folded.open].toSorted()))
    return `frames ${frames.join(" ")}, open tasks ${[...folded.open].join(" ")}`;
  return undefined;
}

export interface Awaited {
  readonly activities: readonly string[];
  /** With the instant, in epoch milliseconds. */
  readonly timers: readonly string[];
  readonly children: readonly string[];
}

/** What a state waits for: the rows that have to stand beside it, no fewer and no more. */
export function awaited(state: State): Awaited {
  const activities = new Set<string>();
  const timers = new Map<string, number | undefined>();
  const children = new Set<string>();
  if (isTerminal(state.status)) return { activities: [], timers: [], children: [] };
  if (state.timeoutAt !== undefined) timers.set("W", state.timeoutAt);
  for (const frame of Object.values(state.frames)) {
    const { id } = frame;
    if (frame.timeoutAt !== undefined) timers.set(`t${id}`, frame.timeoutAt);
    if (frame.kind === "activity") activities.add(id);
    if (frame.kind === "subscription" && frame.over !== true) activities.add(id);
    if (frame.kind === "subscription" && frame.closesAt !== undefined)
      timers.set(`s${id}`, frame.closesAt);
    if (frame.kind === "child") children.add(id);
    if (frame.kind === "wait") timers.set(`w${id}`, frame.until);
    if (frame.kind !== "try") continue;
    if (frame.phase === "delay") timers.set(`r${id}`, frame.retryAt);
    if (frame.attemptUntil !== undefined) timers.set(`a${id}`, frame.attemptUntil);
  }
  for (const command of state.held ?? [])
    if (command.kind === "timer.fired") timers.delete(command.timerId);
    else if (command.kind === "child.finished") children.delete(command.childId);
    else if (command.kind !== "activity.item" && command.kind !== "event.delivered")
      activities.delete(command.activityId);
  return {
    activities: [...activities].toSorted(),
    timers: [...timers].map(([id, at]) => `${id}@${at}`).toSorted(),
    children: [...children].toSorted(),
  };
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
