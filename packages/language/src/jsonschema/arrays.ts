/** Keywords about arrays. */
import type { Json } from "../json.ts";
import {
  type Check,
  count,
  fail,
  type KeywordCompiler,
  list,
  nothingSeen,
  silently,
} from "./context.ts";
import { deepEqual } from "./equal.ts";

/** A keyword that concerns arrays only. */
const forArrays =
  (check: (items: readonly Json[], ...rest: ParametersAfterFirst<Check>) => boolean): Check =>
  (value, ...rest) =>
    !Array.isArray(value) || check(value as readonly Json[], ...rest);
type ParametersAfterFirst<F> = F extends (first: never, ...rest: infer R) => unknown ? R : never;

/** Checks the items from an index on, one by one. */
function eachFrom(start: number, check: Check): Check {
  return forArrays((items, at, run, seen) => {
    let valid = true;
    for (let index = start; index < items.length; index += 1) {
      seen.items.add(index);
      valid = check(items[index] ?? null, `${at}/${index}`, run, nothingSeen()) && valid;
    }
    return valid;
  });
}

function tuple(checks: readonly Check[]): Check {
  return forArrays((items, at, run, seen) => {
    let valid = true;
    for (const [index, check] of checks.entries()) {
      if (index >= items.length) break;
      seen.items.add(index);
      valid = check(items[index] ?? null, `${at}/${index}`, run, nothingSeen()) && valid;
    }
    return valid;
  });
}

const prefixItems: KeywordCompiler = (keyword) =>
  tuple(list(keyword).map((item, index) => keyword.compile(item, `${keyword.pointer}/${index}`)));

/** Up to 2019-09, a list under `items` was what `prefixItems` is now; it is still met in the wild. */
const items: KeywordCompiler = (keyword) => {
  const { value, schema, pointer, compile } = keyword;
  if (Array.isArray(value)) return prefixItems(keyword);
  const { prefixItems: prefix } = schema;
  return eachFrom(Array.isArray(prefix) ? prefix.length : 0, compile(value, pointer));
};

const additionalItems: KeywordCompiler = ({ value, schema, pointer, compile }) =>
  Array.isArray(schema.items) ? eachFrom(schema.items.length, compile(value, pointer)) : () => true;

const contains: KeywordCompiler = ({ value, schema, pointer, compile }) => {
  const check = compile(value, pointer);
  const { minContains = 1, maxContains = Number.POSITIVE_INFINITY } = schema;
  const [least, most] = [Number(minContains), Number(maxContains)];
  return forArrays((list, at, run, seen) => {
    const quiet = silently(run);
    let found = 0;
    for (const [index, item] of list.entries()) {
      if (!check(item, `${at}/${index}`, quiet, nothingSeen())) continue;
      seen.items.add(index);
      found += 1;
    }
    if (found < least) return fail(run, at, `must contain at least ${least} matching item(s)`);
    return found <= most || fail(run, at, `must contain at most ${most} matching item(s)`);
  });
};

const size =
  (holds: (length: number, limit: number) => boolean, message: string): KeywordCompiler =>
  (keyword) => {
    const limit = count(keyword);
    return forArrays(
      (list, at, run) => holds(list.length, limit) || fail(run, at, `${message} ${limit} item(s)`),
    );
  };

const uniqueItems: KeywordCompiler = ({ value }) => {
  if (value !== true) return () => true;
  return forArrays((list, at, run) => isUnique(list) || fail(run, at, "must not repeat an item"));
};

/** Plain values through a set; objects and lists pair by pair, among those that print equally long. */
function isUnique(list: readonly Json[]): boolean {
  const plain = new Set<Json>();
  const others = new Map<number, Json[]>();
  for (const item of list) {
    if (typeof item !== "object" || item === null) {
      if (plain.has(item)) return false;
      plain.add(item);
      continue;
    }
    const length = JSON.stringify(item).length;
    const alike = others.get(length) ?? [];
    if (alike.some((other) => deepEqual(other, item))) return false;
    others.set(length, [...alike, item]);
  }
  return true;
}

const unevaluatedItems: KeywordCompiler = ({ value, pointer, compile }) => {
  const check = compile(value, pointer);
  return forArrays((list, at, run, seen) => {
    let valid = true;
    for (const [index, item] of list.entries()) {
      if (seen.items.has(index)) continue;
      valid = check(item, `${at}/${index}`, run, nothingSeen()) && valid;
      seen.items.add(index);
    }
    return valid;
  });
};

export const arrays: Readonly<Record<string, KeywordCompiler>> = {
  prefixItems,
  items,
  additionalItems,
  contains,
  minItems: size((length, limit) => length >= limit, "must have at least"),
  maxItems: size((length, limit) => length <= limit, "must have at most"),
  uniqueItems,
  unevaluatedItems,
};
