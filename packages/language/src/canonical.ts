/** One text for one JSON value, and a short name made of it. */
import { isObject, type Json } from "./json.ts";

/** JSON with the properties of every object in order of their names, so that equal values give equal texts. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value))
    return `[${(value as readonly Json[]).map((each) => canonicalJson(each)).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).toSorted();
  const entries = names.map(
    (name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`,
  );
  return `{${entries.join(",")}}`;
}

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;

/**
 * FNV-1a, 64 bits, over the text's UTF-16 code units, low byte first: 16 hexadecimal digits. It keeps names short and spreads
 * them; it does not withstand somebody who looks for two texts of one name, so whoever stores by it compares the texts.
 */
export function fnv64(text: string): string {
  let hash = OFFSET;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    hash = ((hash ^ BigInt(unit & 0xff)) * PRIME) & MASK;
    hash = ((hash ^ BigInt(unit >> 8)) * PRIME) & MASK;
  }
  return hash.toString(16).padStart(16, "0");
}
