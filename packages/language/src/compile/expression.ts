/** Runtime expressions and templates, compiled once (DSL "Runtime Expressions"). */
import { compile as compileJq, JqError, type Program as JqProgram } from "@millrace/jq";
import { ExpressionError } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { EvaluationContext, Expression, Scope, Template } from "../program.ts";
import { splitText, wholeExpression } from "./text.ts";

/** How strings in a definition are read (`evaluate.mode`). */
export type Mode = "strict" | "loose";

/** Names every expression may use; loops and catches add theirs. */
export const STANDARD_VARIABLES: readonly string[] = [
  "context",
  "input",
  "output",
  "secrets",
  "authorization",
  "task",
  "workflow",
  "runtime",
];

/** Longest piece of an expression shown in an error. */
const SHOWN = 120;
/** For evaluations without a clock: the time budget never runs out. */
const STOPPED = (): number => 0;

/** Compiles expressions of one program; the same source with the same variables is compiled once. */
export class ExpressionCompiler {
  readonly #mode: Mode;
  readonly #cache = new Map<string, Expression>();

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  /** A field that is an expression by definition: bare jq, or jq in `${ }`. @throws {ExpressionError} unparsable */
  expression(text: string, variables: readonly string[]): Expression {
    return this.#jq(wholeExpression(text) ?? text, variables);
  }

  /** An expression field that may also be an object with expressions inside. */
  transform(value: Json, variables: readonly string[]): Template {
    return typeof value === "string"
      ? this.expression(value, variables)
      : this.template(value, variables);
  }

  /** Any JSON value; its strings are, or hold, expressions. */
  template(value: Json, variables: readonly string[], options: TextOptions = {}): Template {
    const part = this.#part(value, variables, options);
    return part.evaluate === undefined ? constant(value) : (part as Template);
  }

  #part(value: Json, variables: readonly string[], options: TextOptions): Part {
    if (typeof value === "string") return this.#text(value, variables, options);
    if (Array.isArray(value)) {
      const parts = (value as readonly Json[]).map((item) => this.#part(item, variables, options));
      return composed(value, parts, (evaluated) => evaluated);
    }
    if (!isObject(value)) return { uses: [] };
    const keys = Object.keys(value);
    const parts = keys.map((key) => this.#part(value[key] ?? null, variables, options));
    return composed(
      keys.map((key) => value[key] ?? null),
      parts,
      (evaluated) => {
        const result: Record<string, Json> = {};
        for (const [index, key] of keys.entries()) result[key] = evaluated[index] ?? null;
        return result;
      },
    );
  }

  #text(text: string, variables: readonly string[], options: TextOptions): Part {
    const whole = wholeExpression(text);
    if (whole !== undefined) return this.#jq(whole, variables);
    if (this.#mode === "loose") return this.#loose(text, variables);
    const pieces = splitText(text);
    if (pieces === undefined) return { uses: [] };
    const compiled: (string | Expression)[] = [];
    for (const piece of pieces) {
      if (piece.kind === "text") compiled.push(piece.text);
      else if (options.shell === true) compiled.push(this.#orLiteral(piece, variables));
      else compiled.push(this.#jq(piece.source, variables));
    }
    if (compiled.every((piece) => typeof piece === "string")) return { uses: [] };
    return interpolated(compiled);
  }

  /** A shell's own `${VAR}` is not ours: what does not compile stays as it is. */
  #orLiteral(
    piece: { source: string; text: string },
    variables: readonly string[],
  ): string | Expression {
    try {
      return this.#jq(piece.source, variables);
    } catch {
      return piece.text;
    }
  }

  /** "If the evaluation fails, it results in a string with the expression as its content." */
  #loose(text: string, variables: readonly string[]): Part {
    let expression: Expression;
    try {
      expression = this.#jq(text, variables);
    } catch {
      return { uses: [] };
    }
    const evaluate = (input: Json, scope: Scope, context: EvaluationContext): Json => {
      try {
        return expression.evaluate(input, scope, context);
      } catch {
        return text;
      }
    };
    return { uses: expression.uses, evaluate };
  }

  #jq(source: string, variables: readonly string[]): Expression {
    const uses = mentioned(source, variables);
    const key = `${uses.join(",")}|${source}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const expression = compileExpression(source, uses);
    this.#cache.set(key, expression);
    return expression;
  }
}

export interface TextOptions {
  /** In a shell command, an embedded `${…}` that is no expression stays literal. */
  readonly shell?: boolean;
}

/** A template, or (without `evaluate`) a value in which nothing is an expression. */
interface Part {
  readonly uses: readonly string[];
  readonly evaluate?: Template["evaluate"];
}

function constant(value: Json): Template {
  return { uses: [], constant: value, evaluate: () => value };
}

function composed(
  values: readonly Json[],
  parts: readonly Part[],
  build: (evaluated: readonly Json[]) => Json,
): Part {
  if (parts.every((part) => part.evaluate === undefined)) return { uses: [] };
  return {
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

function interpolated(pieces: readonly (string | Expression)[]): Part {
  const uses = pieces.flatMap((piece) => (typeof piece === "string" ? [] : piece.uses));
  return {
    uses: [...new Set(uses)],
    evaluate: (input, scope, context) =>
      pieces
        .map((piece) => {
          if (typeof piece === "string") return piece;
          const value = piece.evaluate(input, scope, context);
          return typeof value === "string" ? value : JSON.stringify(value);
        })
        .join(""),
  };
}

/** The variables whose names stand in the source behind a `$`; a local binding of the same name does no harm. */
function mentioned(source: string, variables: readonly string[]): readonly string[] {
  const names = new Set([...source.matchAll(/\$\s*([A-Za-z_]\w*)/g)].map((match) => match[1]));
  return variables.filter((name) => names.has(name));
}

function compileExpression(source: string, uses: readonly string[]): Expression {
  let program: JqProgram;
  try {
    program = compileJq(source, { variables: uses });
  } catch (error) {
    throw asExpressionError(error, source);
  }
  return {
    source,
    uses,
    evaluate(input, scope, { now, monotonic }) {
      try {
        const value = program.first(input as never, scope as never, {
          now,
          monotonic: monotonic ?? STOPPED,
        });
        return (value as Json | undefined) ?? null;
      } catch (error) {
        throw asExpressionError(error, source);
      }
    },
  };
}

function asExpressionError(error: unknown, source: string): unknown {
  if (!(error instanceof JqError)) return error;
  const shown = source.length > SHOWN ? `${source.slice(0, SHOWN)}…` : source;
  return new ExpressionError(`${error.message} (in \`${shown}\`)`, source, error.position?.offset);
}

/** Text where text must be; anything else is empty. */
export function asText(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The object itself, for places that need one. */
export function asObject(value: Json | undefined): JsonObject {
  return value !== undefined && isObject(value) ? value : {};
}
