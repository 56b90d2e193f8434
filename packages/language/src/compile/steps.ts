/** `input`, `output` and `export`: schemas and transformations (DSL reference "Input", "Output", "Export", "Schema"). */
import { type Json, isObject } from "../json.ts";
import { compileSchema, SchemaError } from "../jsonschema/index.ts";
import type { DataStep, Schema } from "../program.ts";
import { asObject, asText, down, given, type Place, report } from "./place.ts";
import { externalSchema } from "./externals.ts";
import { compileTransform } from "./template.ts";

export function compileStep(
  value: Json | undefined,
  transformKey: "from" | "as",
  place: Place,
): DataStep | undefined {
  if (value === undefined) return undefined;
  const step = asObject(value);
  const transform = step[transformKey];
  return {
    ...given("schema", compileDataSchema(step.schema, down(place, "schema"))),
    ...given(
      "transform",
      transform === undefined ? undefined : compileTransform(transform, down(place, transformKey)),
    ),
  };
}

function compileDataSchema(value: Json | undefined, place: Place): Schema | undefined {
  if (value === undefined) return undefined;
  const { format, document, resource } = asObject(value);
  if (format !== undefined && !/^json(:.*)?$/i.test(asText(format))) {
    report(
      down(place, "format"),
      "unsupported",
      `schema format "${asText(format)}" is not supported; use json`,
    );
    return undefined;
  }
  if (resource !== undefined) return externalDataSchema(resource, down(place, "resource"));
  return compileDocument(document, down(place, "document"));
}

/** A schema that is not there accepts nothing: what it would have refused must not pass. */
const MISSING: Schema = {
  validate: () => [
    { pointer: "", message: "the schema was not fetched when the workflow was applied" },
  ],
};

function externalDataSchema(resource: Json, place: Place): Schema | undefined {
  const found = externalSchema(resource, place);
  if (found === "missing") return MISSING;
  return found === "failed" ? undefined : compileDocument(found.content, place, true);
}

function compileDocument(
  document: Json | undefined,
  place: Place,
  outside = false,
): Schema | undefined {
  if (document === undefined || (!isObject(document) && typeof document !== "boolean")) {
    report(place, "schema", "expected a JSON Schema: an object, true or false");
    return undefined;
  }
  try {
    return compileSchema(document);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    // What is wrong inside a schema from outside has no place in this definition.
    const at = outside ? place : { ...place, pointer: place.pointer + error.pointer };
    const where = outside ? ` (at ${error.pointer || "its root"})` : "";
    report(at, "schema", `not a usable JSON Schema: ${error.message}${where}`);
    return undefined;
  }
}
