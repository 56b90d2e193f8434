/** JSON text of values (manual: tojson), and the shortened form error messages quote. */
import { charge, chargeString, limits } from "../budget/budget.ts";
import { isObject, typeName } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { formatNumber, isPlainNumber } from "./numbers.ts";

/** Deeper values are replaced by a note, as in jq. */
const MAX_PRINT_DEPTH = 10_000;
const DELETE = /\u007f/g;

/** Characters quoted between two looks at the budget. */
const PIECE = 65_536;

/** Quotes in pieces, because escaping makes a text up to six times as long. */
function quoteLong(text: string): string {
  let quoted = "";
  for (let at = 0; at < text.length; ) {
    const last = text.charCodeAt(at + PIECE - 1);
    const end = at + PIECE + (last >= 0xd800 && last <= 0xdbff ? 1 : 0);
    quoted += JSON.stringify(text.slice(at, end)).slice(1, -1);
    charge((Math.min(end, text.length) - at) >> 4);
    chargeString(quoted.length);
    at = end;
  }
  return `"${quoted.replace(DELETE, "\\u007f")}"`;
}

/** Up to this length looking at each character is faster than a call of JSON.stringify. */
const SHORT = 48;

/** Whether a short string is its own JSON text but for the quotes. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || unit === 0x7f || unit >= 0xd800)
      return false;
  }
  return true;
}

export function quote(text: string): string {
  const { length } = text;
  if (length > PIECE) return quoteLong(text);
  if (length > 15) charge(length >> 4);
  if (length <= SHORT && isPlain(text)) return `"${text}"`;
  const quoted = JSON.stringify(text);
  return quoted.includes("\u007f") ? quoted.replace(DELETE, "\\u007f") : quoted;
}

function scalar(value: Json): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return formatNumber(value);
    case "boolean":
      return value ? "true" : "false";
    default:
      return "null";
  }
}

interface Open {
  readonly items: readonly Json[] | undefined;
  readonly object: JsonObject | undefined;
  readonly keys: readonly string[];
  next: number;
}

function open(value: Json[] | JsonObject): Open {
  if (Array.isArray(value)) return { items: value, object: undefined, keys: [], next: 0 };
  return { items: undefined, object: value, keys: Object.keys(value), next: 0 };
}

/** Nesting up to which JavaScript's stack does; deeper values are printed with a stack of our own. */
const MAX_RECURSION = 200;
/** Text longer than this is paid for as it grows. */
const CHUNK = 4096;

function print(value: Json, depth: number): string {
  if (typeof value !== "object" || value === null) return scalar(value);
  if (depth > MAX_RECURSION) return printDeep(value, depth, Number.POSITIVE_INFINITY);
  let text: string;
  if (Array.isArray(value)) {
    charge(value.length);
    text = "[";
    for (let i = 0; i < value.length; i += 1) {
      const item = print(value[i] as Json, depth + 1);
      text += i === 0 ? item : `,${item}`;
    }
    text += "]";
  } else {
    const keys = Object.keys(value);
    charge(keys.length);
    text = "{";
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i] as string;
      const item = print(value[key] as Json, depth + 1);
      text += i === 0 ? `${quote(key)}:${item}` : `,${quote(key)}:${item}`;
    }
    text += "}";
  }
  if (text.length > CHUNK) chargeString(text.length);
  return text;
}

/**
 * What is left of `room` characters after a value's text, or less than 0 when the text is too long or
 * the engine's own JSON text of the value is not jq's.
 */
