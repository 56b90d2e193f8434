/** Object keys, in constructions and in patterns (manual: Object construction). */
import { describe } from "../values/print.ts";
import type { Node } from "./ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseString } from "./strings.ts";

/** A name, keyword or string before a `:`. */
export function parseConstantKey(cursor: Cursor): Node {
  const { kind, text, offset } = cursor.token;
  if (kind === "string-start" || kind === "format") return parseString(cursor);
  if (kind !== "name" && kind !== "keyword") {
    cursor.unexpected("May need parentheses around object key expression");
  }
  cursor.next();
  return { kind: "literal", value: text, at: offset };
}

/** `(query)`; a constant that is not a string cannot be a key. */
export function parseParenthesizedKey(cursor: Cursor): Node {
  cursor.expect("(");
  const key = cursor.query();
  if (key.kind === "literal" && typeof key.value !== "string") {
    cursor.fail(key.at, `Cannot use ${describe(key.value)} as object key`);
  }
  cursor.expect(")");
  return key;
}
