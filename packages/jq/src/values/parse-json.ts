/**
 * JSON text to values (manual: fromjson). The engine's own parser does well-formed text; everything
 * else goes through a lenient parser, which knows `nan` and words its errors as jq does.
 */
import { charge, chargeString, number } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { LenientParser } from "./lenient-json.ts";
import type { Json } from "./json.ts";

const MAX_DEPTH = 10_000;
const OPENERS = /[[{]/g;

function mayBeDeep(text: string): boolean {
  if (text.length <= 2 * MAX_DEPTH) return false;
  OPENERS.lastIndex = 0;
  for (let openers = 0; openers < MAX_DEPTH; openers += 1) if (!OPENERS.test(text)) return false;
  return true;
}

function parseFast(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** `fromjson` */
export function parseJson(text: string): Json {
  chargeString(text.length);
  charge(text.length >> 4);
  // Exponents are the only way to an infinity in well-formed JSON.
  if (/[eE]\+?\d{3}|\d{309}/.test(text)) number(Number.POSITIVE_INFINITY);
  if (!mayBeDeep(text)) {
    const value = parseFast(text);
    if (value !== undefined) return value;
  }
  const result = new LenientParser(text, MAX_DEPTH).parse();
  return typeof result === "string" ? fail(`${result} (while parsing '${text}')`) : result.value;
}
