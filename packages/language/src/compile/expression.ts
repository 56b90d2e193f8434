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
  checkGuarded(result.expression, place, offset);
  return result.expression;
}

function reportProblem(place: Place, message: string, offset: number): void {
  const unknown = /^\$(\w+) is not defined$/.exec(message)?.[1];
  if (unknown === undefined) {
    report(place, "expression", `not a valid jq expression: ${message}`, { offset });
    return;
  }
  const names = place.variables.map((name) => `$${name}`);
  const known =
    names.length === 0 ? "no variables are known here" : `known here: ${names.join(", ")}`;
  const hint = suggestion(`$${unknown}`, names) || `; ${known}`;
  report(place, "variable", `unknown variable $${unknown}${hint}`, { offset });
}

/** Variables whose values must not reach a state. */
const GUARDED: readonly string[] = ["secrets", "authorization"];

/** True when the value of the expression may hold what must not reach a state. */
export function isGuarded({ uses }: Pick<Expression, "uses">): boolean {
  return uses.some((name) => GUARDED.includes(name));
}

/** Reports a guarded variable where its value would be written into the state, and secrets that are not listed. */
export function checkGuarded(expression: Expression, place: Place, offset: number): void {
  if (!isGuarded(expression)) return;
  if (place.defers === true) {
    checkSecrets(expression.source, place, offset);
    return;
  }
  for (const name of GUARDED.filter((each) => expression.uses.includes(each))) {
    const where = "in the arguments of a call to a protocol, or of a process that is run";
    const message = `$${name} may only be used ${where}: anywhere else its value would be stored`;
    const at = expression.source.search(new RegExp(`\\$\\s*${name}\\b`));
    report(place, "variable", message, { offset: offset + Math.max(0, at) });
  }
}

const SECRET = /\$secrets\s*(?:\.\s*([A-Za-z_]\w*)|\.?\s*\[\s*"([^"\\]+)"\s*\]|\.\s*"([^"\\]+)")/g;

/** Secrets are handed to a workflow only when it lists them. */
function checkSecrets(source: string, place: Place, offset: number): void {
  for (const { name, index } of namedSecrets(source)) {
    if (place.of.secrets.has(name)) continue;
    const hint = suggestion(name, place.of.secrets);
    const message = `secret "${name}" is not listed in use.secrets${hint}`;
    report(place, "reference", message, { offset: offset + index });
  }
}

/** The listed secrets that an expression may look at: those it names, or all when it does anything else with `$secrets`. */
export function secretsOf(source: string, place: Place): readonly string[] {
  const mentions = [...source.matchAll(/\$\s*secrets\b/g)].length;
  const named = namedSecrets(source).map(({ name }) => name);
  return named.length === mentions ? named : [...place.of.secrets];
}

function namedSecrets(
  source: string,
): readonly { readonly name: string; readonly index: number }[] {
  return [...source.matchAll(SECRET)].map((match) => ({
    name: match[1] ?? match[2] ?? match[3] ?? "",
    index: match.index,
  }));
}
