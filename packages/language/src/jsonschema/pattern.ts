/**
 * Regular expressions in schemas.
 *
 * Some patterns can take a backtracking matcher longer than the age of the universe, on a text the caller chooses: a
 * repetition inside a repetition always, several in a row on long texts. Those go to the matcher of the jq package, which
 * counts its steps; all others to JavaScript's own, which is the one the standard describes.
 */
import { compile, JqError, type Program } from "@millrace/jq";
import { SchemaError } from "./context.ts";

/** Longest pattern accepted. */
const MAX_LENGTH = 1_000;

let matcher: Program | undefined;

/** @throws {SchemaError} when the source is no regular expression */
export function compilePattern(source: string, pointer: string): (text: string) => boolean {
  if (source.length > MAX_LENGTH) throw new SchemaError("the pattern is too long", pointer);
  const regex = compileRegex(source, pointer);
  const bounded = translated(source);
  const longest = longestSafeText(source);
  return (text) => (text.length <= longest ? regex.test(text) : testBounded(bounded, text));
}

function compileRegex(source: string, pointer: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch (error) {
    throw new SchemaError(error instanceof Error ? error.message : String(error), pointer);
  }
}

/** Steps a text may cost JavaScript's matcher: some tens of milliseconds. */
const AFFORDABLE = 10_000_000;

/** The longest text that cannot cost more than is affordable: length to the power of the number of repetitions. */
function longestSafeText(source: string): number {
  const plain = source.replaceAll(/\\./g, "x").replaceAll(/\[[^\]]*\]/g, "x");
  if (repeatsChoice(plain)) return 0;
  const repetitions = plain.match(/[*+]|\{\d+,\d*\}/g)?.length ?? 0;
  const exponent = repetitions + (plain.startsWith("^") ? 0 : 1);
  return exponent === 0 ? Number.POSITIVE_INFINITY : Math.floor(AFFORDABLE ** (1 / exponent));
}

/** A repeated group that can match the same text in several ways: `(a+)*`, `(a|b)+`, `(a?b?)*`. */
function repeatsChoice(plain: string): boolean {
  const open: boolean[] = [];
  for (let at = 0; at < plain.length; at += 1) {
    const char = plain[at] ?? "";
    if (char === "(") {
      open.push(false);
      // The mark of a group's kind, `(?:` or `(?<name>`, is no choice.
      if (plain[at + 1] === "?") at += 1;
    } else if (char === ")") {
      const choice = open.pop() ?? false;
      if (choice && /^(?:[*+]|\{\d+,)/.test(plain.slice(at + 1, at + 12))) return true;
      if (choice && open.length > 0) open[open.length - 1] = true;
    } else if ("*+?|{".includes(char) && open.length > 0) open[open.length - 1] = true;
  }
  return false;
}

const ASCII: Readonly<Record<string, string>> = { d: "0-9", w: "A-Za-z0-9_" };

/** The pattern in the bounded matcher's dialect: there `^` and `$` are ends of lines, `\d` and `\w` know all of Unicode. */
function translated(source: string): string {
  return source.replaceAll(/\[(?:\\.|[^\]\\])*\]|\\.|[$^]/gs, (piece) => {
    if (piece === "^") return "\\A";
    if (piece === "$") return "\\z";
    if (piece.startsWith("[")) {
      return piece.replaceAll(/\\(.)/gs, (escape, char: string) => ASCII[char] ?? escape);
    }
    const letter = piece[1] ?? "";
    const ascii = ASCII[letter.toLowerCase()];
    return ascii === undefined ? piece : `[${letter === letter.toLowerCase() ? "" : "^"}${ascii}]`;
  });
}

function testBounded(source: string, text: string): boolean {
  matcher ??= compile("test($pattern)", { variables: ["pattern"] });
  try {
    return matcher.first(text, { pattern: source }, { now: 0, monotonic: () => 0 }) === true;
  } catch (error) {
    // A text that exhausts the budget has not been shown to match.
    if (error instanceof JqError) return false;
    throw error;
  }
}
