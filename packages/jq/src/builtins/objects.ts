/** Objects: keys, entries and SQL-style indexes. */
import { charge, chargeBuilt, chargeItem, chargeSame, number } from "../budget/budget.ts";
import { mustGo } from "../compile/breaks.ts";
import { Code, GO, single, STOP } from "../compile/code.ts";
import type { Env } from "../compile/code.ts";
import { IDENTITY } from "../compile/code.ts";
import { each, iterate } from "../compile/access.ts";
import { outputs } from "../compile/construct.ts";
import { pipe } from "../compile/flow.ts";
import { fail } from "../errors.ts";
import { has, index } from "../values/access.ts";
import { add } from "../values/arithmetic.ts";
import { equal, sortedKeys } from "../values/compare.ts";
import { isObject, isTrue } from "../values/json.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { putKey } from "../values/objects.ts";
import { describe, toText } from "../values/print.ts";
import { pure, unary } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";

function keys(sorted: boolean): (value: Json) => Json {
  return (value) => {
    if (Array.isArray(value)) {
      chargeSame(value.length);
      return [...value.keys()];
    }
    if (!isObject(value)) return fail(`${describe(value)} has no keys`);
    const names = sorted ? sortedKeys(value) : Object.keys(value);
    chargeSame(names.length);
    return names;
  };
}

function toEntries(value: Json): Json[] {
  const names = keys(false)(value) as (string | number)[];
  chargeSame(names.length * 2);
  return names.map((key) => ({ key, value: index(value, key) }));
}

/** The first of several fields that is true; the last one whatever it is. */
function firstField(entry: Json, names: readonly string[]): Json {
  let value: Json = null;
  for (const name of names) {
    value = index(entry, name);
    if (isTrue(value)) return value;
  }
  return value;
}

const KEY_NAMES = ["key", "Key", "name", "Name"];

function entryKey(entry: Json): string {
  const key = firstField(entry, KEY_NAMES);
  if (typeof key === "string") return key;
  return fail(`Cannot use ${describe(key)} as object key`);
}

function entryValue(entry: Json): Json {
  if (isObject(entry) && Object.hasOwn(entry, "value")) return index(entry, "value");
  return index(entry, "Value");
}

function fromEntries(value: Json): Json {
  const object: JsonObject = {};
  chargeSame(0);
  each(
    value,
    (entry) => {
      putKey(object, entryKey(entry), entryValue(entry));
      return GO;
    },
    false,
  );
  return object;
}

function addAll(items: Json): Json {
  if (Array.isArray(items) && items.length > 0 && items.every((item) => typeof item === "string")) {
    charge(items.length);
    return joinStrings(items);
  }
  const sum = Array.isArray(items) ? sumOf(items) : undefined;
  if (sum !== undefined) return sum;
  const adder = new Adder();
  each(
    items,
    (item) => {
      adder.add(item);
      return GO;
    },
    false,
  );
  return adder.total;
}

/** The sum of numbers, or undefined when there are others, or none. */
function sumOf(items: readonly Json[]): number | undefined {
  if (items.length === 0) return undefined;
  let sum = 0;
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i];
    if (typeof item !== "number") return undefined;
    sum += item;
  }
  charge(items.length);
  return number(sum);
}

function joinStrings(items: readonly string[]): Json {
  let text: Json = "";
  for (const item of items) text = add(text, item);
  return text;
}

/** Sums values; arrays and objects of its own making grow in place. */
class Adder {
  total: Json = null;
  private owned = false;

  add(item: Json): void {
    chargeItem(item);
    const { total } = this;
    if (this.owned && Array.isArray(total) && Array.isArray(item)) {
      charge(item.length);
      for (const value of item) total.push(value);
    } else if (this.owned && isObject(total) && isObject(item)) {
      const names = Object.keys(item);
      charge(names.length);
      for (const name of names) putKey(total, name, item[name] as Json);
    } else {
      const sum = add(total, item);
      this.owned = sum !== total && sum !== item && typeof sum === "object";
      this.total = sum;
    }
  }
}

function addOutputs(args: readonly Code[]): Code {
  const source = args[0] as Code;
  return single((input, env) => {
    const adder = new Adder();
    mustGo(
      source.run(input, env, (item) => {
        adder.add(item);
        return GO;
      }),
    );
    return adder.total;
  });
}

function withEntries(args: readonly Code[]): Code {
  const change = args[0] as Code;
  return single((input, env) => {
    const changed: Json[] = [];
    for (const entry of toEntries(input)) changed.push(...outputs(change, entry, env));
    return fromEntries(changed);
  });
}

function indexBy(source: Code, key: Code): Code {
  const build = (input: Json, env: Env): Json => {
    const object: JsonObject = {};
    mustGo(
      source.run(input, env, (row) =>
        key.run(row, env, (name) => {
          chargeBuilt(1);
          putKey(object, toText(name), row);
          return GO;
        }),
      ),
    );
    return object;
  };
  return single(build);
}

/** `JOIN($idx; stream; idx_expr)`: rows with what the index has for them. */
function joinRows(table: Code, rows: Code, key: Code): Code {
  return new Code({
    run: (input, env, emit) =>
      table.run(input, env, (found) =>
        rows.run(input, env, (row) =>
          key.run(row, env, (name) => {
            chargeBuilt(2);
            return emit([row, index(found, name)]);
          }),
        ),
      ),
  });
}

const EACH = iterate(IDENTITY, false);

function joinArray(table: Code, key: Code): Code {
  return new Code({
    run: (input, env, emit) =>
      table.run(input, env, (found) => {
        const fixed = single(() => found);
        return emit(outputs(joinRows(fixed, EACH, key), input, env));
      }),
  });
}

/** `IN(source; s)`: whether any output of the source is among those of s. */
function isIn(source: Code, candidates: Code): Code {
  return single((input, env) => {
    let found = false;
    const signal = candidates.run(input, env, (candidate) =>
      source.run(input, env, (value) => {
        charge(1);
        found = equal(value, candidate);
        return found ? STOP : GO;
      }),
    );
    if (!found) mustGo(signal);
    return found;
  });
}

function reversed(compute: (input: Json, a: Json) => Json): Builder {
  return unary((input, a) => compute(a, input));
}

export const objectBuiltins: Builtins = new Map<string, Builder>([
  ["keys/0", pure(keys(true))],
  ["keys_unsorted/0", pure(keys(false))],
  ["has/1", unary(has)],
  ["in/1", reversed(has)],
  ["to_entries/0", pure(toEntries)],
  ["from_entries/0", pure(fromEntries)],
  ["with_entries/1", withEntries],
  ["add/0", pure(addAll)],
  ["add/1", addOutputs],
  ["INDEX/1", ([key]) => indexBy(EACH, key as Code)],
  ["INDEX/2", ([source, key]) => indexBy(source as Code, key as Code)],
  ["IN/1", ([candidates]) => isInInput(candidates as Code)],
  ["IN/2", ([source, candidates]) => isIn(source as Code, candidates as Code)],
  ["JOIN/2", ([table, key]) => joinArray(table as Code, key as Code)],
  ["JOIN/3", ([table, rows, key]) => joinRows(table as Code, rows as Code, key as Code)],
  [
    "JOIN/4",
    ([table, rows, key, join]) =>
      pipe(joinRows(table as Code, rows as Code, key as Code), join as Code),
  ],
]);

function isInInput(candidates: Code): Code {
  return isIn(IDENTITY, candidates);
}
