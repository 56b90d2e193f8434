/** Durations in definitions: constants folded to milliseconds, others resolved at run time (DSL reference "Duration"). */
import { DurationError, parseDuration } from "../duration.ts";
import { ExpressionError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { DurationSpec, EvaluationContext, Scope } from "../program.ts";
import { asObject, down, type Place, report } from "./place.ts";
import { compileTemplate } from "./template.ts";
import { lookUp } from "./use.ts";

export function compileDuration(value: Json, place: Place): DurationSpec {
  const template = compileTemplate(value, place);
  const loose = place.of.mode === "loose" && isDuration(value);
  if (template.constant === undefined && !loose) return { kind: "template", template };
  try {
    return { kind: "constant", milliseconds: parseDuration(value) };
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    report(place, "value", error.message);
    return { kind: "constant", milliseconds: 0 };
  }
}

function isDuration(value: Json): boolean {
  try {
    parseDuration(value);
    return true;
  } catch {
    return false;
  }
}

/** `timeout`: inline, or the name of one in `use.timeouts`. */
export function compileTimeout(value: Json | undefined, place: Place): DurationSpec | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") {
    return compileDuration(asObject(value).after ?? null, down(place, "after"));
  }
  const used = lookUp("timeouts", value, place);
  if (used === undefined) return undefined;
  return compileDuration(asObject(used.value).after ?? null, down(used.place, "after"));
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
