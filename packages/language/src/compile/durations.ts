/** Durations in definitions: constants folded to milliseconds, others resolved at run time (DSL reference "Duration"). */
import { DurationError, parseDuration } from "../duration.ts";
import { ExpressionError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { DurationSpec, EvaluationContext, Scope } from "../program.ts";
import type { ExpressionCompiler } from "./expression.ts";

export function compileDuration(
  value: Json,
  expressions: ExpressionCompiler,
  variables: readonly string[],
): DurationSpec {
  const template = expressions.template(value, variables);
  return template.constant === undefined
    ? { kind: "template", template }
    : { kind: "constant", milliseconds: parseDuration(value) };
}

/** Milliseconds. @throws {ExpressionError} when the evaluation fails or gives no duration */
export function resolveDuration(
  spec: DurationSpec,
  input: Json,
  scope: Scope,
  context: EvaluationContext,
): number {
  if (spec.kind === "constant") return spec.milliseconds;
  const value = spec.template.evaluate(input, scope, context);
  try {
    return parseDuration(value);
  } catch (error) {
    if (error instanceof DurationError)
      throw new ExpressionError(error.message, JSON.stringify(value));
    throw error;
  }
}
