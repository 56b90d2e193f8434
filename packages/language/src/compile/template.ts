/**
 * Templates: JSON in which any string may be, or hold, expressions.
 *
 * Strict mode (the default): a string that is wholly `${ … }` is an expression and gives a value of any type; a string
 * with `${ … }` among other text is interpolated (strings as they are, other values as compact JSON). Loose mode: every
 * string is tried as jq, and is its own value when it does not parse or its evaluation fails. What an expression gives
 * is data: it is never looked into for further expressions.
 */
import { isObject, type Json } from "../json.ts";
import type { Deferred, EvaluationContext, Expression, Scope, Template } from "../program.ts";
import { isDeferred, laterExpression, laterText, shifted } from "./deferred.ts";
import { checkGuarded, compileExpression, compileJq } from "./expression.ts";
import { down, type Place, report } from "./place.ts";
import { type ExpressionPiece, splitText, wholeExpression } from "./text.ts";

/** A template, or (without `evaluate`) a value in which nothing is an expression. */
export interface Part {
  readonly uses: readonly string[];
  readonly evaluate?: Template["evaluate"];
  readonly deferred?: readonly Deferred[];
}

const CONSTANT: Part = { uses: [] };

/** Any JSON value; its strings are, or hold, expressions. */
export function compileTemplate(value: Json, place: Place): Template {
  return templateOf(value, partOf(value, place));
}

/** `from`, `as`, `set`, `for.in`: a string is an expression by definition, an object a template. */
export function compileTransform(value: Json, place: Place): Template {
  if (typeof value !== "string") return compileTemplate(value, place);
  if (place.of.mode === "loose" && wholeExpression(value) === undefined) {
    return templateOf(value, looseText(value, place));
  }
  return compileExpression(value, place);
}

type CompilePart = (value: Json, place: Place) => Part;

/** An object whose named properties are compiled in a way of their own. */
export function compileObject(
  value: Readonly<Record<string, Json>>,
  place: Place,
  special: Readonly<Record<string, CompilePart>>,
): Template {
  return templateOf(value, objectWith(special)(value, place));
}

/** The same as a part of something larger. */
export function objectWith(special: Readonly<Record<string, CompilePart>>): CompilePart {
  return (value, place) => {
    if (!isObject(value)) return partOf(value, place);
    return objectPart(value, (item, key) => {
      const own = Object.hasOwn(special, key) ? special[key] : undefined;
      return (own ?? partOf)(item, down(place, key));
    });
  };
}

/** A value that is never evaluated, such as a script's code. */
export const untouched = (): Part => CONSTANT;

/** A shell command: its own `${VAR}` is not ours, so what does not compile stays as it is. */
export function shellText(value: Json, place: Place): Part {
  return typeof value === "string" ? textPart(value, place, shellPiece) : partOf(value, place);
}

/**
 * An endpoint. As written it may be a URI template; what an expression gives is data, so braces in it are encoded (RFC 3986
 * has none) before the template is expanded.
 */
export function endpointPart(value: Json, place: Place): Part {
  const uri = isObject(value) ? value.uri : value;
  const part = partOf(value, place);
  if (typeof uri !== "string" || wholeExpression(uri) === undefined) return part;
  const { evaluate, deferred = [] } = part;
  const later = deferred.map((each) =>
    each.path.length === 0 || each.path[0] === "uri" ? { ...each, endpoint: true as const } : each,
  );
  if (evaluate === undefined) return { ...part, deferred: later };
  return {
    uses: part.uses,
    deferred: later,
    evaluate: (input, scope, context) => withoutBraces(evaluate(input, scope, context)),
  };
}

/** The endpoint with the braces of its URI encoded. */
export function withoutBraces(endpoint: Json): Json {
  if (typeof endpoint === "string") return endpoint.replaceAll("{", "%7B").replaceAll("}", "%7D");
  if (!isObject(endpoint) || typeof endpoint.uri !== "string") return endpoint;
  return { ...endpoint, uri: withoutBraces(endpoint.uri) };
}

function templateOf(value: Json, part: Part): Template {
  const { evaluate, deferred = [] } = part;
  const later = deferred.length === 0 ? {} : { deferred };
  return evaluate === undefined
    ? { uses: [], constant: value, evaluate: () => value, ...later }
    : { uses: part.uses, evaluate, ...later };
}

function partOf(value: Json, place: Place): Part {
  if (typeof value === "string") return textPart(value, place, strictPiece);
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    const parts = items.map((item, index) => partOf(item, down(place, index)));
    return composed(items, parts, [...items.keys()], (evaluated) => evaluated);
  }
  return isObject(value)
    ? objectPart(value, (item, key) => partOf(item, down(place, key)))
    : CONSTANT;
}

