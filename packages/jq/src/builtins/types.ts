/** Types, conversions, tests and constants. */
import { chargeString, nowMs, number } from "../budget/budget.ts";
import { EMPTY, IDENTITY, single, Code } from "../compile/code.ts";
import { conditional } from "../compile/flow.ts";
import { fail, Raise } from "../errors.ts";
import { formatter } from "../values/formats.ts";
import { isObject, isTrue, typeName } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { parseNumber } from "../values/numbers.ts";
import { parseJson } from "../values/parse-json.ts";
import { describe, toJson, toText } from "../values/print.ts";
import { length } from "../values/length.ts";
import { byteLength } from "../values/strings.ts";
import { pure, unary } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";

function toNumber(value: Json): Json {
  if (typeof value === "number") return value;
  const parsed = typeof value === "string" ? parseNumber(value) : undefined;
  return parsed === undefined
    ? fail(`${describe(value)} cannot be parsed as a number`)
    : number(parsed);
}

function toBoolean(value: Json): Json {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  return fail(`${describe(value)} cannot be parsed as a boolean`);
}

function json(value: Json): Json {
  const text = toJson(value);
  chargeString(text.length);
  return text;
}

function fromJson(value: Json): Json {
  return typeof value === "string"
    ? parseJson(value)
    : fail(`${describe(value)} only strings can be parsed`);
}

function abs(value: Json): Json {
  if (typeof value === "number") return value < 0 ? -value : value;
  // jq compares with 0 first: null, false and true are below it and cannot be negated.
  if (value === null || typeof value === "boolean")
    return fail(`${describe(value)} cannot be negated`);
  return value;
}

function isNormal(value: Json): boolean {
  return (
    typeof value === "number" &&
    Number.isFinite(value) &&
    Math.abs(value) >= 2.2250738585072014e-308
  );
}

function raise(value: Json): never {
  // oxlint-disable-next-line typescript/only-throw-error -- see Raise
  throw new Raise(value);
}

/** A filter that keeps its input or gives nothing. */
function keepIf(test: (value: Json) => boolean): Builder {
  const code = conditional(single(test), IDENTITY, EMPTY);
  return () => code;
}

function isIterable(value: Json): boolean {
  return typeof value === "object" && value !== null;
}

function debugWith(args: readonly Code[]): Code {
  // Messages go nowhere, but they are still evaluated: their errors are the program's.
  const message = args[0] as Code;
  return new Code({
    run: (input, env, emit) => message.run(input, env, () => 0) || emit(input),
    paths: (input, path, env, emit) => message.run(input, env, () => 0) || emit(input, path),
  });
}

export const typeBuiltins: Builtins = new Map<string, Builder>([
  ["empty/0", () => EMPTY],
  ["error/0", pure(raise)],
  ["error/1", unary((_input, message) => raise(message))],
  ["not/0", pure((value) => !isTrue(value))],
  ["type/0", pure(typeName)],
  ["length/0", pure(length)],
  [
    "utf8bytelength/0",
    pure((value) =>
      typeof value === "string"
        ? byteLength(value)
        : fail(`${describe(value)} only strings have UTF-8 byte length`),
    ),
  ],
  ["tonumber/0", pure(toNumber)],
  ["toboolean/0", pure(toBoolean)],
  ["tostring/0", pure(toText)],
  ["tojson/0", pure(json)],
  ["fromjson/0", pure(fromJson)],
  ["toarray/0", pure((value) => (Array.isArray(value) ? value : [value]))],
  ["abs/0", pure(abs)],
  ["infinite/0", pure(() => number(Number.POSITIVE_INFINITY))],
  ["nan/0", pure(() => number(Number.NaN))],
  [
    "isinfinite/0",
    pure((value) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY),
  ],
  ["isnan/0", pure((value) => Number.isNaN(value))],
  ["isnormal/0", pure(isNormal)],
  [
    "isfinite/0",
    pure((value) => typeof value === "number" && Math.abs(value) !== Number.POSITIVE_INFINITY),
  ],
  ["isvalid/1", ([body]) => validity(body as Code)],
  ["arrays/0", keepIf((value) => Array.isArray(value))],
  ["objects/0", keepIf(isObject)],
  ["iterables/0", keepIf(isIterable)],
  ["booleans/0", keepIf((value) => typeof value === "boolean")],
  ["numbers/0", keepIf((value) => typeof value === "number")],
  ["normals/0", keepIf(isNormal)],
  [
    "finites/0",
    keepIf((value) => typeof value === "number" && Math.abs(value) !== Number.POSITIVE_INFINITY),
  ],
  ["strings/0", keepIf((value) => typeof value === "string")],
  ["nulls/0", keepIf((value) => value === null)],
  ["values/0", keepIf((value) => value !== null)],
  ["scalars/0", keepIf((value) => !isIterable(value))],
  ["have_literal_numbers/0", pure(() => false)],
  ["have_decnum/0", pure(() => false)],
  ["now/0", pure(() => nowMs() / 1000)],
  ["debug/0", () => IDENTITY],
  ["debug/1", debugWith],
  ["stderr/0", () => IDENTITY],
  [
    "format/1",
    unary((input, name) =>
      typeof name === "string"
        ? formatter(name)(input)
        : fail(`${describe(name)} is not a valid format`),
    ),
  ],
]);

/** `isvalid(f)`: whether f runs without an error (jq before 1.7). */
function validity(body: Code): Code {
  return single((input, env) => {
    try {
      body.run(input, env, () => 0);
      return true;
    } catch (error) {
      if (error instanceof Raise) return false;
      throw error;
    }
  });
}
