/** Terms: literals, paths, constructions and the bracketed forms (manual: Basic filters). */
import { positionAt } from "../errors.ts";
import type { Node, ObjectEntry } from "./ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseConstantKey, parseParenthesizedKey } from "./keys.ts";
import { parsePatterns } from "./patterns.ts";
import { parseString } from "./strings.ts";

function parseObjectValue(cursor: Cursor): Node {
  const value = cursor.expression();
  if (!cursor.take("|")) return value;
  return { kind: "pipe", left: value, right: parseObjectValue(cursor), at: value.at };
}

function field(key: Node): ObjectEntry {
  const target: Node = { kind: "identity", at: key.at };
  return { key, value: { kind: "index", target, key, optional: false, at: key.at } };
}

function locationNode(cursor: Cursor, offset: number): Node {
  return { kind: "location", line: positionAt(cursor.source, offset).line, at: offset };
}

function parseVariableEntry(cursor: Cursor): ObjectEntry {
  const { text, offset } = cursor.next();
  const key: Node = { kind: "literal", value: text, at: offset };
  if (text === "__loc__") return { key, value: locationNode(cursor, offset) };
  const value: Node = { kind: "variable", name: text, at: offset };
  if (!cursor.take(":")) return { key, value };
  return { key: value, value: parseObjectValue(cursor) };
}

function parseEntry(cursor: Cursor): ObjectEntry {
  if (cursor.is("variable")) return parseVariableEntry(cursor);
  const computed = cursor.isOperator("(");
  const key = computed ? parseParenthesizedKey(cursor) : parseConstantKey(cursor);
  if (computed) cursor.expect(":");
  else if (!cursor.take(":")) {
    if (!cursor.isOperator(",") && !cursor.isOperator("}")) {
      cursor.unexpected("May need parentheses around object key expression");
    }
    return field(key);
  }
  return { key, value: parseObjectValue(cursor) };
}

function parseObject(cursor: Cursor): Node {
  const { offset } = cursor.expect("{");
  const entries: ObjectEntry[] = [];
  while (!cursor.isOperator("}")) {
    entries.push(parseEntry(cursor));
    if (!cursor.take(",")) break;
  }
  cursor.expect("}");
  return { kind: "object", entries, at: offset };
}

function parseArray(cursor: Cursor): Node {
  const { offset } = cursor.expect("[");
  if (cursor.take("]")) return { kind: "array", at: offset };
  const body = cursor.query();
  cursor.expect("]");
  return { kind: "array", body, at: offset };
}

function parseIf(cursor: Cursor): Node {
  const { offset } = cursor.next();
  const condition = cursor.query();
  cursor.expect("then");
  const yes = cursor.query();
  if (cursor.isKeyword("elif")) {
    const no = cursor.nested(() => parseIf(cursor));
    return { kind: "if", condition, yes, no, at: offset };
  }
  if (!cursor.take("else")) {
    cursor.expect("end");
    return { kind: "if", condition, yes, at: offset };
  }
  const no = cursor.query();
  cursor.expect("end");
  return { kind: "if", condition, yes, no, at: offset };
}

function parseTry(cursor: Cursor): Node {
  const { offset } = cursor.expect("try");
  const body = parseTerm(cursor);
  if (!cursor.take("catch")) return { kind: "try", body, at: offset };
  return { kind: "try", body, handler: parseTerm(cursor), at: offset };
}

/** `reduce` and `foreach`. */
function parseLoop(cursor: Cursor): Node {
  const { text, offset } = cursor.next();
  const source = cursor.expression();
  cursor.expect("as");
  const patterns = parsePatterns(cursor);
  cursor.expect("(");
  const init = cursor.query();
  cursor.expect(";");
  const update = cursor.query();
  const loop = { source, patterns, init, update, at: offset };
  if (text === "foreach" && cursor.take(";")) {
    const extract = cursor.query();
    cursor.expect(")");
    return { kind: "foreach", ...loop, extract };
  }
  cursor.expect(")");
  return { kind: text === "reduce" ? "reduce" : "foreach", ...loop };
}

function parseKeywordTerm(cursor: Cursor): Node {
  switch (cursor.token.text) {
    case "if":
      return parseIf(cursor);
    case "try":
      return parseTry(cursor);
    case "reduce":
    case "foreach":
      return parseLoop(cursor);
    case "break": {
      const { offset } = cursor.next();
      const name = cursor.expectKind("variable", "a label to break to");
      return { kind: "break", name: name.text, at: offset };
    }
    default:
      return cursor.unexpected("expecting a term");
  }
}

