/** Bracket expressions: `[a-z]`, `[^...]`, `[[:alpha:]]`. */
import type { Test } from "./ast.ts";
import { anyOf, cached, ignoringCase, not, posixClass, range } from "./classes.ts";
import { charEscape, classEscape } from "./escapes.ts";
import type { Reader } from "./reader.ts";
import { regexError } from "./reader.ts";

/** One member: a single character, which may begin a range, or a class. */
type Member = { readonly point: number } | { readonly test: Test };

function posixMember(reader: Reader): Member | undefined {
  const start = reader.at;
  reader.take("[:");
  const negated = reader.take("^");
  const name = reader.takeWhile(/[a-z]/);
  if (!reader.take(":]")) {
    reader.at = start;
    return undefined;
  }
  const test = posixClass(name);
  if (test === undefined) return regexError("invalid POSIX bracket type");
  return { test: negated ? not(test) : test };
}

function member(reader: Reader): Member {
  if (reader.peek() === "[" && reader.peek(1) === ":") {
    const posix = posixMember(reader);
    if (posix !== undefined) return posix;
  }
  const char = reader.next();
  if (char !== "\\") return { point: char.codePointAt(0) as number };
  const letter = reader.next();
  const test = classEscape(letter, reader);
  if (test !== undefined) return { test };
  return { point: letter === "b" ? 8 : charEscape(letter, reader) };
}

/** The rest of a bracket expression after its `[`. */
export function parseBrackets(reader: Reader, ignoreCase: boolean): Test {
  const negated = reader.take("^");
  const tests: Test[] = [];
  for (let first = true; ; first = false) {
    if (reader.done) return regexError(first ? "empty char-class" : "premature end of char-class");
    if (reader.peek() === "]") {
      if (!first) break;
      if (!hasCloser(reader)) return regexError("empty char-class");
    }
    const low = member(reader);
    if (!("point" in low)) tests.push(low.test);
    else tests.push(rangeFrom(reader, low.point));
  }
  reader.next();
  const all = anyOf(tests);
  const folded = ignoreCase ? ignoringCase(all) : all;
  return cached(negated ? not(folded) : folded);
}

/** A leading `]` is a member only when another one closes the expression. */
function hasCloser(reader: Reader): boolean {
  for (let ahead = 1; reader.peek(ahead) !== ""; ahead += 1) {
    if (reader.peek(ahead) === "]") return true;
  }
  return false;
}

function rangeFrom(reader: Reader, low: number): Test {
  if (reader.peek() !== "-" || reader.peek(1) === "]" || reader.peek(1) === "")
    return range(low, low);
  const start = reader.at;
  reader.next();
  const high = member(reader);
  if (!("point" in high)) {
    // `[a-\d]`: the hyphen stands for itself.
    reader.at = start;
    return range(low, low);
  }
  if (high.point < low) return regexError("empty range in char class");
  return range(low, high.point);
}
