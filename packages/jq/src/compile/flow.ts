/** Pipes, commas, conditions and alternatives. */
import { isTrue } from "../values/json.ts";
import { Code, drain, EMPTY, GO, IDENTITY, NOT_ONE, NOTHING, single, STOP } from "./code.ts";
import { overPipe, overRun } from "./over.ts";
import type { One, Paths, Run } from "./code.ts";

/** A pipe whose left side may turn out to give one output, so that the right may be a tail call. */
function pipeAfter(left: Code, maybe: One, right: Run, plain: Code): Run {
  return (input, env, emit) => {
    const value = maybe(input, env);
    if (value !== NOT_ONE) return right(value, env, emit);
    return left.run(input, env, (output) => plain.run(output, env, emit));
  };
}

function optPipe(left: One | undefined, right: One | undefined): One | undefined {
  if (left === undefined || right === undefined) return undefined;
  return (input, env) => {
    const value = left(input, env);
    return value === NOTHING ? NOTHING : right(value, env);
  };
}

/** `left | right` */
export function pipe(left: Code, right: Code): Code {
  const first = left.one;
  const second = right.one;
  const paths: Paths = (input, path, env, emit) =>
    left.paths(input, path, env, (value, at) => right.paths(value, at, env, emit));
  const steps =
    left.steps === undefined || right.steps === undefined
      ? undefined
      : [...left.steps, ...right.steps];
  if (first !== undefined) {
    if (second !== undefined) {
      const tail = right.tailOne as One;
      const tailOne: One | undefined =
        tail === second ? undefined : (input, env) => tail(first(input, env), env);
      return single((input, env) => second(first(input, env), env), paths, tailOne, steps);
    }
    const { opt } = right;
    return new Code({
      opt: opt === undefined ? undefined : (input, env) => opt(first(input, env), env),
      over: overPipe(left, right),
      run: (input, env, emit) => right.run(first(input, env), env, emit),
      tailRun: (input, env, emit) => right.tailRun(first(input, env), env, emit),
      paths,
      steps,
    });
  }
  const over = overPipe(left, right);
  if (over !== undefined) return new Code({ over, run: overRun(over), paths, steps });
  if (left.maybe !== undefined) {
    const run = pipeAfter(left, left.maybe, right.run, right);
    return new Code({ run, tailRun: pipeAfter(left, left.maybe, right.tailRun, right), paths });
  }
  const run: Run =
    second === undefined
      ? (input, env, emit) => left.run(input, env, (value) => right.run(value, env, emit))
      : (input, env, emit) => left.run(input, env, (value) => emit(second(value, env)));
  return new Code({ opt: optPipe(left.opt, right.opt), run, paths, steps });
}

/** `a, b, c` */
export function comma(items: readonly Code[]): Code {
  const last = items[items.length - 1] as Code;
  const before = items.slice(0, -1);
  return new Code({
    run: (input, env, emit) => {
      for (const item of items) {
        if (item.run(input, env, emit) === STOP) return STOP;
      }
      return GO;
    },
    tailRun: (input, env, emit) => {
      for (const item of before) {
        if (item.run(input, env, emit) === STOP) return STOP;
      }
      return last.tailRun(input, env, emit);
    },
    paths: (input, path, env, emit) => {
      for (const item of items) {
        if (item.paths(input, path, env, emit) === STOP) return STOP;
      }
      return GO;
    },
  });
}

/** `if condition then yes else no end` */
export function conditional(condition: Code, yes: Code, no: Code): Code {
  const test = condition.one;
  const paths: Paths = (input, path, env, emit) =>
    condition.run(input, env, (value) => (isTrue(value) ? yes : no).paths(input, path, env, emit));
  if (test === undefined) {
    const run: Run = (input, env, emit) =>
      condition.run(input, env, (value) => (isTrue(value) ? yes : no).run(input, env, emit));
    return new Code({ run, paths });
  }
  const a = yes.one;
  const b = no.one;
  if (a !== undefined && b !== undefined) {
    const tailA = yes.tailOne as One;
    const tailB = no.tailOne as One;
    return single(
      (input, env) => (isTrue(test(input, env)) ? a : b)(input, env),
      paths,
      (input, env) => (isTrue(test(input, env)) ? tailA : tailB)(input, env),
    );
  }
  const isSelect = yes === IDENTITY && no === EMPTY;
  const yesOpt = yes.opt;
  const noOpt = no.opt;
  const either: One | undefined =
    yesOpt === undefined || noOpt === undefined
      ? undefined
      : (input, env) => (isTrue(test(input, env)) ? yesOpt : noOpt)(input, env);
  return new Code({
    opt: isSelect ? (input, env) => (isTrue(test(input, env)) ? input : NOTHING) : either,
    steps: isSelect ? [{ kind: "select", test }] : undefined,
    run: (input, env, emit) => (isTrue(test(input, env)) ? yes : no).run(input, env, emit),
    tailRun: (input, env, emit) => (isTrue(test(input, env)) ? yes : no).tailRun(input, env, emit),
    paths,
  });
}

/** `left // right`: the true outputs of left, or all of right when there are none. */
export function alternative(left: Code, right: Code): Code {
  const paths: Paths = (input, path, env, emit) => {
    let found = false;
    const signal = left.paths(input, path, env, (value, at) => {
      if (!isTrue(value)) return GO;
      found = true;
      return emit(value, at);
    });
    return found || signal === STOP ? signal : right.paths(input, path, env, emit);
  };
  const first = left.one;
  const second = right.one;
  if (first !== undefined && second !== undefined) {
    const tail = right.tailOne as One;
    return single(
      (input, env) => {
        const value = first(input, env);
        return isTrue(value) ? value : second(input, env);
      },
      paths,
      (input, env) => {
        const value = first(input, env);
        return isTrue(value) ? value : tail(input, env);
      },
    );
  }
  const tailRun: Run = (input, env, emit) => {
    let found = false;
    const signal = left.run(input, env, (value) => {
      if (!isTrue(value)) return GO;
      found = true;
      return emit(value);
    });
    return found || signal === STOP ? signal : right.tailRun(input, env, emit);
  };
  return new Code({
    opt: optAlternative(left.opt, right.opt),
    run: (input, env, emit) => drain(tailRun(input, env, emit)),
    tailRun,
    paths,
  });
}

function optAlternative(left: One | undefined, right: One | undefined): One | undefined {
  if (left === undefined || right === undefined) return undefined;
  return (input, env) => {
    const value = left(input, env);
    return value !== NOTHING && isTrue(value) ? value : right(input, env);
  };
}

/** `and` and `or`: `decisive` is the truth of the left side that settles the answer. */
function connective(left: Code, right: Code, decisive: boolean): Code {
  const first = left.one;
  const second = right.one;
  if (first !== undefined && second !== undefined) {
    return single((input, env) =>
      isTrue(first(input, env)) === decisive ? decisive : isTrue(second(input, env)),
    );
  }
  return new Code({
    run: (input, env, emit) =>
      left.run(input, env, (a) =>
        isTrue(a) === decisive ? emit(decisive) : right.run(input, env, (b) => emit(isTrue(b))),
      ),
  });
}

export function and(left: Code, right: Code): Code {
  return connective(left, right, false);
}

export function or(left: Code, right: Code): Code {
  return connective(left, right, true);
}