function objectPart(
  value: Readonly<Record<string, Json>>,
  compile: (item: Json, key: string) => Part,
): Part {
  const keys = Object.keys(value);
  const items = keys.map((key) => value[key] ?? null);
  const parts = keys.map((key, index) => compile(items[index] ?? null, key));
  return composed(items, parts, keys, (evaluated) => {
    const result: Record<string, Json> = {};
    for (const [index, key] of keys.entries()) result[key] = evaluated[index] ?? null;
    return result;
  });
}

/** Evaluates only the parts that can change; the others are the values as written. */
function composed(
  values: readonly Json[],
  parts: readonly Part[],
  keys: readonly (string | number)[],
  build: (evaluated: readonly Json[]) => Json,
): Part {
  const deferred = parts.flatMap((part, index) => shifted(part.deferred, keys[index] ?? index));
  if (parts.every((part) => part.evaluate === undefined)) return { uses: [], deferred };
  return {
    deferred,
    uses: [...new Set(parts.flatMap((part) => part.uses))],
    evaluate: (input, scope, context) =>
      build(
        parts.map((part, index) =>
          part.evaluate === undefined
            ? (values[index] ?? null)
            : part.evaluate(input, scope, context),
        ),
      ),
  };
}

type CompilePiece = (piece: ExpressionPiece, place: Place) => string | Expression;

const strictPiece: CompilePiece = (piece, place) => compileJq(piece.source, place, piece.offset);

const shellPiece: CompilePiece = (piece, place) => {
  const result = place.of.jq.compile(piece.source, place.variables);
  if (!result.ok) return piece.text;
  checkGuarded(result.expression, place, piece.offset);
  return result.expression;
};

function textPart(text: string, place: Place, compilePiece: CompilePiece): Part {
  if (place.of.mode === "loose") return looseText(text, place);
  if (!text.includes("${")) return CONSTANT;
  const whole = compilePiece === strictPiece ? wholeExpression(text) : undefined;
  if (whole !== undefined)
    return expressionPart(compileJq(whole.source, place, whole.offset), place);
  const { pieces, unclosed } = splitText(text);
  if (unclosed !== undefined && compilePiece === strictPiece) {
    const message = "${ is not closed by }";
    report(place, "expression", `${message}; write \${ "\${" } for the text itself`, {
      offset: unclosed,
    });
  }
  const compiled = pieces.map((piece) =>
    piece.kind === "text" ? piece.text : compilePiece(piece, place),
  );
  return compiled.every((piece) => typeof piece === "string")
    ? CONSTANT
    : interpolatedPart(compiled, place);
}

function expressionPart(expression: Expression, place: Place): Part {
  return isDeferred(expression, place) ? laterExpression(expression, place) : expression;
}

function interpolatedPart(pieces: readonly (string | Expression)[], place: Place): Part {
  const later = pieces.some((piece) => typeof piece !== "string" && isDeferred(piece, place));
  return later ? laterText(pieces, place) : interpolated(pieces);
}

/** The pieces as one text: strings as they are, other values as compact JSON. */
export function interpolated(pieces: readonly (string | Expression)[]): Template {
  const uses = pieces.flatMap((piece) => (typeof piece === "string" ? [] : piece.uses));
  const evaluate = (input: Json, scope: Scope, context: EvaluationContext): string =>
    pieces
      .map((piece) => {
        if (typeof piece === "string") return piece;
        const value = piece.evaluate(input, scope, context);
        return typeof value === "string" ? value : JSON.stringify(value);
      })
      .join("");
  return { uses: [...new Set(uses)], evaluate };
}

/** The text as jq, or as itself: "if the evaluation fails, it results in a string with the expression as its content". */
function looseText(text: string, place: Place): Part {
  if (text.trim() === "") return CONSTANT;
  const whole = wholeExpression(text);
  const { pieces } = whole === undefined && text.includes("${") ? splitText(text) : { pieces: [] };
  const compiled = pieces.map((piece) =>
    piece.kind === "text" ? piece.text : shellPiece(piece, place),
  );
  if (compiled.some((piece) => typeof piece !== "string"))
    return orText(interpolatedPart(compiled, place), text);
  const result = place.of.jq.compile(whole?.source ?? text, place.variables);
  if (!result.ok) return CONSTANT;
  checkGuarded(result.expression, place, whole?.offset ?? 0);
  return orText(expressionPart(result.expression, place), text);
}

/** The part's value, or the text itself when its evaluation fails. */
function orText(part: Part, text: string): Part {
  if (part.deferred !== undefined)
    return { ...part, deferred: part.deferred.map((each) => ({ ...each, otherwise: text })) };
  return {
    uses: part.uses,
    evaluate: (input, scope, context) => {
      try {
        return part.evaluate?.(input, scope, context) ?? null;
      } catch {
        return text;
      }
    },
  };
}
