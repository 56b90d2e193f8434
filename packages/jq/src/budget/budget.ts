/**
 * The running evaluation's budget.
 *
 * An evaluation is synchronous from start to end, so its counters live in this module rather than
 * in an argument of every closure: the hot path is one subtraction and one comparison. There is one
 * object for them all, which the engine can treat as a constant; an evaluation that starts inside
 * another, from one of its clocks, sets the outer one's counters aside.
 */
import { JqError } from "../errors.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import type { Json } from "../values/json.ts";

/** Steps between two looks at the clock. */
const CLOCK_STEPS = 2048;

/** A clock, in milliseconds. */
export type Clock = () => number;

interface State {
  limits: Limits;
  /** Epoch milliseconds used by `now`, or a clock for them that is read at most once. */
  now: number | Clock;
  /** Millisecond clock for the time budget. */
  monotonic: Clock;
  /** Values of the declared variables, in declaration order. */
  variables: readonly Json[];
  running: boolean;
  /** Steps left before the next look at the clock. */
  ticks: number;
  /** Steps left after those. */
  reserve: number;
  deadline: number;
  depth: number;
  /** Values with parts put in new containers; a small count proves outputs cannot have exploded. */
  built: number;
  /** A number that is not finite may be among the outputs. */
  strange: boolean;
  labels: number;
}

const NONE: readonly Json[] = [];
const STOPPED: Clock = () => 0;
/** What may be charged while no evaluation runs: parsing and printing are also used by themselves. */
const IDLE_STEPS = 2 ** 30;

const state: State = {
  limits: DEFAULT_LIMITS,
  now: 0,
  monotonic: STOPPED,
  variables: NONE,
  running: false,
  ticks: 0,
  reserve: IDLE_STEPS,
  deadline: -1,
  depth: 0,
  built: 0,
  strange: false,
  labels: 0,
};

/** Starts an evaluation; give the result to `finish`. */
export function start(
  limits: Limits,
  now: number | Clock,
  monotonic: Clock,
  variables: readonly Json[],
): State | undefined {
  const outer = state.running ? { ...state } : undefined;
  const { steps } = limits;
  const ticks = steps < CLOCK_STEPS ? steps : CLOCK_STEPS;
  state.limits = limits;
  state.now = now;
  state.monotonic = monotonic;
  state.variables = variables;
  state.running = true;
  state.ticks = ticks;
  state.reserve = steps - ticks;
  state.deadline = -1;
  state.depth = 0;
  state.built = 0;
  state.strange = false;
  state.labels = 0;
  return outer;
}

/** Ends an evaluation and goes on with the one around it, if there is one. */
export function finish(outer: State | undefined): void {
  if (outer !== undefined) {
    Object.assign(state, outer);
    return;
  }
  state.running = false;
  state.reserve = IDLE_STEPS;
  // Nothing of the caller's is kept.
  state.variables = NONE;
  state.monotonic = STOPPED;
  state.now = 0;
}

export function exceeded(what: string): JqError {
  return new JqError("budget", `The program exceeded its ${what}`);
}

function refill(): void {
  const s = state;
  const owed = -s.ticks;
  if (owed > s.reserve) throw exceeded(`budget of ${s.limits.steps} steps`);
  s.reserve -= owed;
  const now = s.monotonic();
  // The clock is first read here, so evaluations shorter than one round never pay for it.
  if (s.deadline < 0) s.deadline = now + s.limits.timeMs;
  else if (now > s.deadline) throw exceeded(`budget of ${s.limits.timeMs} ms`);
  s.ticks = Math.min(CLOCK_STEPS, s.reserve);
  s.reserve -= s.ticks;
}

/** Pays for n units of work. */
export function charge(n: number): void {
  if ((state.ticks -= n) < 0) refill();
}

/** Pays for a new container of n elements, which may be large ones. */
export function chargeBuilt(n: number): void {
  const s = state;
  s.built += n;
  if ((s.ticks -= n) < 0) refill();
}

/** Strings up to this length count as small. */
const SMALL = 64;

/** Whether a value's text may be large; nulls, booleans, numbers and short strings are small. */
export function isLarge(value: Json): boolean {
  return typeof value === "object"
    ? value !== null
    : typeof value === "string" && value.length > SMALL;
}

/** Pays for putting a value in a new container. */
export function chargeItem(value: Json): void {
  const s = state;
  if (isLarge(value)) s.built += 1;
  if ((s.ticks -= 1) < 0) refill();
}

/** As `chargeItem` for each of n values, some of which are large. */
export function chargeItems(n: number, large: number): void {
  const s = state;
  s.built += large;
  if ((s.ticks -= n) < 0) refill();
}

/**
 * Pays for touching n elements while making containers that hold what one or two values hold,
 * everything once, so that their text is as long, near enough.
 */
export function chargeSame(n: number): void {
  const s = state;
  s.built += 2;
  if ((s.ticks -= n) < 0) refill();
}

/**
 * Pays for copying n elements in a block, which is far cheaper than touching each. However many they
 * are, the copy's text is no longer than that of the one or two containers they come from.
 */
export function chargeCopy(n: number): void {
  const s = state;
  s.built += 2;
  if ((s.ticks -= (n >> 4) + 1) < 0) refill();
}

/** Pays for a string of this length; refuses one that is too long. */
export function chargeString(length: number): void {
  if (length > state.limits.outputBytes) {
    throw exceeded(`size budget of ${state.limits.outputBytes} (a string of ${length})`);
  }
  charge((length >> 8) + 1);
}

/** Pays for reading a string from end to end. */
export function chargeScan(length: number): void {
  if (length > 31) charge(length >> 5);
}

export function enterCall(): void {
  const s = state;
  if ((s.ticks -= 1) < 0) refill();
  if ((s.depth += 1) > s.limits.depth) throw exceeded(`depth budget of ${s.limits.depth} calls`);
}

export function leaveCall(): void {
  state.depth -= 1;
}

export function callDepth(): number {
  return state.depth;
}

/** After an error was caught, the calls it left are no longer open. */
export function restoreDepth(depth: number): void {
  state.depth = depth;
}

export function variable(index: number): Json {
  return state.variables[index] as Json;
}

export function newLabel(): number {
  return state.labels++;
}

/** Epoch milliseconds; the same for the whole evaluation. */
export function nowMs(): number {
  if (typeof state.now !== "number") state.now = state.now();
  return state.now;
}

/** Notes that a number may be NaN or infinite, so that outputs get checked. */
export function number(value: number): number {
  if (value - value !== 0) state.strange = true;
  return value;
}

/**
 * Whether outputs have to be measured. Up to 16 large values in new containers cannot multiply the
 * text of the input beyond some hundred times, and small ones are paid for by a step each.
 */
export function outputsMayBeLarge(): boolean {
  const s = state;
  if (s.built > 16) return true;
  return (s.limits.steps - s.reserve - s.ticks) * SMALL > s.limits.outputBytes;
}

export function outputsMayBeStrange(): boolean {
  return state.strange;
}

export function limits(): Limits {
  return state.limits;
}
