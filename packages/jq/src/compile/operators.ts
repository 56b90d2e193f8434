/** Binary operators with fast paths for numbers. */
import { number } from "../budget/budget.ts";
import { add, binary, negate, subtract } from "../values/arithmetic.ts";
import type { BinaryOperator } from "../values/arithmetic.ts";
import { compare, equal } from "../values/compare.ts";
import type { Json } from "../values/json.ts";
import { Code, single } from "./code.ts";
import type { One } from "./code.ts";

/** Operators on single values; the right side is evaluated first, as in jq. */
function fastOne(operator: BinaryOperator, left: One, right: One): One {
  switch (operator) {
    case "+":
      return (input, env) => {
        const b = right(input, env);
        const a = left(input, env);
        return typeof a === "number" && typeof b === "number" ? number(a + b) : add(a, b);
      };
    case "-":
      return (input, env) => {
        const b = right(input, env);
        const a = left(input, env);
        return typeof a === "number" && typeof b === "number" ? number(a - b) : subtract(a, b);
      };
    case "==":
      return (input, env) => {
        const b = right(input, env);
        return equal(left(input, env), b);
      };
    case "<":
      return (input, env) => {
        const b = right(input, env);
        const a = left(input, env);
        // NaN is below everything, so the plain comparison is only right without it.
        return typeof a === "number" && typeof b === "number" && a === a
          ? a < b
          : compare(a, b) < 0;
      };
    case ">":
      return (input, env) => {
        const b = right(input, env);
        const a = left(input, env);
        return typeof a === "number" && typeof b === "number" && b === b
          ? a > b
          : compare(a, b) > 0;
      };
    default: {
      const operate = binary(operator);
      return (input, env) => {
        const b = right(input, env);
        return operate(left(input, env), b);
      };
    }
  }
}

/** Comparisons with a number or string known when compiling. */
function fixedOne(operator: BinaryOperator, left: One, fixed: Json | undefined): One | undefined {
  if (typeof fixed === "string") {
    if (operator === "==") return (input, env) => left(input, env) === fixed;
    return operator === "!=" ? (input, env) => left(input, env) !== fixed : undefined;
  }
  if (typeof fixed !== "number" || !Number.isFinite(fixed)) return undefined;
  switch (operator) {
    case "==":
      return (input, env) => left(input, env) === fixed;
    case "!=":
      return (input, env) => left(input, env) !== fixed;
    case "<":
      return (input, env) => {
        const a = left(input, env);
        return typeof a === "number" && a === a ? a < fixed : compare(a, fixed) < 0;
      };
    case "<=":
      return (input, env) => {
        const a = left(input, env);
        return typeof a === "number" && a === a ? a <= fixed : compare(a, fixed) <= 0;
      };
    case ">":
      return (input, env) => {
        const a = left(input, env);
        return typeof a === "number" ? a > fixed : compare(a, fixed) > 0;
      };
    case ">=":
      return (input, env) => {
        const a = left(input, env);
        return typeof a === "number" ? a >= fixed : compare(a, fixed) >= 0;
      };
    default:
      return undefined;
  }
}

/** `left operator right`: all pairs of outputs, the left varying fastest. */
export function operation(operator: BinaryOperator, left: Code, right: Code): Code {
  if (left.one !== undefined && right.one !== undefined) {
    const fixed = fixedOne(operator, left.one, right.fixed);
    return single(fixed ?? fastOne(operator, left.one, right.one));
  }
  const operate: (a: Json, b: Json) => Json = binary(operator);
  return new Code({
    run: (input, env, emit) =>
      right.run(input, env, (b) => left.run(input, env, (a) => emit(operate(a, b)))),
  });
}

/** `-body` */
export function negation(body: Code): Code {
  const { one } = body;
  if (one !== undefined) return single((input, env) => negate(one(input, env)));
  return new Code({
    run: (input, env, emit) => body.run(input, env, (value) => emit(negate(value))),
  });
}
