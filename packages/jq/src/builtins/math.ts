/** Math functions (manual: Math). */
import { number } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { besselJ, besselY } from "../math/bessel.ts";
import {
  fma,
  frexp,
  ieeeRemainder,
  ldexp,
  logb,
  modf,
  nextAfter,
  round,
  roundEven,
  significand,
} from "../math/rounding.ts";
import { erf, erfc, gamma, logGamma } from "../math/special.ts";
import type { Json } from "../values/json.ts";
import { describe } from "../values/print.ts";
import { nary, pure } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";

type Function1 = (x: number) => number;
type Function2 = (x: number, y: number) => number;

function required(value: Json): number {
  return typeof value === "number" ? value : fail(`${describe(value)} number required`);
}

const ONE: readonly (readonly [string, Function1])[] = [
  ["acos", Math.acos],
  ["acosh", Math.acosh],
  ["asin", Math.asin],
  ["asinh", Math.asinh],
  ["atan", Math.atan],
  ["atanh", Math.atanh],
  ["cbrt", Math.cbrt],
  ["ceil", Math.ceil],
  ["cos", Math.cos],
  ["cosh", Math.cosh],
  ["erf", erf],
  ["erfc", erfc],
  ["exp", Math.exp],
  ["exp10", (x) => 10 ** x],
  ["exp2", (x) => 2 ** x],
  ["expm1", Math.expm1],
  ["fabs", Math.abs],
  ["floor", Math.floor],
  ["gamma", (x) => logGamma(x)[0]],
  ["j0", (x) => besselJ(0, x)],
  ["j1", (x) => besselJ(1, x)],
  ["lgamma", (x) => logGamma(x)[0]],
  ["log", Math.log],
  ["log10", Math.log10],
  ["log1p", Math.log1p],
  ["log2", Math.log2],
  ["logb", logb],
  ["nearbyint", roundEven],
  ["pow10", (x) => 10 ** x],
  ["rint", roundEven],
  ["round", round],
  ["significand", significand],
  ["sin", Math.sin],
  ["sinh", Math.sinh],
  ["sqrt", Math.sqrt],
  ["tan", Math.tan],
  ["tanh", Math.tanh],
  ["tgamma", gamma],
  ["trunc", Math.trunc],
  ["y0", (x) => besselY(0, x)],
  ["y1", (x) => besselY(1, x)],
];

function pick(x: number, y: number, choose: Function2): number {
  if (Number.isNaN(x)) return y;
  return Number.isNaN(y) ? x : choose(x, y);
}

/** C's pow: 1 to any power is 1, unlike JavaScript's. */
function pow(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY)) return 1;
  return x ** y;
}

function copySign(x: number, y: number): number {
  const negative = y < 0 || Object.is(y, -0);
  return negative ? -Math.abs(x) : Math.abs(x);
}

const TWO: readonly (readonly [string, Function2])[] = [
  ["atan2", Math.atan2],
  ["copysign", copySign],
  ["drem", ieeeRemainder],
  ["fdim", (x, y) => (x > y ? x - y : Number.isNaN(x + y) ? Number.NaN : 0)],
  ["fmax", (x, y) => pick(x, y, Math.max)],
  ["fmin", (x, y) => pick(x, y, Math.min)],
  ["fmod", (x, y) => x % y],
  ["hypot", (x, y) => Math.hypot(x, y)],
  ["jn", (n, x) => besselJ(n, x)],
  ["ldexp", ldexp],
  ["nextafter", nextAfter],
  ["nexttoward", nextAfter],
  ["pow", pow],
  ["remainder", ieeeRemainder],
  ["scalb", (x, y) => (Number.isFinite(y) && !Number.isInteger(y) ? Number.NaN : ldexp(x, y))],
  ["scalbln", ldexp],
  ["yn", (n, x) => besselY(n, x)],
];

function ofInput(name: string, compute: Function1): [string, Builder] {
  return [`${name}/0`, pure((value) => number(compute(required(value))))];
}

function ofPair(name: string, compute: Function2): [string, Builder] {
  const build = nary("last", (_input, [x, y]) =>
    number(compute(required(x as Json), required(y as Json))),
  );
  return [`${name}/2`, build];
}

function parts(split: (x: number) => [number, number]): Builder {
  return pure((value) => split(required(value)).map(number));
}

export const mathBuiltins: Builtins = new Map<string, Builder>([
  ...ONE.map(([name, compute]) => ofInput(name, compute)),
  ...TWO.map(([name, compute]) => ofPair(name, compute)),
  ["frexp/0", parts(frexp)],
  ["modf/0", parts(modf)],
  ["lgamma_r/0", parts(logGamma)],
  [
    "fma/3",
    nary("last", (_input, [x, y, z]) =>
      number(fma(required(x as Json), required(y as Json), required(z as Json))),
    ),
  ],
]);
