/** Ways to define builtins; each takes care of generators among the arguments. */
import type { Json } from "../values/json.ts";
import { Code, single } from "../compile/code.ts";
import type { One, Run, Signal } from "../compile/code.ts";

export type Builder = (args: readonly Code[]) => Code;
export type Builtins = Map<string, Builder>;

/** A filter without arguments computed from its input. */
export function pure(compute: (input: Json) => Json): Builder {
  const code = single(compute);
  return () => code;
}

function argument(args: readonly Code[], at: number): Code {
  return args[at] as Code;
}

/** A function of its input and one value. */
export function unary(compute: (input: Json, a: Json) => Json): Builder {
  return (args) => {
    const a = argument(args, 0);
    const { one } = a;
    if (one !== undefined) return single((input, env) => compute(input, one(input, env)));
    return new Code({
      run: (input, env, emit) => a.run(input, env, (value) => emit(compute(input, value))),
    });
  };
}

/** Which argument's outputs the outer loop goes through. */
export type Outer = "first" | "last";

/**
 * A function of its input and several values, called for each combination of the arguments'
 * outputs. jq's built-in functions loop over the last argument first (`last`); those it defines in
 * jq itself over the first.
 */
export function nary(
  outer: Outer,
  compute: (input: Json, values: readonly Json[]) => Json,
): Builder {
  return (args) => {
    const ones = args.map((arg) => arg.one);
    const order = [...args.keys()];
    if (outer === "last") order.reverse();
    if (ones.every((one) => one !== undefined)) {
      return single((input, env) => {
        const values: Json[] = [];
        for (const at of order) values[at] = (ones[at] as One)(input, env);
        return compute(input, values);
      });
    }
    return new Code({
      run: combinations(args, order, (input, values, emit) => emit(compute(input, values))),
    });
  };
}

/** Runs something for each combination of the arguments' outputs. */
export function combinations(
  args: readonly Code[],
  order: readonly number[],
  then: (input: Json, values: readonly Json[], emit: Parameters<Run>[2]) => Signal,
): Run {
  return (input, env, emit) => {
    const values: Json[] = args.map(() => null);
    const step = (n: number): Signal => {
      const at = order[n];
      if (at === undefined) return then(input, [...values], emit);
      return argument(args, at).run(input, env, (value) => {
        values[at] = value;
        return step(n + 1);
      });
    };
    return step(0);
  };
}

/** A generator computed from its input and values; `first` argument loops outermost. */
export function stream(
  outer: Outer,
  generate: (input: Json, values: readonly Json[], emit: Parameters<Run>[2]) => Signal,
): Builder {
  return (args) => {
    const order = [...args.keys()];
    if (outer === "last") order.reverse();
    return new Code({ run: combinations(args, order, generate) });
  };
}
