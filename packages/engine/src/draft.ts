/**
 * The working copy of one decision. It starts from the committed state, collects facts and effects, and becomes the next
 * state. Frames are copied when first changed, so the state that came in stays as it was.
 */
import type { Json, Program } from "@millrace/language";
import type { Environment } from "./decide.ts";
import type { Effect } from "./effect.ts";
import { FatalError, standardError } from "./errors.ts";
import type { HistoryEvent } from "./event.ts";
import type { Frame } from "./frame.ts";
import { arrived } from "./held.ts";
import type { Failure } from "./kept.ts";
import type { Refusal } from "./retry-instance.ts";
import type { State } from "./state.ts";

/** Tasks entered in one decision before it counts as a runaway. */
const MAX_STEPS = 100_000;
/** Milliseconds one decision may take where a clock is given. */
const MAX_DURATION = 5_000;

type Unnumbered<E> = E extends unknown ? Omit<E, "seq" | "at"> : never;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Draft {
  readonly program: Program;
  /** The state that came in. */
  readonly original: State;
  readonly env: Environment;
  readonly events: HistoryEvent[] = [];
  /** The scalar part of the state; `frames` and `values` below replace those in it. */
  readonly state: Mutable<State>;
  readonly frames: Map<string, Frame>;
  readonly values: Map<string, Json>;
  /** See `Decision.nesting`. */
  readonly nesting: Map<string, string> | undefined;
  /** What the error under way has closed so far. */
  failure: Failure | undefined;
  /** Why the command was refused. */
  refusal: Refusal | undefined;
  readonly #owned = new Set<string>();
  readonly #effects = new Map<string, Effect>();
  /** What arrived while suspended: nothing of it is open outside any more. */
  readonly #arrived: ReadonlySet<string>;
  readonly #began: number;
  #steps = 0;
  #valuesChanged = false;

  constructor(program: Program, state: State, env: Environment) {
    this.program = program;
    this.original = state;
    this.env = env;
    this.state = { ...state };
    this.frames = new Map();
    for (const id in state.frames) {
      const frame = state.frames[id];
      if (frame !== undefined) this.frames.set(id, frame);
    }
    this.values = new Map(state.values === undefined ? undefined : Object.entries(state.values));
    this.nesting = env.nesting === true ? new Map() : undefined;
    this.#arrived = arrived(state);
    this.#began = env.monotonic?.() ?? 0;
  }

  /** Counts one task entered. @throws {FatalError} when the decision's budget is spent */
  step(reference: string): void {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) {
      throw new FatalError(
        standardError(
          "runtime",
          `more than ${MAX_STEPS} tasks ran without waiting for anything: an endless loop?`,
          reference,
        ),
      );
    }
    const elapsed = (this.env.monotonic?.() ?? this.#began) - this.#began;
    if (elapsed > MAX_DURATION) {
      throw new FatalError(
        standardError("runtime", `tasks ran for ${MAX_DURATION} ms without waiting`, reference),
      );
    }
  }

  /** The next frame id. */
  nextId(): string {
    const id = String(this.state.next);
    this.state.next += 1;
    return id;
  }

  /** Adds or replaces a frame, which this draft may then change in place. */
  put<F extends Frame>(frame: F): F {
    this.frames.set(frame.id, frame);
    this.#owned.add(frame.id);
    return frame;
  }

  /** A frame that may be changed in place: a copy of the committed one, made once. */
  own<F extends Frame>(frame: F): F {
    const current = this.frames.get(frame.id);
    if (current === undefined) return this.put({ ...frame });
    // A frame's id is never used again, so what stands under it is of the kind the caller holds.
    return this.#owned.has(frame.id) ? (current as F) : this.put({ ...(current as F) });
  }

  /** Removes a frame, its timeout timer and its kept values. */
  close(frame: Frame): void {
    const current = this.frames.get(frame.id) ?? frame;
    this.frames.delete(frame.id);
    this.failure?.frames.set(frame.id, current);
    if (current.timeoutAt !== undefined) this.clearTimer(`t${frame.id}`);
    if (current.kind === "for" && current.items === undefined) this.dropValue(frame.id);
  }

  keepValue(key: string, value: Json): void {
    this.values.set(key, value);
    this.#valuesChanged = true;
  }

  dropValue(key: string): void {
    const value = this.values.get(key);
    if (value !== undefined) this.failure?.values.set(key, value);
    if (this.values.delete(key)) this.#valuesChanged = true;
  }

  /** Appends a fact to the history. */
  record(event: Unnumbered<HistoryEvent>): void {
    this.state.seq += 1;
    this.events.push({ seq: this.state.seq, at: this.env.now, ...event });
  }

  /** Asks for something of the outside world. */
  effect(effect: Effect): void {
    this.#effects.set(effectKey(effect), effect);
  }

  setTimer(timerId: string, at: number): void {
    this.effect({ kind: "timer.set", timerId, at });
  }

  clearTimer(timerId: string): void {
    this.#retract(`timer:${timerId}`, { kind: "timer.clear", timerId });
  }

  cancelActivity(activityId: string): void {
    this.#retract(`activity:${activityId}`, { kind: "activity.cancel", activityId });
  }

  cancelChild(childId: string): void {
    this.#retract(`child:${childId}`, { kind: "child.cancel", childId });
  }

  /** A subscription may have been set again in this very decision: what counts is whether one stood before. */
  clearSubscription(subscriptionId: string): void {
    const key = `subscription:${subscriptionId}`;
    if (this.original.frames[subscriptionId]?.kind === "listen")
      this.#effects.set(key, { kind: "subscription.clear", subscriptionId });
    else this.#effects.delete(key);
  }

  /** What was asked for in this very decision is simply not asked for; anything older is taken back. */
  #retract(key: string, undo: Effect): void {
    const asked = this.#effects.get(key);
    if (asked !== undefined && asked.kind !== undo.kind) this.#effects.delete(key);
    else if (!this.#arrived.has(key)) this.#effects.set(key, undo);
  }

  /** The next state. */
  finish(): { state: State; effects: Effect[] } {
    const frames: Record<string, Frame> = {};
    for (const [id, frame] of this.frames) frames[id] = frame;
    const { state } = this;
    state.frames = frames;
    if (this.values.size === 0) delete state.values;
    else if (this.#valuesChanged) state.values = Object.fromEntries(this.values);
    return { state, effects: [...this.#effects.values()] };
  }
}

function effectKey(effect: Effect): string {
  switch (effect.kind) {
    case "activity.schedule":
    case "activity.cancel":
      return `activity:${effect.activityId}`;
    case "activity.next":
      return `next:${effect.activityId}`;
    case "timer.set":
    case "timer.clear":
      return `timer:${effect.timerId}`;
    case "child.start":
    case "child.cancel":
      return `child:${effect.childId}`;
    case "subscription.set":
    case "subscription.clear":
      return `subscription:${effect.subscriptionId}`;
    case "event.returned":
      return `returned:${effect.seqs.join()}`;
    case "event.emit":
      return `event:${JSON.stringify(effect.event.id)}`;
  }
}
