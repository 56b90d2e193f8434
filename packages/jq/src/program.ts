/** Compiled programs and how they run. */
import {
  exceeded,
  finish,
  limits as activeLimits,
  outputsMayBeLarge,
  outputsMayBeStrange,
  start,
} from "./budget/budget.ts";
import { DEFAULT_LIMITS } from "./budget/limits.ts";
import type { Limits } from "./budget/limits.ts";
import { resetBreaks } from "./compile/breaks.ts";
import { GO, NOTHING, STOP } from "./compile/code.ts";
import type { Code, One } from "./compile/code.ts";
import { Compiler } from "./compile/compiler.ts";
import { BreakOut, JqError, Raise } from "./errors.ts";
import { parse } from "./parse/parser.ts";
import { finiteOutput, outputSize } from "./values/outputs.ts";
import type { Json } from "./values/json.ts";
import { toJson } from "./values/print.ts";

/** What an evaluation may know of the time. */
export interface RunContext {
  /** Epoch milliseconds `now`, `localtime` and the like use. Default: the time of first use. */
  readonly now?: number;
  /**
   * Millisecond clock for the time budget. Default: `performance.now`. Pass `() => 0` to switch the
   * time budget off, for evaluations that must end the same way every time they are repeated.
   */
  readonly monotonic?: () => number;
}

export interface CompileOptions {
  /** Names, without `$`, of the variables `run` is given values for. */
  readonly variables?: readonly string[];
  readonly limits?: Partial<Limits>;
}

/** A compiled program; it keeps no state between evaluations. */
export interface Program {
  /** All outputs. Throws JqError of kind `runtime` or `budget`. */
  run(input: Json, values?: Readonly<Record<string, Json>>, context?: RunContext): Json[];
  /** The first output, or undefined when there is none; stops as soon as it is found. */
  first(
    input: Json,
    values?: Readonly<Record<string, Json>>,
    context?: RunContext,
  ): Json | undefined;
}

interface Clock {
  readonly now: () => number;
}

// `performance` is no part of the language, so it is looked up where it exists.
const clock: Clock | undefined = (globalThis as { performance?: Clock }).performance;
// oxlint-disable-next-line no-restricted-globals -- the documented default of `context.now`
const wallClock = (): number => Date.now();
const monotonicClock: () => number = clock === undefined ? wallClock : () => clock.now();

/** A jq error nothing caught, or a native one, as what callers see. */
function report(error: unknown): unknown {
  if (error instanceof Raise) {
    const { value } = error;
    const message = typeof value === "string" ? value : `${toJson(value, 1000)} (not a string)`;
    return new JqError(error.tooLarge ? "budget" : "runtime", message, { value });
  }
  if (error instanceof BreakOut) return new JqError("runtime", "break");
  // The last resort: the stack or a string's length gave out before the budget did.
  if (error instanceof RangeError) {
    return new JqError("budget", `The program exceeded the engine's limits: ${error.message}`);
  }
  return error;
}

const NO_VALUES: Readonly<Record<string, Json>> = {};
const NO_CONTEXT: RunContext = {};
const NONE: readonly Json[] = [];

class CompiledProgram implements Program {
  private readonly code: Code;
  private readonly opt: One | undefined;
  private readonly variables: readonly string[];
  private readonly limits: Limits;

  constructor(code: Code, variables: readonly string[], limits: Limits) {
    this.code = code;
    this.opt = code.opt;
    this.variables = variables;
    this.limits = limits;
  }

  run(input: Json, values = NO_VALUES, context = NO_CONTEXT): Json[] {
    const outer = this.start(values, context);
    try {
      const { opt } = this;
      if (opt === undefined) return this.all(input);
      const value = opt(input, null);
      return value === NOTHING ? [] : [checked(value)];
    } catch (error) {
      resetBreaks();
      throw report(error);
    } finally {
      finish(outer);
    }
  }

