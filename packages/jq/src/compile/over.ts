/** Filters that go through the children of one value, such as `.items[] | select(.open) | .id`. */
import { charge } from "../budget/budget.ts";
import type { Json } from "../values/json.ts";
import { each } from "./access.ts";
import { GO, NOTHING, STOP } from "./code.ts";
import type { Code, One, Over, Run } from "./code.ts";

function after(first: One | undefined, second: One): One {
  if (first === undefined) return second;
  return (input, env) => {
    const value = first(input, env);
    return value === NOTHING ? NOTHING : second(value, env);
  };
}

/** `left | right`, when that goes through the children of one value. */
export function overPipe(left: Code, right: Code): Over | undefined {
  const { over } = left;
  if (over !== undefined) {
    const { opt } = right;
    if (opt === undefined) return undefined;
    return { from: over.from, each: after(over.each, opt), fresh: right.fresh };
  }
  const { one } = left;
  if (one === undefined || right.over === undefined) return undefined;
  const { from } = right.over;
  return { ...right.over, from: (input, env) => from(one(input, env), env) };
}

/** One loop for all that happens to a child. */
export function overRun({ from, each: change }: Over): Run {
  if (change === undefined) return (input, env, emit) => each(from(input, env), emit, false);
  return (input, env, emit) => {
    const value = from(input, env);
    if (!Array.isArray(value)) {
      return each(
        value,
        (item) => {
          const output = change(item, env);
          return output === NOTHING ? GO : emit(output);
        },
        false,
      );
    }
    for (let i = 0; i < value.length; i += 1) {
      charge(1);
      const output = change(value[i] as Json, env);
      if (output !== NOTHING && emit(output) === STOP) return STOP;
    }
    return GO;
  };
}
