/** Prints the language's types as a JSON Schema (2020-12), for editors. */
import type { Json, JsonObject } from "../json.ts";
import type { MapShape, ObjectShape, Rule, Shape, StringShape } from "./type.ts";
import { workflow } from "./workflow.ts";

type Printed = Record<string, Json>;

let printed: JsonObject | undefined;

/** The JSON Schema of a workflow definition; printed at the first call. */
export function workflowSchema(): JsonObject {
  printed ??= printWorkflow();
  return printed;
}

function printWorkflow(): JsonObject {
  const definitions: Record<string, Json> = {};
  const root = print(workflow, definitions);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Open Workflow DSL 1.0",
    ...root,
    $defs: definitions,
  };
}

/** `definitions` collects what is named on the way; a name is entered before it is printed, so recursion ends. */
function print(shape: Shape, definitions: Record<string, Json>): Printed {
  const inside = (of: Shape): Printed => print(of, definitions);
  switch (shape.kind) {
    case "any":
      return {};
    case "boolean":
      return { type: "boolean" };
    case "integer":
      return { type: "integer", ...pick(shape, "minimum", "maximum") };
    case "string":
      return printString(shape);
    case "array":
      return { type: "array", items: inside(shape.items), ...pick(shape, "minItems") };
    case "map":
      return printMap(shape, inside);
    case "object":
      return printObject(shape, inside);
    case "keyed":
      return { oneOf: shape.members.map((member) => inside(member.of)) };
    case "tagged":
      return { oneOf: [...Object.values(shape.members), shape.otherwise].map(inside) };
    case "either":
      return { anyOf: shape.options.map(inside) };
    case "documented":
      return { ...inside(shape.of), description: shape.text };
    case "named":
      if (!Object.hasOwn(definitions, shape.name)) {
        definitions[shape.name] = {};
        definitions[shape.name] = inside(shape.target());
      }
      return { $ref: `#/$defs/${shape.name}` };
  }
}

function pick<S extends object>(shape: S, ...keys: readonly (keyof S & string)[]): Printed {
  const found = keys.filter((key) => shape[key] !== undefined);
  return Object.fromEntries(found.map((key) => [key, shape[key] as Json]));
}

function printString(shape: StringShape): Printed {
  return {
    type: "string",
    ...pick(shape, "pattern", "format", "minLength"),
    ...(shape.values === undefined ? {} : { enum: shape.values }),
    ...(shape.not === undefined ? {} : { not: { enum: shape.not } }),
  };
}

function printMap(shape: MapShape, inside: (of: Shape) => Printed): Printed {
  return {
    type: "object",
    additionalProperties: inside(shape.values),
    ...pick(shape, "minProperties", "maxProperties"),
  };
}

function printObject(shape: ObjectShape, inside: (of: Shape) => Printed): Printed {
  const properties = Object.entries(shape.properties).map(([key, of]) => [key, inside(of)]);
  const rules = shape.rules.map(printRule);
  return {
    type: "object",
    properties: Object.fromEntries(properties) as JsonObject,
    ...(shape.required.length === 0 ? {} : { required: shape.required }),
    ...(shape.minProperties === 0 ? {} : { minProperties: shape.minProperties }),
    ...(shape.open ? {} : { additionalProperties: false }),
    ...(rules.length === 0 ? {} : { allOf: rules }),
  };
}

function printRule(rule: Rule): Printed {
  switch (rule.kind) {
    case "one-of":
      return { oneOf: rule.keys.map((key) => ({ required: [key] })) };
    case "needs":
      return { dependentRequired: { [rule.key]: [rule.other] } };
    case "only-when":
      return {
        if: { properties: { [rule.tag]: { const: rule.value } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { required: [rule.key] },
        else: { not: { required: [rule.key] } },
      };
  }
}
