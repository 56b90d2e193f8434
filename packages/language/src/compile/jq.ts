/** The one door to the jq package: compiles each distinct expression of a program once. */
import { compile as compileJq, JqError, type Problem, type Program } from "@millrace/jq";
import { ExpressionError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Expression } from "../program.ts";

/** An expression, or why the source is none. */
export type JqResult =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Longest piece of an expression shown in an error. */
const SHOWN = 120;
/** For evaluations without a clock: the time budget never runs out. */
const STOPPED = (): number => 0;

export class JqCache {
  readonly #results = new Map<string, JqResult>();

  /** The same source with the same variables is compiled once. */
  compile(source: string, variables: readonly string[]): JqResult {
    const uses = mentioned(source, variables);
    const key = `${uses.join(",")}|${source}`;
    let result = this.#results.get(key);
    if (result === undefined) {
      result = compile(source, uses);
      this.#results.set(key, result);
    }
    return result;
  }
}

/**
 * The variables whose names stand in the source behind a `$`. A name inside a string, or bound again by the expression
 * itself, counts too: the engine then builds one value more than needed, never one too few.
 */
function mentioned(source: string, variables: readonly string[]): readonly string[] {
  if (!source.includes("$")) return NOTHING;
  const names = new Set([...source.matchAll(/\$\s*([A-Za-z_]\w*)/g)].map((match) => match[1]));
  return variables.filter((name) => names.has(name));
}
const NOTHING: readonly string[] = [];

function compile(source: string, uses: readonly string[]): JqResult {
  try {
    return {
      ok: true,
      expression: expressionOf(compileJq(source, { variables: uses }), source, uses),
    };
  } catch (error) {
    if (!(error instanceof JqError)) throw error;
    const { message, position = { offset: 0, line: 1, column: 1 } } = error;
    return { ok: false, problems: error.problems ?? [{ message, position }] };
  }
}

function expressionOf(program: Program, source: string, uses: readonly string[]): Expression {
  return Object.freeze({
    source,
    uses,
    evaluate(input, scope, { now, monotonic = STOPPED }) {
      try {
        const value = program.first(input as never, scope as never, { now, monotonic });
        return (value as Json | undefined) ?? null;
      } catch (error) {
        throw asExpressionError(error, source);
      }
    },
  } satisfies Expression);
}

function asExpressionError(error: unknown, source: string): unknown {
  if (!(error instanceof JqError)) return error;
  const shown = source.length > SHOWN ? `${source.slice(0, SHOWN)}…` : source;
  return new ExpressionError(`${error.message} (in \`${shown}\`)`, source, error.position?.offset);
}
