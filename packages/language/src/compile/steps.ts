/** `input`, `output` and `export`: schemas and transformations (DSL reference "Input", "Output", "Export", "Schema"). */
import { type Json, isObject } from "../json.ts";
import { compileSchema, SchemaError } from "../jsonschema/index.ts";
import type { DataStep, Schema } from "../program.ts";
import { asObject, asText, down, given, type Place, report } from "./place.ts";
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
  if (resource !== undefined) {
    const message = "schemas from outside are not supported yet; put the schema under document";
    report(down(place, "resource"), "unsupported", message);
    return undefined;
  }
  if (!isObject(document) && typeof document !== "boolean") {
    report(down(place, "document"), "schema", "expected a JSON Schema: an object, true or false");
    return undefined;
  }
  try {
    return compileSchema(document);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    const at = { ...place, pointer: `${place.pointer}/document${error.pointer}` };
    report(at, "schema", `not a usable JSON Schema: ${error.message}`);
    return undefined;
  }
}
