/** Destructuring patterns (manual: Destructuring, Destructuring alternative operator). */
import type { Node, ObjectPatternEntry, Pattern } from "./ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseConstantKey, parseParenthesizedKey } from "./keys.ts";

function parseArrayPattern(cursor: Cursor): Pattern {
  const { offset } = cursor.expect("[");
  const items: Pattern[] = [];
  do items.push(parsePattern(cursor));
  while (cursor.take(","));
  cursor.expect("]");
  return { kind: "array", items, at: offset };
}

function parseKey(cursor: Cursor): Node {
  return cursor.isOperator("(") ? parseParenthesizedKey(cursor) : parseConstantKey(cursor);
}

function parseEntry(cursor: Cursor): ObjectPatternEntry {
  const at = cursor.token.offset;
  if (cursor.is("variable")) {
    const variable = cursor.next().text;
    if (!cursor.take(":")) return { variable, at };
    return { variable, pattern: parsePattern(cursor), at };
  }
  const key = parseKey(cursor);
  cursor.expect(":");
  return { key, pattern: parsePattern(cursor), at };
}

function parseObjectPattern(cursor: Cursor): Pattern {
  const { offset } = cursor.expect("{");
  const entries: ObjectPatternEntry[] = [];
  do entries.push(parseEntry(cursor));
  while (cursor.take(","));
  cursor.expect("}");
  return { kind: "object", entries, at: offset };
}

function parsePattern(cursor: Cursor): Pattern {
  return cursor.nested(() => {
    if (cursor.isOperator("[")) return parseArrayPattern(cursor);
    if (cursor.isOperator("{")) return parseObjectPattern(cursor);
    const name = cursor.expectKind("variable", "a variable, '[' or '{'");
    return { kind: "variable", name: name.text, at: name.offset };
  });
}

/** One pattern, or several alternatives separated by `?//`. */
export function parsePatterns(cursor: Cursor): Pattern[] {
  const patterns = [parsePattern(cursor)];
  while (cursor.take("?//")) patterns.push(parsePattern(cursor));
  return patterns;
}
