/** Strings: trimming, splitting, joining, searching. */
import { charge, chargeSame, chargeScan, chargeString } from "../budget/budget.ts";
import { each } from "../compile/access.ts";
import { GO } from "../compile/code.ts";
import { fail } from "../errors.ts";
import { arrayIndices, index } from "../values/access.ts";
import { add, splitString } from "../values/arithmetic.ts";
import { equal } from "../values/compare.ts";
import { isTrue } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { formatNumber } from "../values/numbers.ts";
import { describe } from "../values/print.ts";
import { countPoints, isSimple, toPoints } from "../values/strings.ts";
import { pure, unary } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";

function startsWith(value: Json, prefix: Json): boolean {
  if (typeof value !== "string" || typeof prefix !== "string") {
    return fail("startswith() requires string inputs");
  }
  chargeScan(prefix.length);
  return value.startsWith(prefix);
}

function endsWith(value: Json, suffix: Json): boolean {
  if (typeof value !== "string" || typeof suffix !== "string") {
    return fail("endswith() requires string inputs");
  }
  chargeScan(suffix.length);
  return value.endsWith(suffix);
}

function trimLeft(value: Json, prefix: Json): Json {
  if (!startsWith(value, prefix)) return value;
  return (value as string).slice((prefix as string).length);
}

function trimRight(value: Json, suffix: Json): Json {
  if (!endsWith(value, suffix)) return value;
  const text = value as string;
  return text.slice(0, text.length - (suffix as string).length);
}

const SPACE = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACE}+`);
const SPACE_CHAR = new RegExp(SPACE);

/** Not a pattern: one anchored at the end would retry at every run of spaces. */
function trimmedEnd(text: string): number {
  let end = text.length;
  while (end > 0 && SPACE_CHAR.test(text[end - 1] as string)) end -= 1;
  return end;
}

function trimmer(left: boolean, right: boolean): Builder {
  return pure((value) => {
    if (typeof value !== "string") return fail("trim input must be a string");
    chargeScan(value.length);
    const text = left ? value.replace(LEADING, "") : value;
    return right ? text.slice(0, trimmedEnd(text)) : text;
  });
}

function explode(value: Json): Json {
  if (typeof value !== "string") return fail("explode input must be a string");
  chargeSame(value.length);
  return toPoints(value);
}

function point(value: Json): string {
  if (typeof value !== "number" || Number.isNaN(value)) {
    return fail(`${describe(value)} can't be imploded, unicode codepoint needs to be numeric`);
  }
  const code = Math.trunc(value);
  const isValid = code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return String.fromCodePoint(isValid ? code : 0xfffd);
}

function implode(value: Json): Json {
  if (!Array.isArray(value)) return fail("implode input must be an array");
  charge(value.length);
  const text = value.map(point).join("");
  chargeString(text.length);
  return text;
}

function shiftCase(from: number, to: number, by: number): Builder {
  return pure((value) => {
    if (typeof value !== "string") return fail("explode input must be a string");
    charge(value.length >> 2);
    let text = "";
    let start = 0;
    for (let i = 0; i < value.length; i += 1) {
      const unit = value.charCodeAt(i);
      if (unit < from || unit > to) continue;
      text += value.slice(start, i) + String.fromCharCode(unit + by);
      start = i + 1;
    }
    return text + value.slice(start);
  });
}

function split(value: Json, separator: Json): Json {
  if (typeof value !== "string" || typeof separator !== "string") {
    return fail("split input and separator must be strings");
  }
  return splitString(value, separator);
}

function joined(item: Json): Json {
  if (typeof item === "number") return formatNumber(item);
  if (typeof item === "boolean") return item ? "true" : "false";
  return isTrue(item) ? item : "";
}

function join(value: Json, separator: Json): Json {
  if (Array.isArray(value) && typeof separator === "string") {
    const simple = value.every((item) => typeof item !== "object" || item === null);
    if (simple) return joinSimple(value, separator);
  }
  let text: Json = null;
  each(
    value,
    (item) => {
      text = add(text === null ? "" : add(text, separator), joined(item));
      return GO;
    },
    false,
  );
  return text ?? "";
}

function joinSimple(items: readonly Json[], separator: string): string {
  charge(items.length);
  const pieces = items.map(joined) as string[];
  const length = pieces.reduce((sum, piece) => sum + piece.length + separator.length, 0);
  chargeString(length);
  return pieces.join(separator);
}

/** Code point offsets of all, also overlapping, occurrences. */
function stringIndices(value: Json, part: Json): number[] {
  if (typeof value !== "string") {
    return fail(`${describe(value)} cannot be searched, as it is not a string`);
  }
  if (typeof part !== "string") return fail(`${describe(part)} is not a string`);
  const found: number[] = [];
  if (part === "") return found;
  const simple = isSimple(value);
  let points = 0;
  let counted = 0;
  for (let at = value.indexOf(part); at >= 0; at = value.indexOf(part, at + 1)) {
    charge(1);
    points += simple ? at - counted : countPoints(value, counted, at);
    counted = at;
    found.push(points);
  }
  return found;
}

function itemIndices(array: Json[], item: Json): number[] {
  charge(array.length);
  const found: number[] = [];
  for (let i = 0; i < array.length; i += 1) if (equal(array[i] as Json, item)) found.push(i);
  return found;
}

/** `indices(part)` */
function indices(value: Json, part: Json): Json {
  if (Array.isArray(value)) {
    return Array.isArray(part) ? arrayIndices(value, part) : itemIndices(value, part);
  }
  if (typeof value === "string" && typeof part === "string") return stringIndices(value, part);
  return index(value, part);
}

/** `index` and `rindex`: one end of `indices`. */
function endOf(pick: (found: Json[]) => Json | undefined): Builder {
  return unary((value, part) => {
    const found = indices(value, part);
    if (found === null) return null;
    return Array.isArray(found) ? (pick(found) ?? null) : index(found, 0);
  });
}

export const stringBuiltins: Builtins = new Map<string, Builder>([
  ["startswith/1", unary(startsWith)],
  ["endswith/1", unary(endsWith)],
  ["ltrimstr/1", unary(trimLeft)],
  ["rtrimstr/1", unary(trimRight)],
  ["trimstr/1", unary((value, part) => trimRight(trimLeft(value, part), part))],
  ["trim/0", trimmer(true, true)],
  ["ltrim/0", trimmer(true, false)],
  ["rtrim/0", trimmer(false, true)],
  ["explode/0", pure(explode)],
  ["implode/0", pure(implode)],
  ["ascii/0", pure((value) => implode([value]))],
  ["ascii_downcase/0", shiftCase(65, 90, 32)],
  ["ascii_upcase/0", shiftCase(97, 122, -32)],
  ["split/1", unary(split)],
  ["join/1", unary(join)],
  ["_strindices/1", unary(stringIndices)],
  ["indices/1", unary(indices)],
  ["index/1", endOf((found) => found[0])],
  ["rindex/1", endOf((found) => found[found.length - 1])],
]);
