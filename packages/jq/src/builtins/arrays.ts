/** Arrays: mapping, flattening, searching, combining. */
import { charge, chargeBuilt, chargeCopy, chargeItem, chargeSame } from "../budget/budget.ts";
import { each, iterate } from "../compile/access.ts";
import { outputsOver } from "../compile/construct.ts";
import { mustGo } from "../compile/breaks.ts";
import { Code, GO, IDENTITY, maker, single, STOP } from "../compile/code.ts";
import type { Emit, Signal } from "../compile/code.ts";
import { fail } from "../errors.ts";
import { index } from "../values/access.ts";
import { contains } from "../values/contains.ts";
import { compare } from "../values/compare.ts";
import { isTrue } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { describe } from "../values/print.ts";
import { length } from "../values/length.ts";
import { pure, unary } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";

/** `map(f)`, that is `[.[] | f]` */
function map(args: readonly Code[]): Code {
  const change = args[0] as Code;
  const { fresh, opt } = change;
  if (opt !== undefined) return maker((input, env) => outputsOver(opt, fresh, input, env));
  return maker((input, env) => {
    const made: Json[] = [];
    const keep: Emit = (value) => {
      chargeItem(value);
      made.push(value);
      return GO;
    };
    mustGo(each(input, (item) => change.run(item, env, keep), false));
    return made;
  });
}

/** jq reads elements from the last to the first, so what has length 0 reverses to an empty array. */
function reverse(value: Json): Json {
  if (Array.isArray(value)) {
    chargeCopy(value.length);
    return value.toReversed();
  }
  const size = length(value);
  return size === 0 ? [] : index(value, size - 1);
}

interface Level {
  readonly items: readonly Json[];
  next: number;
}

/** Flattens without recursion; a negative depth means all levels. */
function flatten(value: Json, depth: Json): Json {
  if (typeof depth !== "number") return fail("flatten depth must not be negative");
  if (depth < 0) fail("flatten depth must not be negative");
  chargeSame(0);
  const flat: Json[] = [];
  const start: Json[] = [];
  each(
    value,
    (item) => {
      start.push(item);
      return GO;
    },
    false,
  );
  const stack: Level[] = [{ items: start, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as Level;
    if (top.next >= top.items.length) {
      stack.pop();
      continue;
    }
    charge(1);
    const item = top.items[top.next++] as Json;
    if (Array.isArray(item) && stack.length <= depth) stack.push({ items: item, next: 0 });
    else flat.push(item);
  }
  return flat;
}

/** `[range(0; map(length) | max // 0) as $i | [.[][$i]]]`, its errors included. */
function transpose(value: Json): Json {
  let width = 0;
  const rows: Json[] = [];
  each(
    value,
    (row) => {
      const size = length(row);
      if (size > width) width = size;
      rows.push(row);
      return GO;
    },
    false,
  );
  const columns: Json[] = [];
  for (let i = 0; i < width; i += 1) {
    chargeBuilt(rows.length);
    columns.push(rows.map((row) => index(row, i)));
  }
  return columns;
}

/** `bsearch(x)`: the position, or -1 minus where it would be inserted. */
function search(value: Json, target: Json): Json {
  if (!Array.isArray(value)) return fail(`${describe(value)} cannot be searched from`);
  let low = 0;
  let high = value.length;
  while (low < high) {
    charge(1);
    const middle = (low + high) >> 1;
    const order = compare(target, value[middle] as Json);
    if (order === 0) return middle;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return -1 - low;
}

/** `if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w | [$x] + $w end` */
function combine(rows: Json, at: number, chosen: Json[], emit: Emit): Signal {
  if (!Array.isArray(rows)) {
    // What is empty has one combination; of all else, `.[0]` fails.
    if (length(rows) !== 0) index(rows, 0);
    return emit([]);
  }
  if (at === rows.length) {
    chargeBuilt(chosen.length + 1);
    return emit([...chosen]);
  }
  return each(
    rows[at] as Json,
    (item) => {
      chosen[at] = item;
      chosen.length = at + 1;
      return combine(rows, at + 1, chosen.slice(0, at + 1), emit);
    },
    false,
  );
}

const combinations: Code = new Code({ run: (input, _env, emit) => combine(input, 0, [], emit) });

function combinationsOf(args: readonly Code[]): Code {
  const count = args[0] as Code;
  return new Code({
    run: (input, env, emit) =>
      count.run(input, env, (n) => {
        if (typeof n !== "number") return fail("Range bounds must be numeric");
        const rows: Json[] = [];
        for (let i = 0; i < n; i += 1) {
          chargeBuilt(1);
          rows.push(input);
        }
        return combine(rows, 0, [], emit);
      }),
  });
}

/** `any` and `all` with a generator and a condition; stops at the first decisive output. */
function quantifier(source: Code, condition: Code, decisive: boolean): Code {
  const test = condition.one;
  return single((input, env) => {
    let settled = false;
    const look = (value: Json): Signal => {
      if (isTrue(value) !== decisive) return GO;
      settled = true;
      return STOP;
    };
    const signal = source.run(
      input,
      env,
      test === undefined
        ? (item) => condition.run(item, env, look)
        : (item) => look(test(item, env)),
    );
    if (!settled) mustGo(signal);
    return settled === decisive;
  });
}

const EACH = iterate(IDENTITY, false);
const SELF = single((input) => input);

function quantifiers(name: string, decisive: boolean): [string, Builder][] {
  return [
    [`${name}/0`, () => quantifier(EACH, SELF, decisive)],
    [`${name}/1`, ([condition]) => quantifier(EACH, condition as Code, decisive)],
    [`${name}/2`, ([source, condition]) => quantifier(source as Code, condition as Code, decisive)],
  ];
}

export const arrayBuiltins: Builtins = new Map<string, Builder>([
  ["map/1", map],
  ["reverse/0", pure(reverse)],
  ["flatten/0", pure((value) => flatten(value, Number.POSITIVE_INFINITY))],
  ["flatten/1", unary(flatten)],
  ["transpose/0", pure(transpose)],
  ["bsearch/1", unary(search)],
  ["contains/1", unary(contains)],
  ["inside/1", unary((input, outer) => contains(outer, input))],
  ["combinations/0", () => combinations],
  ["combinations/1", combinationsOf],
  ...quantifiers("any", true),
  ...quantifiers("all", false),
]);
