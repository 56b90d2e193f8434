/**
 * The running evaluation's budget.
 *
 * An evaluation is synchronous from start to end, so its counters live in this module rather than
 * in an argument of every closure: the hot path is one subtraction and one comparison. Nested
 * evaluations save and restore the whole state.
 */
import { JqError } from "../errors.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import type { Json } from "../values/json.ts";

/** Steps between two looks at the clock. */
const CLOCK_STEPS = 2048;

/** What an evaluation can see of the outside: two clocks and the caller's variables. */
export interface Surroundings {
  /** Epoch milliseconds used by `now`; read at most once. */
  readonly now: () => number;
  /** Millisecond clock for the time budget. */
  readonly monotonic: () => number;
  /** Values of the declared variables, in declaration order. */
  readonly variables: readonly Json[];
}

interface State {
  limits: Limits;
  around: Surroundings;
  /** Steps left before the next look at the clock. */
  ticks: number;
  /** Steps left after those. */
  reserve: number;
  deadline: number;
  depth: number;
  /** Elements put in new containers; a small count proves outputs cannot have exploded. */
  built: number;
  /** A number that is not finite may be among the outputs. */
  strange: boolean;
  labels: number;
  now: number | undefined;
}

const IDLE: Surroundings = { now: () => 0, monotonic: () => 0, variables: [] };

let state: State = newState(DEFAULT_LIMITS, IDLE);

function newState(limits: Limits, around: Surroundings): State {
  const ticks = Math.min(CLOCK_STEPS, limits.steps);
  return {
    limits,
    around,
    ticks,
    reserve: limits.steps - ticks,
    deadline: -1,
    depth: 0,
    built: 0,
    strange: false,
    labels: 0,
    now: undefined,
  };
}

/** Starts an evaluation; give the result to `finish`. */
export function start(limits: Limits, around: Surroundings): State {
  const previous = state;
  state = newState(limits, around);
  return previous;
}

export function finish(previous: State): void {
  state = previous;
}

export function exceeded(what: string): JqError {
  return new JqError("budget", `The program exceeded its ${what}`);
}

function refill(): void {
  const s = state;
  const owed = -s.ticks;
  if (owed > s.reserve) throw exceeded(`budget of ${s.limits.steps} steps`);
  s.reserve -= owed;
  const now = s.around.monotonic();
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

/** Pays for a new container of n elements. */
export function chargeBuilt(n: number): void {
  const s = state;
  s.built += n;
  if ((s.ticks -= n) < 0) refill();
}

/** Pays for copying n elements in a block, which is far cheaper than touching each. */
export function chargeCopy(n: number): void {
  state.built += n;
  charge((n >> 4) + 1);
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
  return state.around.variables[index] as Json;
}

export function newLabel(): number {
  return state.labels++;
}

/** Epoch milliseconds; the same for the whole evaluation. */
export function nowMs(): number {
  if (state.now === undefined) state.now = state.around.now();
  return state.now;
}

/** Notes that a number may be NaN or infinite, so that outputs get checked. */
export function number(value: number): number {
  if (value - value !== 0) state.strange = true;
  return value;
}

export function outputsMayBeLarge(): boolean {
  return state.built > 16;
}

export function outputsMayBeStrange(): boolean {
  return state.strange;
}

export function limits(): Limits {
  return state.limits;
}
