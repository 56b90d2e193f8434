/** Generators and control: range, limit, first, while, until, repeat ... */
import { charge, enterCall, leaveCall } from "../budget/budget.ts";
import { mustGo } from "../compile/breaks.ts";
import { Code, EMPTY, GO, IDENTITY, NOTHING, single, STOP } from "../compile/code.ts";
import type { Emit, EmitPath, Env, MaybePath, One, Paths, Run, Signal } from "../compile/code.ts";
import { indexAccess } from "../compile/access.ts";
import { conditional, pipe } from "../compile/flow.ts";
import { constant } from "../compile/code.ts";
import { fail } from "../errors.ts";
import { add } from "../values/arithmetic.ts";
import { compare } from "../values/compare.ts";
import { isTrue } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { stream } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";
import { recurse, recurseAll } from "./recursion.ts";

function range(from: Json, to: Json, emit: Emit): Signal {
  if (typeof from !== "number" || typeof to !== "number") {
    return fail("Range bounds must be numeric");
  }
  for (let value = from; value < to; value += 1) {
    charge(1);
    if (emit(value) === STOP) return STOP;
  }
  return GO;
}

/** `range(from; to; by)` compares and adds as the operators do, whatever the types. */
function rangeBy([from, to, by]: readonly Json[], emit: Emit): Signal {
  const direction = compare(by as Json, 0);
  if (direction === 0) return GO;
  for (let value = from as Json; ; value = add(value, by as Json)) {
    const order = compare(value, to as Json);
    if (direction > 0 ? order >= 0 : order <= 0) return GO;
    charge(1);
    if (emit(value) === STOP) return STOP;
  }
}

/** One output with its path, whichever mode a filter runs in. */
interface Output {
  readonly value: Json;
  readonly path: MaybePath;
}

type Source = (emit: (output: Output) => Signal) => Signal;
type Sink = (output: Output) => Signal;

/** A filter that passes on some outputs of `body`, in both modes. */
function selection(
  body: Code,
  choose: (source: Source, sink: Sink, input: Json, env: Env) => Signal,
): Code {
  const run: Run = (input, env, emit) =>
    choose(
      (out) => body.run(input, env, (value) => out({ value, path: null })),
      ({ value }) => emit(value),
      input,
      env,
    );
  const paths: Paths = (input, path, env, emit: EmitPath) =>
    choose(
      (out) => body.paths(input, path, env, (value, at) => out({ value, path: at })),
      ({ value, path: at }) => emit(value, at),
      input,
      env,
    );
  return new Code({ run, paths });
}

function takeFirst(source: Source, sink: Sink): Signal {
  let found: Output | undefined;
  const signal = source((output) => {
    found = output;
    return STOP;
  });
  return found === undefined ? signal : sink(found);
}

/** `first(body)`, which gives at most one output. */
function first([body]: readonly Code[]): Code {
  const source = body as Code;
  const { run, paths } = selection(source, takeFirst);
  const opt: One = (input, env) => {
    let found = NOTHING;
    const signal = source.run(input, env, (value) => {
      found = value;
      return STOP;
    });
    if (found === NOTHING) mustGo(signal);
    return found;
  };
  return new Code({ opt: source.opt ?? opt, run, paths });
}

function takeLast(source: Source, sink: Sink): Signal {
  let found: Output | undefined;
  const signal = source((output) => {
    found = output;
    return GO;
  });
  if (signal === STOP || found === undefined) return signal;
  return sink(found);
}

function take(count: number, source: Source, sink: Sink): Signal {
  let left = count;
  let done = false;
  const signal = source((output) => {
    left -= 1;
    const answer = sink(output);
    if (answer === STOP) return STOP;
    done = left <= 0;
    return done ? STOP : GO;
  });
  return done ? GO : signal;
}

function drop(count: number, source: Source, sink: Sink): Signal {
  let left = count;
  return source((output) => {
    left -= 1;
    return left < 0 ? sink(output) : GO;
  });
}

function counted(
  name: string,
  choose: (count: number, source: Source, sink: Sink) => Signal,
): Builder {
  return ([count, body]) =>
    selection(body as Code, (source, sink, input, env) =>
      (count as Code).run(input, env, (n) => {
        const order = compare(n, 0);
        if (order < 0) return fail(`${name} doesn't support negative count`);
        if (order === 0) return name === "skip" ? source(sink) : GO;
        if (typeof n !== "number") return fail(`${name} needs a number`);
        return choose(n, source, sink);
      }),
    );
}

