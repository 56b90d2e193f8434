/** Keywords about single values: types, enumerations, numbers, strings. */
import type { Json } from "../json.ts";
import {
  amount,
  type Check,
  count,
  fail,
  type Keyword,
  type KeywordCompiler,
  list,
  SchemaError,
  text,
} from "./context.ts";
import { deepEqual } from "./equal.ts";
import { isOfFormat } from "./formats.ts";
import { compilePattern } from "./pattern.ts";

const TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"];

function typeOf(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

const type: KeywordCompiler = ({ value, pointer }) => {
  const wanted = (Array.isArray(value) ? value : [value]).map(String);
  const unknown = wanted.find((name) => !TYPES.includes(name));
  if (unknown !== undefined || wanted.length === 0) {
    throw new SchemaError(`expected one of ${TYPES.join(", ")}`, pointer);
  }
  const expected = wanted.join(" or ");
  return (item, at, run) => {
    const actual = typeOf(item);
    const fits = wanted.includes(actual) || (wanted.includes("integer") && Number.isInteger(item));
    return fits || fail(run, at, `must be ${expected}, is ${actual}`);
  };
};

/** A keyword that concerns numbers only. */
const numeric =
  (holds: (value: number, limit: number) => boolean, message: string): KeywordCompiler =>
  (keyword) => {
    const limit = amount(keyword);
    return (value, at, run) =>
      typeof value !== "number" || holds(value, limit) || fail(run, at, `${message} ${limit}`);
  };

const multipleOf: KeywordCompiler = (keyword) => {
  const step = amount(keyword);
  if (step <= 0) throw new SchemaError("must be above 0", keyword.pointer);
  return (value, at, run) =>
    typeof value !== "number" ||
    isMultiple(value, step) ||
    fail(run, at, `must be a multiple of ${step}`);
};

/** Decimal steps such as 0.1 have no exact binary form, so a quotient may miss a whole number by rounding. */
function isMultiple(value: number, step: number): boolean {
  const quotient = value / step;
  if (Number.isInteger(quotient)) return true;
  return (
    Math.abs(quotient - Math.round(quotient)) <= Number.EPSILON * Math.max(1, Math.abs(quotient))
  );
}

/** A keyword about a string's length, in code points. */
const length =
  (holds: (length: number, limit: number) => boolean, message: string): KeywordCompiler =>
  (keyword) => {
    const limit = count(keyword);
    return (value, at, run) =>
      typeof value !== "string" ||
      holds(codePoints(value), limit) ||
      fail(run, at, `${message} ${limit} characters`);
  };

function codePoints(value: string): number {
  let length = 0;
  for (const _ of value) length += 1;
  return length;
}

const pattern: KeywordCompiler = (keyword) => {
  const source = text(keyword);
  const matches = compilePattern(source, keyword.pointer);
  return (value, at, run) =>
    typeof value !== "string" ||
    matches(value) ||
    fail(run, at, `must match the pattern ${source}`);
};

const format: KeywordCompiler = (keyword) => {
  const name = text(keyword);
  return (value, at, run) =>
    typeof value !== "string" || isOfFormat(name, value) || fail(run, at, `must be a ${name}`);
};

const constant = ({ value }: Keyword): Check => {
  const shown = JSON.stringify(value);
  return (item, at, run) => deepEqual(item, value) || fail(run, at, `must be ${shown}`);
};

const enumeration: KeywordCompiler = (keyword) => {
  const allowed = list(keyword);
  const shown = allowed.map((item) => JSON.stringify(item)).join(", ");
  return (value, at, run) =>
    allowed.some((item) => deepEqual(item, value)) || fail(run, at, `must be one of ${shown}`);
};

export const values: Readonly<Record<string, KeywordCompiler>> = {
  type,
  const: constant,
  enum: enumeration,
  multipleOf,
  minimum: numeric((value, limit) => value >= limit, "must be at least"),
  maximum: numeric((value, limit) => value <= limit, "must be at most"),
  exclusiveMinimum: numeric((value, limit) => value > limit, "must be above"),
  exclusiveMaximum: numeric((value, limit) => value < limit, "must be below"),
  minLength: length((actual, limit) => actual >= limit, "must have at least"),
  maxLength: length((actual, limit) => actual <= limit, "must have at most"),
  pattern,
  format,
};
