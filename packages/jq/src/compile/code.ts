/**
 * The shape of compiled programs.
 *
 * Every filter compiles to closures in push style: `run` calls `emit` once per output and stops as
 * soon as `emit` answers STOP. A filter that provably gives exactly one output also has `one`, which
 * simply returns it; most everyday expressions are such and never allocate a callback. So do filters
 * with at most one output (`opt`) and with at most one for each child of a value (`over`).
 */
import { charge, number } from "../budget/budget.ts";
import type { Json } from "../values/json.ts";
import type { Steps } from "./steps.ts";

/** Go on with the next output. */
export const GO = 0;
/** Make no more outputs: someone downstream has enough, or a `break` is under way. */
export const STOP = 1;
/** A tail call waits in `pending`; only `tailRun` may answer this. */
export const TAIL = 2;

export type Signal = 0 | 1 | 2;

export type Emit = (value: Json) => Signal;
export type One = (input: Json, env: Env) => Json;
export type Run = (input: Json, env: Env, emit: Emit) => Signal;

/** A path as a list from its last key up to ROOT, which is shared while it grows. */
export interface Path {
  readonly key: Json;
  readonly up: Path | null;
}

export const ROOT: Path = { key: null, up: null };

/** `null` marks a value that no path of the input leads to. */
export type MaybePath = Path | null;
export type EmitPath = (value: Json, path: MaybePath) => Signal;
export type Paths = (input: Json, path: MaybePath, env: Env, emit: EmitPath) => Signal;

/**
 * One binding: a variable's value, a filter argument with the environment it closes over, or a
 * label's number. Environments are immutable lists, so backtracking needs no undoing.
 */
export interface Cell {
  readonly value: Json;
  readonly code: Code | undefined;
  readonly env: Env;
  readonly up: Env;
}

export type Env = Cell | null;

/** What `tailOne` answers when it left a call to `drainOne`. No program can make this value. */
const LATER: Json = { later: true };
/** What `opt` answers when there is no output. No program can make this value. */
export const NOTHING: Json = { nothing: true };
/** What `maybe` answers when a filter may give more or less than one output. */
export const NOT_ONE: Json = { notOne: true };

/** A filter that gives at most one output for each child of a value: `.items[].price`. */
export interface Over {
  /** The value whose children they are. */
  readonly from: One;
  /** The output for a child, or NOTHING; the child itself when left out. */
  readonly each: One | undefined;
  /** See `Code.fresh`. */
  readonly fresh: boolean;
}

interface CodeParts {
  readonly one?: One | undefined;
  /** The output, or NOTHING, of a filter with at most one. */
  readonly opt?: One | undefined;
  readonly over?: Over | undefined;
  /** As `one`, but may leave its last call to `drainOne`. */
  readonly tailOne?: One | undefined;
  /** The output if, in this environment, there is exactly one, else NOT_ONE without any effect. */
  readonly maybe?: One | undefined;
  readonly run: Run;
  /** As `run`, but may answer TAIL instead of making the last call itself. */
  readonly tailRun?: Run;
  /** Path mode; left out when outputs are not parts of the input. */
  readonly paths?: Paths;
  /** The only path, when it is a fixed row of steps. */
  readonly steps?: Steps | undefined;
  readonly fresh?: boolean;
  readonly fixed?: Json;
}

export class Code {
  readonly one: One | undefined;
  readonly opt: One | undefined;
  readonly over: Over | undefined;
  readonly tailOne: One | undefined;
  readonly maybe: One | undefined;
  readonly run: Run;
  readonly tailRun: Run;
  readonly paths: Paths;
  readonly steps: Steps | undefined;
  /**
   * Each output is a container just made, which nothing else refers to and whose elements are paid
   * for: putting it somewhere cannot multiply any text.
   */
  readonly fresh: boolean;
  /** The output, when it is known while compiling. */
  readonly fixed: Json | undefined;

  constructor(parts: CodeParts) {
    this.one = parts.one;
    this.opt = parts.opt ?? parts.one;
    this.over = parts.over;
    this.tailOne = parts.tailOne ?? parts.one;
    this.maybe = parts.maybe ?? parts.one;
    this.run = parts.run;
    this.tailRun = parts.tailRun ?? parts.run;
    this.paths = parts.paths ?? valuePaths(parts.run);
    this.steps = parts.steps;
    this.fresh = parts.fresh === true;
    this.fixed = parts.fixed;
  }
}

/**
 * Path mode of a filter that makes values. jq lets such a value pass until something is done with
 * its path; a value identical to the input keeps the input's path.
 */
function valuePaths(run: Run): Paths {
  return (input, path, env, emit) =>
    run(input, env, (value) => emit(value, value === input ? path : null));
}

/** A filter with exactly one output. */
export function single(one: One, paths?: Paths, tailOne?: One, steps?: Steps): Code {
  const run: Run = (input, env, emit) => emit(one(input, env));
  return new Code({ one, tailOne, run, steps, ...(paths === undefined ? {} : { paths }) });
}

export const IDENTITY: Code = single(
  (input) => input,
  (input, path, _env, emit) => emit(input, path),
  undefined,
  [],
);

export const EMPTY: Code = new Code({ opt: () => NOTHING, run: () => GO, paths: () => GO });

export function constant(value: Json): Code {
  // A literal too large for a double is an infinity, which outputs must be checked for.
  if (typeof value === "number" && !Number.isFinite(value)) return single(() => number(value));
  return new Code({ one: () => value, run: (_input, _env, emit) => emit(value), fixed: value });
}

/** A filter whose one output is a container it just made; see `Code.fresh`. */
export function maker(one: One): Code {
  return new Code({ one, run: (input, env, emit) => emit(one(input, env)), fresh: true });
}

interface Pending {
  run: Run;
  input: Json;
  env: Env;
  emit: Emit;
}

const pending: Pending = { run: () => GO, input: null, env: null, emit: () => GO };

/** Leaves a call to whoever drains; the caller must return the answer at once. */
export function requestTail(run: Run, input: Json, env: Env, emit: Emit): Signal {
  pending.run = run;
  pending.input = input;
  pending.env = env;
  pending.emit = emit;
  return TAIL;
}

/** Makes the tail calls a `tailRun` left behind. */
export function drain(first: Signal): Signal {
  let signal = first;
  while (signal === TAIL) {
    charge(1);
    signal = pending.run(pending.input, pending.env, pending.emit);
  }
  return signal;
}

const laterCall = { one: (() => null) as One, input: null as Json, env: null as Env };

/** Leaves a call with one output to `drainOne`; the caller must return the answer at once. */
export function requestOne(one: One, input: Json, env: Env): Json {
  laterCall.one = one;
  laterCall.input = input;
  laterCall.env = env;
  return LATER;
}

/** Makes the calls a `tailOne` left behind. */
export function drainOne(first: Json): Json {
  let value = first;
  while (value === LATER) {
    charge(1);
    value = laterCall.one(laterCall.input, laterCall.env);
  }
  return value;
}

/** The cell a number of steps up an environment. */
export function cellAt(env: Env, hops: number): Cell {
  let cell = env as Cell;
  for (let n = hops; n > 0; n -= 1) cell = cell.up as Cell;
  return cell;
}

export function envAt(env: Env, hops: number): Env {
  let at = env;
  for (let n = hops; n > 0; n -= 1) at = (at as Cell).up;
  return at;
}

export function withValue(value: Json, up: Env): Cell {
  return { value, code: undefined, env: null, up };
}

export function withFilter(code: Code, env: Env, up: Env): Cell {
  return { value: null, code, env, up };
}