function nth([count, body]: readonly Code[]): Code {
  return selection(body as Code, (source, sink, input, env) =>
    (count as Code).run(input, env, (n) => {
      if (compare(n, 0) < 0) return fail("nth doesn't support negative indices");
      if (typeof n !== "number") return fail("nth needs a number");
      return takeFirst((out) => drop(n, source, out), sink);
    }),
  );
}

function isEmpty([body]: readonly Code[]): Code {
  return single((input, env) => {
    let empty = true;
    const signal = (body as Code).run(input, env, () => {
      empty = false;
      return STOP;
    });
    if (empty) mustGo(signal);
    return empty;
  });
}

/** `while(condition; update)` and `until` when they must follow several outputs. */
function branch(condition: Code, update: Code, isWhile: boolean): Run {
  const step = (value: Json, env: Env, emit: Emit): Signal => {
    enterCall();
    const signal = condition.run(value, env, (test) => {
      if (isTrue(test) !== isWhile) return isWhile ? GO : emit(value);
      if (isWhile && emit(value) === STOP) return STOP;
      return update.run(value, env, (next) => step(next, env, emit));
    });
    leaveCall();
    return signal;
  };
  return step;
}

/** `while(condition; update)` */
function whileLoop([condition, update]: readonly Code[]): Code {
  const test = (condition as Code).one;
  const next = (update as Code).one;
  if (test === undefined || next === undefined) {
    return new Code({ run: branch(condition as Code, update as Code, true) });
  }
  return new Code({
    run: (input, env, emit) => {
      for (let value = input; isTrue(test(value, env)); value = next(value, env)) {
        charge(1);
        if (emit(value) === STOP) return STOP;
      }
      return GO;
    },
  });
}

/** `until(condition; update)` */
function untilLoop([condition, update]: readonly Code[]): Code {
  const test = (condition as Code).one;
  const next = (update as Code).one;
  if (test === undefined || next === undefined) {
    return new Code({ run: branch(condition as Code, update as Code, false) });
  }
  return single((input, env) => {
    let value = input;
    while (!isTrue(test(value, env))) {
      charge(1);
      value = next(value, env);
    }
    return value;
  });
}

/** `repeat(body)`: all outputs of the body on the same input, again and again. */
function repeat([body]: readonly Code[]): Code {
  const again = body as Code;
  return new Code({
    run: (input, env, emit) => {
      for (;;) {
        charge(1);
        if (again.run(input, env, emit) === STOP) return STOP;
      }
    },
    paths: (input, path, env, emit) => {
      for (;;) {
        charge(1);
        if (again.paths(input, path, env, emit) === STOP) return STOP;
      }
    },
  });
}

function at(position: number): Builder {
  const code = indexAccess(IDENTITY, constant(position), false);
  return () => code;
}

function rangeCode(bounds: readonly Code[]): Code {
  const [from, to] = bounds as [Code, Code];
  const low = from.one;
  const high = to.one;
  if (low !== undefined && high !== undefined) {
    return new Code({
      run: (input, env, emit) => range(low(input, env), high(input, env), emit),
    });
  }
  return stream("first", (_input, values, emit) =>
    range(values[0] as Json, values[1] as Json, emit),
  )(bounds);
}

export const generatorBuiltins: Builtins = new Map<string, Builder>([
  ["range/1", ([to]) => rangeCode([constant(0), to as Code])],
  ["range/2", rangeCode],
  ["range/3", stream("first", (_input, values, emit) => rangeBy(values, emit))],
  ["select/1", ([test]) => conditional(test as Code, IDENTITY, EMPTY)],
  ["recurse/0", () => recurseAll],
  ["recurse/1", ([next]) => recurse(next as Code)],
  [
    "recurse/2",
    ([next, test]) => recurse(pipe(next as Code, conditional(test as Code, IDENTITY, EMPTY))),
  ],
  ["first/0", at(0)],
  ["last/0", at(-1)],
  ["nth/1", ([position]) => indexAccess(IDENTITY, position as Code, false)],
  ["first/1", first],
  ["last/1", ([body]) => selection(body as Code, takeLast)],
  ["nth/2", nth],
  ["limit/2", counted("limit", take)],
  ["skip/2", counted("skip", drop)],
  ["isempty/1", isEmpty],
  ["while/2", whileLoop],
  ["until/2", untilLoop],
  ["repeat/1", repeat],
]);