  first(input: Json, values = NO_VALUES, context = NO_CONTEXT): Json | undefined {
    const outer = this.start(values, context);
    try {
      const { opt } = this;
      const value = opt === undefined ? firstOf(this.code, input) : opt(input, null);
      return value === NOTHING ? undefined : checked(value);
    } catch (error) {
      resetBreaks();
      throw report(error);
    } finally {
      finish(outer);
    }
  }

  private start(values: Readonly<Record<string, Json>>, context: RunContext) {
    const { now = wallClock, monotonic = monotonicClock } = context;
    const variables = this.variables.length === 0 ? NONE : this.values(values);
    return start(this.limits, now, monotonic, variables);
  }

  private values(values: Readonly<Record<string, Json>>): readonly Json[] {
    const own: Json[] = [];
    for (const name of this.variables) {
      own.push(Object.hasOwn(values, name) ? (values[name] as Json) : null);
    }
    return own;
  }

  private all(input: Json): Json[] {
    const outputs: Json[] = [];
    const most = this.limits.outputs;
    this.code.run(input, null, (value) => {
      if (outputs.length >= most) throw exceeded(`budget of ${most} outputs`);
      outputs.push(value);
      return GO;
    });
    return allChecked(outputs);
  }
}

function firstOf(code: Code, input: Json): Json {
  let first = NOTHING;
  code.run(input, null, (value) => {
    first = value;
    return STOP;
  });
  return first;
}

/** An output fit to leave: JSON numbers only, and no more text than the size budget allows. */
function checked(output: Json): Json {
  if (!outputsMayBeStrange() && !outputsMayBeLarge()) return output;
  return allChecked([output])[0] as Json;
}

/** As `checked`, for all outputs together. */
function allChecked(outputs: Json[]): Json[] {
  const safe = outputsMayBeStrange() ? outputs.map(finiteOutput) : outputs;
  // Outputs may share their parts as the elements of containers may.
  if (safe.length > 16 || outputsMayBeLarge()) {
    const most = activeLimits().outputBytes;
    let size = 0;
    for (const output of safe) {
      size += outputSize(output, most - size);
      if (size > most) throw exceeded(`size budget of ${most} for all outputs`);
    }
  }
  return safe;
}

interface Compiled {
  readonly code: Code | undefined;
  readonly error: JqError | undefined;
}

function build(source: string, variables: readonly string[]): Compiled {
  try {
    const compiler = new Compiler(source, variables);
    const code = compiler.compile(parse(source), null);
    const { problems } = compiler;
    const [first] = problems;
    if (first === undefined) return { code, error: undefined };
    const { position } = first;
    return { code: undefined, error: new JqError("syntax", first.message, { position, problems }) };
  } catch (error) {
    if (error instanceof JqError) {
      const { position, message } = error;
      if (position === undefined || error.problems !== undefined) return { code: undefined, error };
      const problems = [{ message, position }];
      return { code: undefined, error: new JqError("syntax", message, { position, problems }) };
    }
    if (!(error instanceof RangeError)) throw error;
    const position = { offset: 0, line: 1, column: 1 };
    const message = "The program nests too deeply";
    return {
      code: undefined,
      error: new JqError("syntax", message, { position, problems: [{ message, position }] }),
    };
  }
}

/**
 * Compiles a program once for any number of evaluations.
 *
 * @throws JqError of kind `syntax`, with the position of the first problem and all `problems`.
 */
export function compile(source: string, options: CompileOptions = {}): Program {
  const variables = options.variables ?? [];
  const { code, error } = build(source, variables);
  if (code === undefined) throw error as JqError;
  return new CompiledProgram(code, variables, { ...DEFAULT_LIMITS, ...options.limits });
}

/**
 * What is wrong with a program, or undefined. One syntax error ends the check; unknown functions,
 * variables, labels and formats are all reported, in `problems`.
 */
export function check(source: string, options: CompileOptions = {}): JqError | undefined {
  return build(source, options.variables ?? []).error;
}
