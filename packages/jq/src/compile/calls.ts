/** Calls of functions a program defines, and of the filters passed to them. */
import { enterCall, leaveCall } from "../budget/budget.ts";
import {
  cellAt,
  Code,
  drain,
  drainOne,
  envAt,
  NOT_ONE,
  requestOne,
  requestTail,
  single,
  withFilter,
  withValue,
} from "./code.ts";
import type { Cell, Env, One, Paths, Run, Signal } from "./code.ts";
import type { Json } from "../values/json.ts";

/** A function definition while the program compiles; `code` is set once its body is. */
export interface Callee {
  code: Code | undefined;
  /**
   * Calls inside the body take it to give exactly one output. The compiler checks that once the
   * body is compiled, and compiles it again without the assumption when it does not hold.
   */
  assumedOne: boolean;
  /** The body calls itself. */
  isRecursive: boolean;
}

/** One argument of a call. */
export type Argument =
  | { readonly kind: "filter"; readonly code: Code }
  /** The caller's own filter argument, handed on as it is so that recursion does not nest it. */
  | { readonly kind: "forward"; readonly hops: number }
  | { readonly kind: "value"; readonly code: Code };

/** Builds the environment of a call, once per combination of its value arguments. */
type Enter = (input: Json, env: Env, then: (inner: Env) => Signal) => Signal;

function pushArgument(argument: Argument, value: Json, env: Env, up: Env): Cell {
  switch (argument.kind) {
    case "filter":
      return withFilter(argument.code, env, up);
    case "forward": {
      const cell = cellAt(env, argument.hops);
      return withFilter(cell.code as Code, cell.env, up);
    }
    case "value":
      return withValue(value, up);
    default:
      return argument;
  }
}

function enterMany(hops: number, args: readonly Argument[]): Enter {
  return (input, env, then) => {
    const step = (at: number, inner: Env): Signal => {
      const argument = args[at];
      if (argument === undefined) return then(inner);
      if (argument.kind !== "value") return step(at + 1, pushArgument(argument, null, env, inner));
      return argument.code.run(input, env, (value) => step(at + 1, withValue(value, inner)));
    };
    return step(0, envAt(env, hops));
  };
}

/** The environment of a call whose value arguments all give one output. */
function enterOne(
  hops: number,
  args: readonly Argument[],
): ((input: Json, env: Env) => Env) | undefined {
  const ones = args.map((argument) => (argument.kind === "value" ? argument.code.one : null));
  if (ones.includes(undefined)) return undefined;
  return (input, env) => {
    let inner = envAt(env, hops);
    for (let i = 0; i < args.length; i += 1) {
      const one = ones[i] as One | null;
      const value = one === null ? null : one(input, env);
      inner = pushArgument(args[i] as Argument, value, env, inner);
    }
    return inner;
  };
}

/** A call of a function whose body is being compiled around the call. */
function recursiveCall(callee: Callee, enter: Enter): Code {
  const run: Run = (input, env, emit) => {
    enterCall();
    const signal = enter(input, env, (inner) =>
      drain((callee.code as Code).tailRun(input, inner, emit)),
    );
    leaveCall();
    return signal;
  };
  return new Code({
    run,
    paths: (input, path, env, emit) => {
      enterCall();
      const signal = enter(input, env, (inner) =>
        (callee.code as Code).paths(input, path, inner, emit),
      );
      leaveCall();
      return signal;
    },
  });
}

/** As recursiveCall, but in tail position it leaves the call to the trampoline. */
function recursiveTailCall(callee: Callee, enter: (input: Json, env: Env) => Env): Code {
  const plain = recursiveCall(callee, (input, env, then) => then(enter(input, env)));
  if (callee.assumedOne) {
    const one: One = (input, env) => {
      enterCall();
      const value = drainOne(tailOneOf(callee)(input, enter(input, env)));
      leaveCall();
      return value;
    };
    return single(one, plain.paths, (input, env) =>
      requestOne(tailOneOf(callee), input, enter(input, env)),
    );
  }
  return new Code({
    run: plain.run,
    tailRun: (input, env, emit) =>
      requestTail((callee.code as Code).tailRun, input, enter(input, env), emit),
    paths: plain.paths,
  });
}

function tailOneOf(callee: Callee): One {
  return (callee.code as Code).tailOne as One;
}

/** A call of a defined function, `hops` cells above the environment of the call. */
export function callFunction(callee: Callee, hops: number, args: readonly Argument[]): Code {
  const enter = enterOne(hops, args);
  const { code } = callee;
  if (code === undefined) {
    callee.isRecursive = true;
    if (enter !== undefined) return recursiveTailCall(callee, enter);
    return recursiveCall(callee, enterMany(hops, args));
  }
  if (enter === undefined) {
    const many = enterMany(hops, args);
    return new Code({
      run: (input, env, emit) =>
        many(input, env, (inner) => drain(code.tailRun(input, inner, emit))),
      paths: (input, path, env, emit) =>
        many(input, env, (inner) => code.paths(input, path, inner, emit)),
    });
  }
  const paths: Paths = (input, path, env, emit) => code.paths(input, path, enter(input, env), emit);
  const { one, tailOne } = code;
  if (one !== undefined && tailOne !== undefined) {
    if (one === tailOne) return single((input, env) => one(input, enter(input, env)), paths);
    return single(
      (input, env) => drainOne(tailOne(input, enter(input, env))),
      paths,
      (input, env) => tailOne(input, enter(input, env)),
    );
  }
  return new Code({
    run: (input, env, emit) => drain(code.tailRun(input, enter(input, env), emit)),
    tailRun: (input, env, emit) => code.tailRun(input, enter(input, env), emit),
    paths,
  });
}

/** A call of a filter argument. */
export function callFilter(hops: number): Code {
  return new Code({
    maybe: (input, env) => {
      const cell = cellAt(env, hops);
      const { maybe } = cell.code as Code;
      return maybe === undefined ? NOT_ONE : maybe(input, cell.env);
    },
    run: (input, env, emit) => {
      const cell = cellAt(env, hops);
      return (cell.code as Code).run(input, cell.env, emit);
    },
    tailRun: (input, env, emit) => {
      const cell = cellAt(env, hops);
      return (cell.code as Code).tailRun(input, cell.env, emit);
    },
    paths: (input, path, env, emit) => {
      const cell = cellAt(env, hops);
      return (cell.code as Code).paths(input, path, cell.env, emit);
    },
  });
}

/** A variable bound by the program. */
export function readVariable(hops: number): Code {
  switch (hops) {
    case 0:
      return single((_input, env) => (env as Cell).value);
    case 1:
      return single((_input, env) => ((env as Cell).up as Cell).value);
    default:
      return single((_input, env) => cellAt(env, hops).value);
  }
}
