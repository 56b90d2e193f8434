/** Array and object construction, and string interpolation. */
import {
  charge,
  chargeBuilt,
  chargeItem,
  chargeItems,
  chargeString,
  isLarge,
} from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { formatter } from "../values/formats.ts";
import { add } from "../values/arithmetic.ts";
import { cannotIterate } from "../values/access.ts";
import { isObject } from "../values/json.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { putKey } from "../values/objects.ts";
import { describe, toText } from "../values/print.ts";
import { mustGo } from "./breaks.ts";
import { Code, constant, GO, maker, NOTHING, single } from "./code.ts";
import type { Env, One, Signal } from "./code.ts";

function valuesOf(value: Json): readonly Json[] {
  return isObject(value) ? Object.values(value) : cannotIterate(value);
}

/** The outputs for the children of a value; `fresh` ones need not be looked at. */
export function outputsOver(each: One, fresh: boolean, value: Json, env: Env): Json[] {
  const list = Array.isArray(value) ? value : valuesOf(value);
  const items: Json[] = [];
  let large = 0;
  for (let i = 0; i < list.length; i += 1) {
    charge(1);
    const value = each(list[i] as Json, env);
    if (value === NOTHING) continue;
    if (!fresh && isLarge(value)) large += 1;
    items.push(value);
  }
  chargeItems(items.length, large);
  return items;
}

/** All outputs of a filter. */
export function outputs(code: Code, input: Json, env: Env): Json[] {
  const items: Json[] = [];
  if (code.opt !== undefined) {
    const value = code.opt(input, env);
    if (value === NOTHING) return items;
    chargeItem(value);
    items.push(value);
    return items;
  }
  mustGo(
    code.run(input, env, (value) => {
      chargeItem(value);
      items.push(value);
      return GO;
    }),
  );
  return items;
}

/** `[body]` */
export function collect(body: Code): Code {
  const { one } = body;
  if (one !== undefined) {
    return maker((input, env) => {
      const value = one(input, env);
      chargeItem(value);
      return [value];
    });
  }
  const each = body.over?.each;
  if (body.over === undefined || each === undefined) {
    return maker((input, env) => outputs(body, input, env));
  }
  const { from, fresh } = body.over;
  return maker((input, env) => outputsOver(each, fresh, from(input, env), env));
}

/** `[a, b, c]` where every item gives one output. */
export function tuple(items: readonly One[]): Code {
  return maker((input, env) => {
    const values: Json[] = [];
    let large = 0;
    for (let i = 0; i < items.length; i += 1) {
      const value = (items[i] as One)(input, env);
      if (isLarge(value)) large += 1;
      values.push(value);
    }
    chargeItems(items.length, large);
    return values;
  });
}

export interface Entry {
  readonly key: Code;
  readonly value: Code;
  /** The key, when it is known while compiling. */
  readonly fixed?: string;
}

function checkKey(key: Json): string {
  return typeof key === "string" ? key : fail(`Cannot use ${describe(key)} as object key`);
}

/** Object literals whose keys are constants: one shape, filled in order. */
function record(keys: readonly string[], values: readonly One[]): One {
  const size = keys.length;
  if (keys.includes("__proto__")) {
    return (input, env) => {
      const object: JsonObject = {};
      chargeBuilt(size);
      for (let i = 0; i < size; i += 1) {
        putKey(object, keys[i] as string, (values[i] as One)(input, env));
      }
      return object;
    };
  }
  // Long keys count as large wherever they are.
  const long = keys.filter(isLarge).length;
  return (input, env) => {
    const object: JsonObject = {};
    let large = long;
    for (let i = 0; i < size; i += 1) {
      const value = (values[i] as One)(input, env);
      if (isLarge(value)) large += 1;
      object[keys[i] as string] = value;
    }
    chargeItems(size, large);
    return object;
  };
}

/** `{...}`; the last entry varies fastest. */
export function construct(entries: readonly Entry[]): Code {
  const keys = entries.map((entry) => entry.fixed);
  const values = entries.map((entry) => entry.value.one);
  if (values.every((one) => one !== undefined)) {
    if (keys.every((key) => key !== undefined)) return maker(record(keys, values));
    const keyOnes = entries.map((entry) => entry.key.one);
    if (keyOnes.every((one) => one !== undefined)) {
      return single((input, env) => {
        const object: JsonObject = {};
        chargeBuilt(entries.length);
        for (let i = 0; i < entries.length; i += 1) {
          const key = (keyOnes[i] as One)(input, env);
          const value = (values[i] as One)(input, env);
          putKey(object, checkKey(key), value);
        }
        return object;
      });
    }
  }
  return new Code({
    run: (input, env, emit) => {
      const step = (at: number, made: JsonObject): Signal => {
        const entry = entries[at];
        if (entry === undefined) return emit(made);
        return entry.key.run(input, env, (key) =>
          entry.value.run(input, env, (value) => {
            chargeBuilt(at + 1);
            const next = { ...made };
            putKey(next, checkKey(key), value);
            return step(at + 1, next);
          }),
        );
      };
      return step(0, {});
    },
  });
}

/**
 * Pieces of text one after the other; as in jq the last is evaluated first. There are as many as the
 * program spells out, so one look at the length is enough.
 */
function concatenation(pieces: readonly One[]): One {
  return (input, env) => {
    let text = "";
    for (let i = pieces.length - 1; i >= 0; i -= 1) {
      text = ((pieces[i] as One)(input, env) as string) + text;
    }
    chargeString(text.length);
    return text;
  };
}

/** `"a\(b)c"` with a format applied to each interpolated value; the last varies slowest. */
export function interpolate(format: string, parts: readonly (string | Code)[]): Code {
  const apply = format === "text" ? toText : formatter(format);
  const pieces = parts.map((part) => {
    if (typeof part === "string") return constant(part);
    const { one } = part;
    if (one !== undefined) return single((input, env) => apply(one(input, env)));
    return new Code({
      run: (input, env, emit) => part.run(input, env, (value) => emit(apply(value))),
    });
  });
  const ones = pieces.map((piece) => piece.one);
  if (ones.every((one) => one !== undefined)) return single(concatenation(ones));
  return new Code({
    run: (input, env, emit) => {
      const step = (at: number, tail: Json): Signal => {
        const piece = pieces[at];
        if (piece === undefined) return emit(tail);
        return piece.run(input, env, (text) => step(at - 1, add(text, tail)));
      };
      return step(pieces.length - 1, "");
    },
  });
}
