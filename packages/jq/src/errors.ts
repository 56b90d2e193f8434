import type { Json } from "./values/json.ts";

/** A place in a program: offset in UTF-16 units from 0, line and column from 1. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** One thing wrong with a program. */
export interface Problem {
  readonly message: string;
  readonly position: Position;
}

export type JqErrorKind = "syntax" | "runtime" | "budget";

interface JqErrorDetails {
  readonly position?: Position;
  readonly problems?: readonly Problem[];
  readonly value?: Json;
}

/**
 * What this package throws.
 *
 * - `syntax`: the program cannot be compiled; `position` is the first problem, `problems` all of them.
 * - `runtime`: the program raised an error nothing caught; `value` is the value given to `error`.
 * - `budget`: the program needed more steps, time, memory or depth than its limits allow.
 */
export class JqError extends Error {
  readonly kind: JqErrorKind;
  readonly position?: Position;
  readonly problems?: readonly Problem[];
  readonly value?: Json;

  constructor(kind: JqErrorKind, message: string, details: JqErrorDetails = {}) {
    super(message);
    this.name = "JqError";
    this.kind = kind;
    if (details.position !== undefined) this.position = details.position;
    if (details.problems !== undefined) this.problems = details.problems;
    if (details.value !== undefined) this.value = details.value;
  }
}

/**
 * A jq error on its way to a `try`. It is not an Error because programs raise errors as ordinary
 * control flow, and capturing a stack for each would cost more than the evaluation.
 */
export class Raise {
  readonly value: Json;
  /** True when jq's own wording says a value would be too large; uncaught it counts as `budget`. */
  readonly tooLarge: boolean;

  constructor(value: Json, tooLarge = false) {
    this.value = value;
    this.tooLarge = tooLarge;
  }
}

/** A `break` crossing code that cannot stop by a signal. */
export class BreakOut {
  readonly label: number;

  constructor(label: number) {
    this.label = label;
  }
}

/** Raises a jq error with a message. */
export function fail(message: string): never {
  // oxlint-disable-next-line typescript/only-throw-error -- see Raise: stack capture is too dear here
  throw new Raise(message);
}

export function failTooLarge(message: string): never {
  // oxlint-disable-next-line typescript/only-throw-error -- see Raise
  throw new Raise(message, true);
}

/** Line and column of an offset; computed only when an error needs it. */
export function positionAt(source: string, offset: number): Position {
  let line = 1;
  let start = 0;
  for (let i = source.indexOf("\n"); i >= 0 && i < offset; i = source.indexOf("\n", i + 1)) {
    line += 1;
    start = i + 1;
  }
  return { offset, line, column: offset - start + 1 };
}
