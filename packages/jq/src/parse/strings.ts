import type { Node } from "./ast.ts";
import type { Cursor } from "./cursor.ts";

/** A string literal with its interpolations, after an optional `@format`. */
export function parseString(cursor: Cursor): Node {
  const at = cursor.token.offset;
  const format = cursor.is("format") ? cursor.next().text : "text";
  cursor.expectKind("string-start", "a string");
  const parts: (string | Node)[] = [];
  while (!cursor.is("string-end")) {
    if (cursor.is("string-text")) parts.push(cursor.next().text);
    else {
      cursor.expectKind("interpolation-start", "an interpolation");
      parts.push(cursor.query());
      cursor.expectKind("interpolation-end", "')'");
    }
  }
  cursor.next();
  const [only] = parts;
  if (only === undefined) return { kind: "literal", value: "", at };
  if (parts.length === 1 && typeof only === "string") return { kind: "literal", value: only, at };
  return { kind: "string", format, parts, at };
}
