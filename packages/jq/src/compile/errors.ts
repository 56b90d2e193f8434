/** `try`, `catch` and `?` (manual: Error handling). */
import { callDepth, restoreDepth } from "../budget/budget.ts";
import { BreakOut, Raise } from "../errors.ts";
import type { Json } from "../values/json.ts";
import { catchBreak } from "./breaks.ts";
import { Code, EMPTY, single, STOP } from "./code.ts";
import type { One, Signal } from "./code.ts";

/** What the handler gets, or a rethrow when the error is none of the program's. */
function caught(error: unknown, depth: number): Json {
  if (error instanceof Raise) {
    restoreDepth(depth);
    return error.value;
  }
  if (error instanceof BreakOut) {
    restoreDepth(depth);
    return { __jq: error.label };
  }
  throw error;
}

/** Keeps apart errors and stops of the body from those of whatever consumes its outputs. */
interface Watch {
  /** An output is being consumed right now. */
  busy: boolean;
  /** The consumer asked for the stop. */
  stopped: boolean;
}

function guard(body: (watch: Watch) => Signal, handle: (error: Json) => Signal): Signal {
  const watch: Watch = { busy: false, stopped: false };
  const depth = callDepth();
  let signal: Signal;
  try {
    signal = body(watch);
  } catch (error) {
    if (watch.busy) throw error;
    return handle(caught(error, depth));
  }
  // A stop nobody downstream asked for is a `break` in the body, which jq raises as an error.
  if (signal === STOP && !watch.stopped) return handle(catchBreak());
  return signal;
}

function consume(watch: Watch, signal: () => Signal): Signal {
  watch.busy = true;
  const answer = signal();
  watch.busy = false;
  if (answer === STOP) watch.stopped = true;
  return answer;
}

/** Both modes of a body and a handler with at most one output each. */
function attempt(body: One | undefined, rescue: One | undefined): One | undefined {
  if (body === undefined || rescue === undefined) return undefined;
  return (input, env) => {
    const depth = callDepth();
    let error: Json;
    try {
      return body(input, env);
    } catch (thrown) {
      error = caught(thrown, depth);
    }
    return rescue(error, env);
  };
}

/** `try body catch handler` */
export function tryCatch(body: Code, handler: Code = EMPTY): Code {
  const paths = new Code({
    run: body.run,
    paths: (input, path, env, emit) =>
      guard(
        (watch) =>
          body.paths(input, path, env, (value, at) => consume(watch, () => emit(value, at))),
        (error) => handler.paths(error, null, env, emit),
      ),
  }).paths;
  const opt = attempt(body.opt, handler.opt);
  if (opt !== undefined && body.one !== undefined && handler.one !== undefined) {
    return single(opt, paths);
  }
  return new Code({
    opt,
    run: (input, env, emit) =>
      guard(
        (watch) => body.run(input, env, (value) => consume(watch, () => emit(value))),
        (error) => handler.run(error, env, emit),
      ),
    paths,
  });
}
