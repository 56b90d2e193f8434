/**
 * Request bodies as JSON, read so that no body can hurt: UTF-8 is checked (RFC 8259 section 8.1), nesting is bounded
 * before anything recurses over the value, and keys that reach for an object's prototype are refused.
 */
import { isUtf8 } from "node:buffer";
import { type Json, type JsonObject, ProblemError } from "@millrace/protocol";

/** Deepest nesting of arrays and objects in a body. */
export const MAX_DEPTH = 256;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The body as text, without a byte order mark. @throws {ProblemError} `invalid-body` when it is not UTF-8 */
export function parseText(body: Buffer): string {
  if (!isUtf8(body)) throw new ProblemError("invalid-body", { detail: "the body is not UTF-8" });
  const text = body.toString("utf8");
  return text.codePointAt(0) === 0xfeff ? text.slice(1) : text;
}

/** @throws {ProblemError} `invalid-body` */
export function parseJson(body: Buffer): Json {
  const text = parseText(body);
  checkDepth(body);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw new ProblemError("invalid-body", { detail: `not JSON: ${(error as Error).message}` });
  }
  // Only a text that spells one of these keys, plainly or with an escape, can hold it: most are spared the walk.
  if (SUSPECT.test(text)) refusePoison(value);
  if (LARGE_NUMBER.test(text)) refuseInfinity(value);
  return value;
}

/** What a number beyond a double's range looks like; texts in strings may look so too. */
const LARGE_NUMBER = /\d{309}|\d[eE]\+?0*[1-9]\d{2}/;

/** JSON.parse makes 1e400 infinite, which has no JSON: what was accepted would come back as null. */
function refuseInfinity(value: Json): void {
  if (value === Infinity || value === -Infinity) {
    throw new ProblemError("invalid-body", { detail: "a number is larger than a double holds" });
  }
  if (typeof value !== "object" || value === null) return;
  for (const inner of Object.values(value)) refuseInfinity(inner);
}

const SUSPECT = /__proto__|"constructor"|\\u00/i;

/** `__proto__` as a key, and `constructor` with a `prototype` inside, at any depth (which is bounded). */
function refusePoison(value: Json): void {
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) refusePoison(item);
    return;
  }
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    const inner = value[key] as Json;
    const poison =
      key === "__proto__" ||
      (key === "constructor" && isObject(inner) && Object.hasOwn(inner, "prototype"));
    if (poison) throw new ProblemError("invalid-body", { detail: `the key "${key}" is refused` });
    refusePoison(inner);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts brackets outside strings; UTF-8's continuation bytes never look like one. */
function checkDepth(body: Buffer): void {
  if (body.length <= MAX_DEPTH) return;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index] as number;
    if (inString) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > MAX_DEPTH) {
        throw new ProblemError("invalid-body", {
          detail: `nested deeper than ${MAX_DEPTH} levels`,
        });
      }
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
}
