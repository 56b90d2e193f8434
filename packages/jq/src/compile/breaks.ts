/**
 * `label` and `break` (manual: Breaking out of control structures).
 *
 * A break travels as a STOP signal with the label noted here; where a single value is expected and
 * no signal can pass, it travels as a BreakOut exception.
 */
import { newLabel } from "../budget/budget.ts";
import { BreakOut } from "../errors.ts";
import type { Json } from "../values/json.ts";
import { cellAt, Code, GO, STOP, withValue } from "./code.ts";
import type { Signal } from "./code.ts";

let breaking = -1;

/** Turns a STOP that nobody downstream asked for into an exception. */
export function mustGo(signal: Signal): void {
  if (signal !== STOP) return;
  const label = breaking;
  breaking = -1;
  // oxlint-disable-next-line typescript/only-throw-error -- control flow, not an error
  throw new BreakOut(label);
}

/** The break under way as a caught error shows it, after which it is over. */
export function catchBreak(): Json {
  const label = breaking;
  breaking = -1;
  return { __jq: label };
}

export function resetBreaks(): void {
  breaking = -1;
}

export function breakTo(hops: number): Code {
  const stop = (label: Json): Signal => {
    breaking = label as number;
    return STOP;
  };
  return new Code({
    run: (_input, env) => stop(cellAt(env, hops).value),
    paths: (_input, _path, env) => stop(cellAt(env, hops).value),
  });
}

function labelled(run: (label: number) => Signal): Signal {
  const label = newLabel();
  try {
    const signal = run(label);
    if (signal !== STOP || breaking !== label) return signal;
  } catch (error) {
    if (!(error instanceof BreakOut) || error.label !== label) throw error;
  }
  breaking = -1;
  return GO;
}

export function label(body: Code): Code {
  return new Code({
    run: (input, env, emit) => labelled((n) => body.run(input, withValue(n, env), emit)),
    paths: (input, path, env, emit) =>
      labelled((n) => body.paths(input, path, withValue(n, env), emit)),
  });
}
