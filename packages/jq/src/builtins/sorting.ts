/** Sorting, grouping and extremes (manual: sort, group_by, min, unique). */
import { charge, chargeCopy, chargeSame } from "../budget/budget.ts";
import { each } from "../compile/access.ts";
import { outputs } from "../compile/construct.ts";
import { GO, single } from "../compile/code.ts";
import type { Code, Env } from "../compile/code.ts";
import { fail } from "../errors.ts";
import { compare, equal } from "../values/compare.ts";
import type { Json } from "../values/json.ts";
import { describe } from "../values/print.ts";
import { sortedOrder } from "../values/sort.ts";
import { pure } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";

/** What is done with items and their keys, which are in the same places. */
type Use = (items: readonly Json[], keys: readonly Json[]) => Json;

/** A builtin on arrays whose items are their own keys. */
function plain(use: Use): Builder {
  return pure((value) => {
    if (!Array.isArray(value)) {
      return fail(`${describe(value)} cannot be sorted, as it is not an array`);
    }
    return use(value, value);
  });
}

/** The keys of all items. jq's keys are arrays of outputs; a single output stands for itself here. */
function keysOf(key: Code, items: readonly Json[], env: Env): Json[] {
  const { one } = key;
  charge(items.length);
  const keys: Json[] = [];
  for (const item of items) {
    keys.push(one === undefined ? outputs(key, item, env) : one(item, env));
  }
  return keys;
}

/** The children of a container, as `.[]` gives them. */
function children(value: Json): readonly Json[] {
  if (Array.isArray(value)) return value;
  const items: Json[] = [];
  each(
    value,
    (item) => {
      items.push(item);
      return GO;
    },
    false,
  );
  return items;
}

/** A builtin `name_by(f)`; of other containers the keys are computed before it fails. */
function by(use: Use, sorts: boolean): Builder {
  return (args) => {
    const key = args[0] as Code;
    return single((input, env) => {
      const items = children(input);
      const keys = keysOf(key, items, env);
      if (!Array.isArray(input)) {
        const shown = key.one === undefined ? keys : keys.map((given) => [given]);
        const refusal = sorts ? "sorted, as they are not both arrays" : "iterated over";
        fail(`${describe(input)} and ${describe(shown)} cannot be ${refusal}`);
      }
      return use(items, keys);
    });
  };
}

function sorted(items: readonly Json[], keys: readonly Json[]): Json {
  chargeSame(items.length);
  return sortedOrder(keys).map((at) => items[at] as Json);
}

function groups(items: readonly Json[], keys: readonly Json[]): Json[][] {
  const made: Json[][] = [];
  let last: Json[] = [];
  let previous: Json = null;
  chargeSame(items.length);
  for (const at of sortedOrder(keys)) {
    const key = keys[at] as Json;
    const item = items[at] as Json;
    if (made.length > 0 && equal(previous, key)) last.push(item);
    else {
      last = [item];
      made.push(last);
      previous = key;
    }
  }
  return made;
}

function distinct(items: readonly Json[], keys: readonly Json[]): Json {
  const made: Json[] = [];
  let previous: Json = null;
  chargeSame(items.length);
  for (const at of sortedOrder(keys)) {
    const key = keys[at] as Json;
    if (made.length > 0 && equal(previous, key)) continue;
    made.push(items[at] as Json);
    previous = key;
  }
  return made;
}

/** The extreme item; of equals, the first minimum and the last maximum. */
function extreme(isMin: boolean): Use {
  return (items, keys) => {
    charge(items.length);
    let best = 0;
    for (let at = 1; at < items.length; at += 1) {
      if (compare(keys[at] as Json, keys[best] as Json) < 0 === isMin) best = at;
    }
    return items[best] ?? null;
  };
}

function extremeOf(isMin: boolean): Builder {
  const choose = extreme(isMin);
  return pure((value) => {
    if (!Array.isArray(value)) {
      return fail(`${describe(value)} and ${describe(value)} cannot be iterated over`);
    }
    chargeCopy(value.length);
    return choose(value, value);
  });
}

export const sortingBuiltins: Builtins = new Map<string, Builder>([
  ["sort/0", plain(sorted)],
  ["sort_by/1", by(sorted, true)],
  ["group_by/1", by(groups, true)],
  ["unique/0", plain(distinct)],
  ["unique_by/1", by(distinct, true)],
  ["GROUP_BY/1", by(groups, true)],
  ["UNIQUE_BY/1", by(distinct, true)],
  ["min/0", extremeOf(true)],
  ["max/0", extremeOf(false)],
  ["min_by/1", by(extreme(true), false)],
  ["max_by/1", by(extreme(false), false)],
]);