function roomAfter(value: Json, depth: number, room: number): number {
  if (typeof value === "string") {
    const { length } = value;
    if (length > 15) charge(length >> 4);
    return room - length;
  }
  if (typeof value === "number") return isPlainNumber(value) ? room - 1 : -1;
  if (typeof value === "boolean" || value === null) return room - 4;
  if (typeof value !== "object" || depth > MAX_RECURSION) return -1;
  let left = room;
  if (Array.isArray(value)) {
    charge(value.length);
    for (let i = 0; i < value.length && left >= 0; i += 1) {
      left = roomAfter(value[i] as Json, depth + 1, left - 1);
    }
    return left;
  }
  const keys = Object.keys(value);
  charge(keys.length);
  for (let i = 0; i < keys.length && left >= 0; i += 1) {
    const key = keys[i] as string;
    left = roomAfter(value[key] as Json, depth + 1, left - key.length - 4);
  }
  return left;
}

function printFast(value: Json[] | JsonObject): string | undefined {
  if (roomAfter(value, 0, limits().outputBytes) < 0) return undefined;
  const text = JSON.stringify(value);
  return text.includes("\u007f") ? text.replace(DELETE, "\\u007f") : text;
}

/** JSON text. Stops early once the text is longer than `enough`. */
export function toJson(value: Json, enough = Number.POSITIVE_INFINITY): string {
  if (typeof value !== "object" || value === null) return scalar(value);
  if (enough !== Number.POSITIVE_INFINITY) return printDeep(value, 0, enough);
  return printFast(value) ?? print(value, 0);
}

/** JSON text of a container, `depth` levels down, without recursion: depth costs memory, not stack. */
function printDeep(value: Json[] | JsonObject, depth: number, enough: number): string {
  let text = Array.isArray(value) ? "[" : "{";
  const stack: Open[] = [open(value)];
  let paid = 0;
  while (stack.length > 0 && text.length <= enough) {
    const top = stack[stack.length - 1] as Open;
    const length = top.items === undefined ? top.keys.length : top.items.length;
    if (top.next >= length) {
      text += top.items === undefined ? "}" : "]";
      stack.pop();
      continue;
    }
    charge(1);
    if (text.length > paid + CHUNK) {
      chargeString(text.length);
      paid = text.length;
    }
    if (top.next > 0) text += ",";
    const at = top.next++;
    const key = top.keys[at] as string;
    if (top.object !== undefined) text += `${quote(key)}:`;
    const item = top.items === undefined ? (top.object?.[key] as Json) : (top.items[at] as Json);
    if (depth + stack.length > MAX_PRINT_DEPTH) text += "<skipped: too deep>";
    else if (Array.isArray(item) || isObject(item)) {
      text += Array.isArray(item) ? "[" : "{";
      stack.push(open(item));
    } else text += scalar(item);
  }
  return text;
}

/** `tostring`: strings stay as they are. */
export function toText(value: Json): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return formatNumber(value);
  const text = toJson(value);
  chargeString(text.length);
  return text;
}

const SHOWN_BYTES = 30;

function utf8Size(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

/** The leading characters that fit into a number of UTF-8 bytes. */
function leadingBytes(text: string, bytes: number): string {
  let used = 0;
  let at = 0;
  while (at < text.length) {
    const point = text.codePointAt(at) as number;
    used += utf8Size(point);
    if (used > bytes) break;
    at += point > 0xffff ? 2 : 1;
  }
  return text.slice(0, at);
}

const CLOSERS: Readonly<Record<string, string>> = { '"': '"', "[": "]", "{": "}" };

/** A value as error messages show it: JSON text of at most 29 bytes. */
export function shortText(value: Json): string {
  const shown = typeof value === "string" ? value.slice(0, 2 * SHOWN_BYTES) : value;
  const text = toJson(shown, 4 * SHOWN_BYTES);
  if (leadingBytes(text, SHOWN_BYTES - 1).length === text.length) return text;
  const closer = CLOSERS[text[0] as string] ?? "";
  return `${leadingBytes(text, SHOWN_BYTES - (closer === "" ? 4 : 5))}...${closer}`;
}

/** `number (1)`: a value named by type and text. */
export function describe(value: Json): string {
  return `${typeName(value)} (${shortText(value)})`;
}
