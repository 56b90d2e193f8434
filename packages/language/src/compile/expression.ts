/** Runtime expressions: the fields that are expressions by definition (DSL "Runtime Expressions"). */
import { suggestion } from "../nearest.ts";
import type { JsonObject } from "../json.ts";
import type { Expression } from "../program.ts";
import { down, type Place, report } from "./place.ts";
import { wholeExpression } from "./text.ts";

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

/** Stands in for an expression that does not compile, so that the rest is still looked at. */
const BROKEN: Expression = { source: "", uses: [], evaluate: () => null };

/** Most problems reported for one expression. */
const MAX_PROBLEMS = 5;

/** A field that is an expression by definition: bare jq, or jq in `${ }`. */
export function compileExpression(text: string, place: Place): Expression {
  const whole = wholeExpression(text);
  if (whole !== undefined) return compileJq(whole.source, place, whole.offset);
  if (text.trim() === "") report(place, "expression", "expected an expression, got nothing");
  return compileJq(text, place, 0);
}

/** The expression under a key, when there is one. */
export function conditionOf(holder: JsonObject, key: string, place: Place): Expression | undefined {
  const text = holder[key];
  return typeof text === "string" ? compileExpression(text, down(place, key)) : undefined;
}

/** jq that stands `offset` characters into the string at this place. */
export function compileJq(source: string, place: Place, offset: number): Expression {
  const result = place.of.jq.compile(source, place.variables);
  if (!result.ok) {
    for (const { message, position } of result.problems.slice(0, MAX_PROBLEMS)) {
      reportProblem(place, message, offset + position.offset);
    }
    return BROKEN;
  }
  checkSecrets(source, place, offset);
  return result.expression;
}

function reportProblem(place: Place, message: string, offset: number): void {
  const unknown = /^\$(\w+) is not defined$/.exec(message)?.[1];
  if (unknown === undefined) {
    report(place, "expression", `not a valid jq expression: ${message}`, { offset });
    return;
  }
  const names = place.variables.map((name) => `$${name}`);
  const hint = suggestion(`$${unknown}`, names) || `; known here: ${names.join(", ")}`;
  report(place, "variable", `unknown variable $${unknown}${hint}`, { offset });
}

const SECRET = /\$secrets\s*(?:\.\s*([A-Za-z_]\w*)|\.?\s*\[?\s*"([^"\\]+)"\s*\]?)/g;

/** Secrets are handed to a workflow only when it lists them. */
function checkSecrets(source: string, place: Place, offset: number): void {
  if (!source.includes("$secrets")) return;
  for (const match of source.matchAll(SECRET)) {
    const name = match[1] ?? match[2] ?? "";
    if (place.of.secrets.has(name)) continue;
    const hint = suggestion(name, place.of.secrets);
    const message = `secret "${name}" is not listed in use.secrets${hint}`;
    report(place, "reference", message, { offset: offset + match.index });
  }
}
