/**
 * Event filters (DSL reference "Event Filter", "Correlation"; CloudEvents 1.0).
 *
 * An event passes when it has every attribute under `with` (`data` counts as one) and each is as asked:
 *
 *   an expression that gives true or false    decides; `.` is the attribute's value
 *   any other expression, or a template       the attribute equals what it gives
 *   text in slashes, a regular expression     the attribute is text in which it matches somewhere
 *   anything else                             the attribute equals it
 *
 * Text in slashes counts as a regular expression (ECMA-262, with the flag `u`) when one of its special characters is in it:
 * `/orders/` is a path like any other. The specification asks for regular expressions and leaves open how they are written.
 */
import { canonicalJson, fnv64 } from "../canonical.ts";
import { ExpressionError } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { SchemaError } from "../jsonschema/context.ts";
import { deepEqual } from "../jsonschema/equal.ts";
import { compilePattern } from "../jsonschema/pattern.ts";
import type {
  AttributeFilter,
  EvaluationContext,
  EventCorrelation,
  EventFilterNode,
  Scope,
  SharedEventFilter,
} from "../program.ts";
import { compileExpression, STANDARD_VARIABLES } from "./expression.ts";
import { asObject, asText, down, given, type Place, report } from "./place.ts";
import { rootPlace, startCompilation } from "./start.ts";
import { compileTemplate } from "./template.ts";

/** Compiles a filter as it is written, and enters it among the program's. */
export function compileFilter(written: JsonObject, place: Place): EventFilterNode {
  const filter = filterOf(written, place);
  const known = place.of.filters.get(filter.id);
  if (known !== undefined && canonicalJson(known.definition) !== canonicalJson(filter.definition))
    report(place, "unsupported", "another filter has the same hash; change either a little");
  place.of.filters.set(filter.id, known ?? filter);
  return filter;
}

function filterOf(written: JsonObject, place: Place): EventFilterNode {
  const attributes = asObject(written.with);
  const tests = Object.entries(attributes).map(([name, value]) =>
    compileAttribute(name, value, down(place, "with", name)),
  );
  const definition = definitionOf(written, tests, place);
  return Object.freeze({
    id: fnv64(canonicalJson(definition)),
    ...given("type", constantOf(attributes.type, tests, "type")),
    ...given("source", constantOf(attributes.source, tests, "source")),
    definition,
    attributes: tests,
    correlate: Object.entries(asObject(written.correlate)).map(([name, correlation]) =>
      compileCorrelation(name, asObject(correlation), down(place, "correlate", name)),
    ),
  });
}

/** What the filter's name is made of; the names of loop variables and the mode change what its expressions mean. */
function definitionOf(
  written: JsonObject,
  tests: readonly AttributeFilter[],
  { of: { mode } }: Place,
): JsonObject {
  const uses = new Set(tests.flatMap((test) => test.uses));
  const variables = [...uses].filter((name) => !STANDARD_VARIABLES.includes(name)).toSorted();
  const correlate = Object.entries(asObject(written.correlate)).map(
    ([name, correlation]) => [name, { from: asText(asObject(correlation).from) }] as const,
  );
  return {
    with: asObject(written.with),
    ...(correlate.length === 0 ? {} : { correlate: Object.fromEntries(correlate) }),
    ...(mode === "loose" ? { mode } : {}),
    ...(variables.length === 0 ? {} : { variables }),
  };
}

interface Attribute extends AttributeFilter {
  /** True when only one value passes. */
  readonly constant?: true;
}

function compileAttribute(name: string, written: Json, place: Place): Attribute {
  const pattern = patternOf(written, place);
  if (pattern !== undefined)
    return { name, uses: [], test: (value) => typeof value === "string" && pattern(value) };
  const template = compileTemplate(written, place);
  const { constant, uses } = template;
  if (constant !== undefined)
    return { name, uses: [], constant: true, test: (value) => deepEqual(value, constant) };
  return {
    name,
    uses,
    test(value, scope, context) {
      try {
        const asked = template.evaluate(value, scope, context);
        return typeof asked === "boolean" && typeof written === "string"
          ? asked
          : deepEqual(value, asked);
      } catch (error) {
        // Events of other shapes come by: what an expression cannot read is not what it looks for.
        if (error instanceof ExpressionError) return false;
        throw error;
      }
    },
  };
}

/** The pattern in a text such as `/^com\.example\./`; `undefined` for what is none. */
function patternOf(written: Json, place: Place): ((text: string) => boolean) | undefined {
  const source = typeof written === "string" ? /^\/(.+)\/$/s.exec(written)?.[1] : undefined;
  if (source === undefined || !/[\\^$.*+?()[\]{}|]/.test(source)) return undefined;
  try {
    return compilePattern(source, place.pointer);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    report(place, "value", `not a regular expression: ${error.message}`);
    return () => false;
  }
}

function constantOf(
  written: Json | undefined,
  tests: readonly Attribute[],
  name: string,
): string | undefined {
  const constant = tests.some((test) => test.name === name && test.constant === true);
  return constant && typeof written === "string" ? written : undefined;
}

function compileCorrelation(name: string, written: JsonObject, place: Place): EventCorrelation {
  // Events are told apart before any instance is asked: there are no variables.
  const from = compileExpression(asText(written.from), {
    ...down(place, "from"),
    variables: [],
  });
  const { expect } = written;
  return {
    name,
    from,
    ...(expect === undefined ? {} : { expect: compileTemplate(expect, down(place, "expect")) }),
  };
}

/**
 * The correlation value of an event; `undefined` when it has none: the expression fails or gives null.
 * @param event a CloudEvent in JSON (attributes and `data`)
 */
export function correlationValue(
  { from }: EventCorrelation,
  event: JsonObject,
  context: EvaluationContext,
): Json | undefined {
  try {
    return from.evaluate(event, {}, context) ?? undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

/** Whether the event has the attribute, and it is as asked. */
export function attributePasses(
  test: AttributeFilter,
  event: JsonObject,
  scope: Scope,
  context: EvaluationContext,
): boolean {
  if (!Object.hasOwn(event, test.name)) return false;
  return test.test(event[test.name] ?? null, scope, context);
}

/**
 * A filter from its `definition`, for where events arrive.
 * @throws {Error} when the definition is not one of a compiled filter
 */
export function compileEventFilter(definition: JsonObject): SharedEventFilter {
  const mode = { evaluate: { mode: definition.mode ?? "strict" } };
  const of = startCompilation(mode, {}, () => {
    throw new Error("a filter holds no tasks");
  });
  const root = rootPlace(of);
  const variables = [...root.variables, ...((definition.variables ?? []) as readonly string[])];
  const { type, source, attributes, correlate } = filterOf(definition, { ...root, variables });
  const [problem] = of.issues;
  if (problem !== undefined || !isObject(definition.with))
    throw new Error(`not an event filter: ${problem?.message ?? "with is missing"}`);
  return {
    ...given("type", type),
    ...given("source", source),
    passes: (event, context) =>
      attributes.every(
        (test) =>
          (test.uses.length > 0 && Object.hasOwn(event, test.name)) ||
          attributePasses(test, event, {}, context),
      ),
    keys(event, context) {
      const keys: [string, Json][] = [];
      for (const correlation of correlate) {
        const value = correlationValue(correlation, event, context);
        if (value === undefined) return undefined;
        keys.push([correlation.name, value]);
      }
      return Object.fromEntries(keys);
    },
  };
}
