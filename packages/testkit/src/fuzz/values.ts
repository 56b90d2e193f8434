/** Values at the edges: what a parser, a column, or a number type is most likely to stumble over. */
import type { Json } from "@millrace/language";
import type { Random } from "./random.ts";

// biome-ignore format: a pool, a kind a line
export const ODD_STRINGS: readonly string[] = [
  "", " ", "\0", "a\0b", "\t", "\n", "\r\n", "\u001b[31m", "\u007f", "\u0085", "\u2028", "\ufeff", "\ufffe", "\uffff",
  "\ud800", "\udc00", "a\ud83d", "\u{1f600}", "e\u0301", "\u202eabc", "İ", "ß", "\u{10ffff}",
  "null", "true", "NaN", "-0", "1e400", "0x10", "__proto__", "constructor", "prototype", "toString", "length",
  "../../etc/passwd", "%00", "%", "%zz", "%ED%A0%80", "'; DROP TABLE x; --", "${", "${}", "${ . }", "${ .a.b }",
  "${ error }", "${ $x }", "${ \"\\(1)\" }", "{{x}}", "{x}", "<x>", "\\", "\"", "'", "`", "~0~1", "/", "//", "#", "?", "&a=b",
  "P1Y", "PT0S", "PT1S", "P", "2026-02-30T00:00:00Z", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z",
  "1.0.0", "latest", "a-b", "-a", "a-", "A", "https://x/{id}?q=1#f", "http://[::1]:1/", "//x", "urn:x",
];

export const ODD_NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.1,
  -1.5,
  42,
  255,
  256,
  65_536,
  2_147_483_647,
  2_147_483_648,
  -2_147_483_649,
  4_294_967_296,
  9_007_199_254_740_991,
  2 ** 53,
  -(2 ** 53),
  1e21,
  1e300,
  5e-324,
  1.7976931348623157e308,
];

/** A string: mostly from the pool, else made of odd characters, now and then very long. */
export function oddString(random: Random, longest = 5_000): string {
  const kind = random.below(20);
  if (kind < 10) return random.pick(ODD_STRINGS);
  // What a database's text and its indexes cannot hold: NUL, and what is long and does not compress.
  if (kind === 10) return `a${random.pick(["\0", "\ud800", "\u0001", "\u0085"])}b`;
  if (kind === 11)
    return random.list(random.below(longest), () => random.below(36).toString(36)).join("");
  if (kind < 18) {
    return random.list(1 + random.small(12), () => character(random)).join("");
  }
  return random
    .pick(["x", "é", "\u{1f600}", "\0", " ", "-", "("])
    .repeat(1 + random.small(longest));
}

/** A UTF-16 unit or character: ASCII mostly, else anywhere. */
export function character(random: Random): string {
  if (random.chance(0.7)) return String.fromCharCode(32 + random.below(95));
  if (random.chance(0.3)) return String.fromCharCode(random.below(32));
  if (random.chance(0.5)) return String.fromCharCode(random.below(65_536));
  return String.fromCodePoint(random.below(0x110000));
}

/** Any JSON value, `depth` levels deep at most. */
export function oddJson(random: Random, depth = 3): Json {
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(ODD_NUMBERS);
    case 4:
    case 5:
      return oddString(random, 200);
    case 6:
      return random.list(random.small(5), () => oddJson(random, depth - 1));
    default:
      return Object.fromEntries(
        random.list(random.small(5), () => [key(random), oddJson(random, depth - 1)]),
      );
  }
}

/** A property's name. */
export function key(random: Random): string {
  if (random.chance(0.7)) return random.pick(["a", "b", "c", "items", "name", "id", "value"]);
  return oddString(random, 40);
}
