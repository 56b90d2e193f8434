/** Queries and operators: the layers of the grammar above terms (manual: Operator precedence). */
import type { AssignOperator, Definition, Node, Parameter } from "./ast.ts";
import { Cursor } from "./cursor.ts";
import { plainParameters } from "./parameters.ts";
import { parsePatterns } from "./patterns.ts";
import { parseTerm } from "./terms.ts";
import type { BinaryOperator } from "../values/arithmetic.ts";

interface Precedence {
  readonly level: number;
  readonly side: "left" | "right" | "none";
}

const ASSIGN: Precedence = { level: 2, side: "none" };
const COMPARE: Precedence = { level: 5, side: "none" };
const SUM: Precedence = { level: 6, side: "left" };
const PRODUCT: Precedence = { level: 7, side: "left" };

const PRECEDENCE = new Map<string, Precedence>([
  ["//", { level: 1, side: "right" }],
  ["=", ASSIGN],
  ["|=", ASSIGN],
  ["+=", ASSIGN],
  ["-=", ASSIGN],
  ["*=", ASSIGN],
  ["/=", ASSIGN],
  ["%=", ASSIGN],
  ["//=", ASSIGN],
  ["or", { level: 3, side: "left" }],
  ["and", { level: 4, side: "left" }],
  ["==", COMPARE],
  ["!=", COMPARE],
  ["<", COMPARE],
  ["<=", COMPARE],
  [">", COMPARE],
  [">=", COMPARE],
  ["+", SUM],
  ["-", SUM],
  ["*", PRODUCT],
  ["/", PRODUCT],
  ["%", PRODUCT],
]);

function operatorNode(operator: string, left: Node, right: Node): Node {
  const { at } = left;
  if (operator === "//") return { kind: "alternative", left, right, at };
  if (operator === "or" || operator === "and") return { kind: operator, left, right, at };
  if (PRECEDENCE.get(operator) === ASSIGN) {
    return { kind: "assign", operator: operator as AssignOperator, left, right, at };
  }
  return { kind: "binary", operator: operator as BinaryOperator, left, right, at };
}

/** An expression of operators at or above a level. */
function parseExpression(cursor: Cursor, lowest = 0): Node {
  return cursor.nested(() => {
    let left = parseTerm(cursor);
    let blocked = -1;
    for (;;) {
      const { kind, text } = cursor.token;
      const found = kind === "operator" || kind === "keyword" ? PRECEDENCE.get(text) : undefined;
      if (found === undefined || found.level < lowest) return left;
      if (found.level === blocked) cursor.unexpected("as this operator does not chain");
      cursor.next();
      const right = parseExpression(cursor, found.side === "right" ? found.level : found.level + 1);
      left = operatorNode(text, left, right);
      blocked = found.side === "none" ? found.level : -1;
    }
  });
}

function parseParameters(cursor: Cursor): Parameter[] {
  const parameters: Parameter[] = [];
  if (!cursor.take("(")) return parameters;
  do {
    const isValue = cursor.is("variable");
    const name = isValue ? cursor.next() : cursor.expectKind("name", "a parameter name");
    parameters.push({ name: name.text, isValue });
  } while (cursor.take(";"));
  cursor.expect(")");
  return parameters;
}

function parseDefinition(cursor: Cursor): Definition {
  cursor.expect("def");
  const name = cursor.expectKind("name", "a function name");
  const parameters = parseParameters(cursor);
  cursor.expect(":");
  const body = parseQuery(cursor);
  cursor.expect(";");
  return plainParameters({ name: name.text, parameters, body, at: name.offset });
}

/** Definitions are collected in a loop so that a long prelude does not nest. */
function parseDefinitions(cursor: Cursor): Node {
  const definitions: Definition[] = [];
  while (cursor.isKeyword("def")) definitions.push(parseDefinition(cursor));
  const isEmpty = cursor.is("end") && definitions.length > 0;
  let body: Node = isEmpty ? { kind: "identity", at: cursor.token.offset } : parseQuery(cursor);
  for (const definition of definitions.toReversed()) {
    body = { kind: "define", definition, body, at: definition.at };
  }
  return body;
}

function parseLabel(cursor: Cursor): Node {
  const { offset } = cursor.expect("label");
  const name = cursor.expectKind("variable", "a label name").text;
  cursor.expect("|");
  return { kind: "label", name, body: parseQuery(cursor), at: offset };
}

/** One operand of `,`; definitions, labels and bindings take all that follows. */
function parseOperand(cursor: Cursor): Node {
  if (cursor.isKeyword("def")) return parseDefinitions(cursor);
  if (cursor.isKeyword("label")) return parseLabel(cursor);
  const source = parseExpression(cursor);
  if (!cursor.take("as")) return source;
  const patterns = parsePatterns(cursor);
  cursor.expect("|");
  return { kind: "bind", source, patterns, body: parseQuery(cursor), at: source.at };
}

function parseComma(cursor: Cursor): Node {
  const first = parseOperand(cursor);
  if (!cursor.isOperator(",")) return first;
  const items = [first];
  while (cursor.take(",")) items.push(parseOperand(cursor));
  return { kind: "comma", items, at: first.at };
}

/** A whole query, pipes included. */
function parseQuery(cursor: Cursor): Node {
  return cursor.nested(() => {
    const stages = [parseComma(cursor)];
    while (cursor.take("|")) stages.push(parseComma(cursor));
    return stages.reduceRight((right, left) => ({ kind: "pipe", left, right, at: left.at }));
  });
}

/** Parses a program; throws a syntax JqError. */
export function parse(source: string): Node {
  const cursor = new Cursor(source, { query: parseQuery, expression: parseExpression });
  for (const word of ["module", "import", "include"]) {
    if (cursor.isKeyword(word)) {
      cursor.fail(cursor.token.offset, `${word} is refused: programs cannot load modules`);
    }
  }
  if (cursor.is("end")) return { kind: "identity", at: 0 };
  const program = parseQuery(cursor);
  if (!cursor.is("end")) cursor.unexpected("expecting the end of the program");
  return program;
}