function parseCall(cursor: Cursor): Node {
  const { text, offset } = cursor.next();
  if (!cursor.take("(")) {
    if (text === "null") return { kind: "literal", value: null, at: offset };
    if (text === "true" || text === "false") {
      return { kind: "literal", value: text === "true", at: offset };
    }
    return { kind: "call", name: text, args: [], at: offset };
  }
  const args: Node[] = [];
  do args.push(cursor.query());
  while (cursor.take(";"));
  cursor.expect(")");
  return { kind: "call", name: text, args, at: offset };
}

/** `.` and what may follow it directly. */
function parseDot(cursor: Cursor): Node {
  const { offset } = cursor.next();
  const target: Node = { kind: "identity", at: offset };
  if (
    cursor.is("string-start") ||
    (cursor.is("format") && cursor.peek(1).kind === "string-start")
  ) {
    const key = parseString(cursor);
    return { kind: "index", target, key, optional: cursor.take("?"), at: offset };
  }
  return target;
}

function parseOperatorTerm(cursor: Cursor): Node {
  const { text, offset } = cursor.token;
  switch (text) {
    case ".":
      return parseDot(cursor);
    case "..":
      cursor.next();
      return { kind: "recurse", at: offset };
    case "[":
      return parseArray(cursor);
    case "{":
      return parseObject(cursor);
    case "(": {
      cursor.next();
      const query = cursor.query();
      cursor.expect(")");
      return query;
    }
    default:
      return cursor.unexpected("expecting a term");
  }
}

function parsePrimary(cursor: Cursor): Node {
  const { kind, text, offset } = cursor.token;
  switch (kind) {
    case "field": {
      cursor.next();
      const target: Node = { kind: "identity", at: offset };
      const key: Node = { kind: "literal", value: text, at: offset };
      return { kind: "index", target, key, optional: cursor.take("?"), at: offset };
    }
    case "number":
      cursor.next();
      return { kind: "literal", value: Number(text), at: offset };
    case "string-start":
      return parseString(cursor);
    case "format":
      if (cursor.peek(1).kind === "string-start") return parseString(cursor);
      cursor.next();
      return { kind: "format", name: text, at: offset };
    case "variable":
      cursor.next();
      if (text === "__loc__") return locationNode(cursor, offset);
      return { kind: "variable", name: text, at: offset };
    case "name":
      return parseCall(cursor);
    case "keyword":
      return parseKeywordTerm(cursor);
    case "operator":
      return parseOperatorTerm(cursor);
    default:
      return cursor.unexpected("expecting a term");
  }
}

/** What stands between `[` and `]` after a term: nothing, an index or a slice. */
function parseBrackets(cursor: Cursor, target: Node): Node {
  const { at } = target;
  cursor.expect("[");
  if (cursor.take("]")) return { kind: "iterate", target, optional: cursor.take("?"), at };
  if (cursor.take(":")) {
    const to = cursor.query();
    cursor.expect("]");
    return { kind: "slice", target, to, optional: cursor.take("?"), at };
  }
  const key = cursor.query();
  if (cursor.take(":")) {
    if (cursor.take("]")) {
      return { kind: "slice", target, from: key, optional: cursor.take("?"), at };
    }
    const to = cursor.query();
    cursor.expect("]");
    return { kind: "slice", target, from: key, to, optional: cursor.take("?"), at };
  }
  cursor.expect("]");
  return { kind: "index", target, key, optional: cursor.take("?"), at };
}

function parseSuffixes(cursor: Cursor, primary: Node): Node {
  let term = primary;
  for (;;) {
    const { at } = term;
    if (cursor.is("field")) {
      const { text, offset } = cursor.next();
      const key: Node = { kind: "literal", value: text, at: offset };
      term = { kind: "index", target: term, key, optional: cursor.take("?"), at };
    } else if (cursor.isOperator("[")) term = parseBrackets(cursor, term);
    else if (cursor.isOperator(".")) {
      cursor.next();
      if (cursor.isOperator("[")) term = parseBrackets(cursor, term);
      else if (cursor.is("string-start") || cursor.is("format")) {
        const key = parseString(cursor);
        term = { kind: "index", target: term, key, optional: cursor.take("?"), at };
      } else cursor.unexpected("expecting '[' or a string");
    } else if (cursor.take("?")) term = { kind: "try", body: term, at };
    else return term;
  }
}

/** A term with its suffixes; a leading `-` negates all of it. */
export function parseTerm(cursor: Cursor): Node {
  return cursor.nested(() => {
    if (!cursor.isOperator("-")) return parseSuffixes(cursor, parsePrimary(cursor));
    const { offset } = cursor.next();
    const body = parseTerm(cursor);
    if (body.kind === "literal" && typeof body.value === "number") {
      return { kind: "literal", value: -body.value, at: offset };
    }
    return { kind: "negate", body, at: offset };
  });
}
