/**
 * The structural stage: does a value have the shape the language's types give it?
 *
 * The walk tells the members of a union apart before it looks inside them, so every issue is about the member that was
 * meant ("with.method: required"), never about the union ("must match exactly one schema"). The verdict equals that of
 * the official JSON Schema; meaning (names, expressions, cron …) is checked by the compiler afterwards.
 */
import { isObject } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import type { MapShape, ObjectShape, Shape, TaggedShape } from "../schema/type.ts";
import { checkKeyed, taggedMember } from "./keyed.ts";
import { checkRules } from "./rules.ts";
import { checkString, describeString } from "./text.ts";
import { mismatch, Walk } from "./walk.ts";

export function checkShape(shape: Shape, value: unknown, walk: Walk): void {
  switch (shape.kind) {
    case "any":
      return;
    case "named":
      return checkShape(shape.target(), value, walk);
    case "documented":
      return checkShape(shape.of, value, walk);
    case "boolean":
      if (typeof value !== "boolean") mismatch(walk, value, "true or false");
      return;
    case "integer":
      return checkInteger(shape, value, walk);
    case "string":
      return checkString(shape, value, walk);
    case "array":
      return checkArray(shape, value, walk);
    case "map":
      return checkMap(shape, value, walk);
    case "object":
      return checkObject(shape, value, walk);
    case "keyed":
      return checkKeyed(shape, value, walk, checkObject);
    case "tagged":
      return checkTagged(shape, value, walk);
    case "either":
      return checkEither(shape, value, walk);
  }
}

function checkInteger(
  shape: { minimum?: number; maximum?: number },
  value: unknown,
  walk: Walk,
): void {
  const { minimum = -Infinity, maximum = Infinity } = shape;
  if (!Number.isInteger(value)) return mismatch(walk, value, "a whole number");
  if ((value as number) < minimum || (value as number) > maximum) {
    walk.report("value", `must be between ${minimum} and ${maximum}`);
  }
}

function checkArray(shape: { items: Shape; minItems?: number }, value: unknown, walk: Walk): void {
  if (!Array.isArray(value)) {
    const hint = isObject(value) ? ' (each entry starts with "- ")' : "";
    return mismatch(walk, value, `a list${hint}`);
  }
  if (value.length < (shape.minItems ?? 0)) {
    walk.report("value", `needs at least ${shape.minItems} entry`);
  }
  for (const [index, item] of value.entries()) {
    walk.at(index, () => checkShape(shape.items, item, walk));
  }
}

function checkMap(shape: MapShape, value: unknown, walk: Walk): void {
  if (!isObject(value)) return mismatch(walk, value, "an object");
  const keys = Object.keys(value);
  const { minProperties = 0, maxProperties = Infinity, entry = "property" } = shape;
  if (keys.length < minProperties) walk.report("required", `needs at least one ${entry}`);
  if (keys.length > maxProperties) {
    const names = keys.join(", ");
    walk.report(
      "choice",
      `expected exactly one ${entry} here, got ${names} (is the indentation right?)`,
    );
  }
  for (const key of keys) walk.at(key, () => checkShape(shape.values, value[key], walk));
}

function checkObject(shape: ObjectShape, value: unknown, walk: Walk): void {
  if (!isObject(value)) return mismatch(walk, value, "an object");
  for (const key of shape.required) {
    if (!Object.hasOwn(value, key)) walk.at(key, () => walk.report("required", "required"));
  }
  const keys = Object.keys(value);
  if (keys.length < shape.minProperties) walk.report("required", "needs at least one property");
  for (const key of keys) checkProperty(shape, value, key, walk);
  checkRules(shape.rules, value, walk);
}

function checkProperty(shape: ObjectShape, value: JsonObject, key: string, walk: Walk): void {
  const property = Object.hasOwn(shape.properties, key) ? shape.properties[key] : undefined;
  if (property !== undefined) {
    walk.at(key, () => checkShape(property, value[key], walk));
  } else if (!shape.open) {
    const known = Object.keys(shape.properties).filter((name) => !Object.hasOwn(value, name));
    const message = `unknown property${suggestion(key, known)}`;
    walk.at(key, () => walk.report("unknown-property", message, known.join(", ")));
  }
}

function checkTagged(shape: TaggedShape, value: unknown, walk: Walk): void {
  if (!isObject(value)) return mismatch(walk, value, "an object");
  checkObject(taggedMember(shape, value), value, walk);
}

function checkEither(
  shape: { options: readonly Shape[]; expected: string },
  value: unknown,
  walk: Walk,
): void {
  const options = shape.options.flatMap(flatten).filter((option) => accepts(option, value));
  const [first, ...others] = options;
  if (first === undefined) return mismatch(walk, value, shape.expected);
  if (others.length === 0 && first.kind !== "string") return checkShape(first, value, walk);
  const matches = options.some((option) => {
    const trial = new Walk(walk.path);
    checkShape(option, value, trial);
    return trial.issues.length === 0;
  });
  if (!matches) {
    walk.report(
      "value",
      `expected ${shape.expected}, got ${describeString(value)}`,
      shape.expected,
    );
  }
}

/** The alternatives behind names, documentation and nested unions. */
function flatten(shape: Shape): Shape[] {
  switch (shape.kind) {
    case "named":
      return flatten(shape.target());
    case "documented":
      return flatten(shape.of);
    case "either":
      return shape.options.flatMap(flatten);
    default:
      return [shape];
  }
}

/** Whether the JSON type of a value fits a shape at all. */
function accepts(shape: Shape, value: unknown): boolean {
  switch (shape.kind) {
    case "string":
      return typeof value === "string";
    case "array":
      return Array.isArray(value);
    case "map":
    case "object":
    case "keyed":
    case "tagged":
      return isObject(value);
    case "boolean":
      return typeof value === "boolean";
    case "integer":
      return typeof value === "number";
    default:
      return true;
  }
}
