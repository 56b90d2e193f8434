/** The working copy of one decision of a schedule. */
import type {
  ScheduleAnswer,
  ScheduleDecided,
  ScheduledStart,
  ScheduleEnvironment,
  Times,
} from "./decided.ts";
import { listensTo } from "./strategy.ts";
import { scheduledInstanceId } from "./ids.ts";
import type { Occasion, ScheduleDecision, ScheduleState, SkipReason } from "./schedule.ts";

/** Instances that one decision starts or passes over; what is left is decided in the next. */
export const MOST_AT_ONCE = 200;

/** Milliseconds until what could not be decided is looked at again. */
const WAIT = 1_000;

export class Draft {
  state: ScheduleState;
  answer: ScheduleAnswer | undefined;
  /** True for one that is being made. */
  isNew = false;
  /** True when what is due cannot be decided yet: a calendar of the schedule is not known. */
  waits = false;
  readonly now: number;
  readonly times: Times;
  readonly startsNothing: boolean;
  readonly #before: ScheduleState;
  readonly #starts: ScheduledStart[] = [];
  readonly #cancels: string[] = [];
  readonly #decisions: ScheduleDecision[] = [];

  constructor(state: ScheduleState, { now, times, startsNothing = false }: ScheduleEnvironment) {
    this.state = state;
    this.#before = state;
    this.now = now;
    this.times = times;
    this.startsNothing = startsNothing;
  }

  /** True when this decision has done enough. */
  get full(): boolean {
    return this.#starts.length + this.#decisions.length >= MOST_AT_ONCE;
  }

  /** What is due is looked at again a little later. */
  wait(): void {
    this.waits = true;
  }

  /** A member that is undefined goes. */
  change(
    members: { readonly [Key in keyof ScheduleState]?: ScheduleState[Key] | undefined },
  ): void {
    const next: Record<string, unknown> = { ...this.state };
    for (const [key, value] of Object.entries(members))
      if (value === undefined) delete next[key];
      else next[key] = value;
    this.state = next as unknown as ScheduleState;
  }

  /** Starts an instance. @returns its id */
  start(occasion: Occasion, report = wantsReport(this.state)): string {
    const instanceId = scheduledInstanceId(this.state, occasion);
    this.#starts.push({ instanceId, occasion, report, spec: this.state.spec });
    const { origin, nominal, key } = occasion;
    this.#record({ origin, nominal, ...keyed(key), outcome: "started", instanceId, at: this.now });
    const known = this.state.running.some((each) => each.instanceId === instanceId);
    if (report && !known)
      this.change({ running: [...this.state.running, { instanceId, nominal }] });
    return instanceId;
  }

  /** Cancels all that runs; each is still waited for. */
  cancelRunning(): void {
    for (const { instanceId } of this.state.running) this.#cancels.push(instanceId);
  }

  skip(
    { origin, nominal, key }: Pick<Occasion, "origin" | "nominal" | "key">,
    reason: SkipReason,
    more: Pick<ScheduleDecision, "until" | "count" | "detail"> = {},
  ): void {
    const last = this.#decisions.at(-1);
    const alike = last?.reason === reason && last.origin === origin;
    const plain = key === undefined && last?.key === undefined && more.detail === last?.detail;
    // Times in a row with one reason are one record.
    if (alike && plain && last.nominal < nominal) {
      const count = (last.count ?? 1) + (more.count ?? 1);
      this.#decisions[this.#decisions.length - 1] = {
        ...last,
        until: more.until ?? nominal,
        count,
      };
      return;
    }
    this.#record({
      origin,
      nominal,
      ...keyed(key),
      ...more,
      outcome: "skipped",
      reason,
      at: this.now,
    });
  }

  /** What it listens to hangs on its spec and on whether it is paused. */
  #listens(): ScheduleDecided["listens"] {
    const { spec, paused } = this.state;
    const before = this.#before;
    if (
      !this.isNew &&
      spec === before.spec &&
      (paused === undefined) === (before.paused === undefined)
    )
      return undefined;
    const now = listensTo(this.state, this.now);
    // Also one that is over, and would listen to nothing now, has listened since it was made.
    const listened = !this.isNew && before.spec.trigger.kind === "on";
    return now.length > 0 || listened ? now : undefined;
  }

  #record(decision: ScheduleDecision): void {
    this.#decisions.push(decision);
  }

  finish(): ScheduleDecided {
    const changed = this.state !== this.#before;
    if (changed) this.state = { ...this.state, updatedAt: this.now };
    const acted = changed || this.waits || this.#starts.length > 0 || this.#decisions.length > 0;
    const wakeAt = this.waits ? this.now + WAIT : wakeOf(this.state, this.now);
    const listens = this.#listens();
    return {
      state: this.state,
      changed: acted,
      starts: this.#starts,
      cancels: this.#cancels,
      decisions: this.#decisions,
      ...(wakeAt === undefined ? {} : { wakeAt }),
      ...(listens === undefined ? {} : { listens }),
      answer: this.answer ?? { kind: acted ? "done" : "ignored" },
    };
  }
}

function keyed(key: string | undefined): { readonly key?: string } {
  return key === undefined ? {} : { key };
}

/** When a schedule is to be looked at next. */
export function wakeOf(state: ScheduleState, now: number): number | undefined {
  if (hasRoom(state)) return now;
  return state.paused === undefined ? state.next?.dueAt : undefined;
}

/** True when a backfill can go on: one that buffers waits for room. */
export function hasRoom({ backfills, buffer }: ScheduleState): boolean {
  const [first] = backfills;
  return first !== undefined && (first.overlap === "allow" || buffer.length === 0);
}

/** Whether the ends of instances matter to it. */
function wantsReport({ spec }: ScheduleState): boolean {
  const { overlap, trigger, pauseAfterFailures } = spec;
  return overlap !== "allow" || trigger.kind === "after" || pauseAfterFailures !== undefined;
}
