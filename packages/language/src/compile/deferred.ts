/**
 * What is evaluated later: strings of templates that name `$secrets` or `$authorization` (DSL "Runtime expression
 * arguments"). The compiler takes them out of the template; {@link compileDeferred} makes them evaluable again, where the
 * work is done and the values are at hand.
 */
import type { Deferred, Expression, Template } from "../program.ts";
import { isGuarded, secretsOf } from "./expression.ts";
import { JqCache } from "./jq.ts";
import type { Place } from "./place.ts";
import { interpolated, type Part, withoutBraces } from "./template.ts";

/** True when this expression waits for the one who does the work. */
export function isDeferred(expression: Expression, place: Place): boolean {
  return place.defers === true && isGuarded(expression);
}

export function laterExpression(expression: Expression, place: Place): Part {
  return later([expression], place, {});
}

export function laterText(pieces: readonly (string | Expression)[], place: Place): Part {
  return later(pieces, place, { text: true });
}

function later(
  pieces: readonly (string | Expression)[],
  place: Place,
  more: Pick<Deferred, "text">,
): Part {
  const expressions = pieces.filter((piece) => typeof piece !== "string");
  const deferred: Deferred = {
    path: [],
    pieces: pieces.map((piece) => (typeof piece === "string" ? piece : { jq: piece.source })),
    ...more,
    uses: [...new Set(expressions.flatMap(({ uses }) => uses))],
    secrets: [...new Set(expressions.flatMap(({ source }) => secretsOf(source, place)))],
  };
  return { uses: [], deferred: [deferred] };
}

/** The same parts, one step further down. */
export function shifted(
  parts: readonly Deferred[] | undefined,
  step: string | number,
): readonly Deferred[] {
  return (parts ?? []).map((part) => ({ ...part, path: [step, ...part.path] }));
}

/**
 * What a deferred part says, ready to be evaluated with all that its `uses` name in scope.
 * @throws {Error} when an expression in it does not compile: it compiled when the workflow was applied
 */
export function compileDeferred(part: Omit<Deferred, "path" | "secrets">): Template {
  const jq = new JqCache();
  const pieces = part.pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    const result = jq.compile(piece.jq, part.uses);
    if (!result.ok) throw new Error("a deferred expression does not compile");
    return result.expression;
  });
  const [first] = pieces;
  const whole = part.text === true || typeof first !== "object" ? interpolated(pieces) : first;
  return {
    uses: part.uses,
    evaluate(input, scope, context) {
      try {
        const value = whole.evaluate(input, scope, context);
        return part.endpoint === true ? withoutBraces(value) : value;
      } catch (error) {
        if (part.otherwise === undefined) throw error;
        return part.otherwise;
      }
    },
  };
}
