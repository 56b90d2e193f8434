/** The JSON Schemas of data-flow steps (DSL reference "Schema"), compiled at their first use. */
import { Errors } from "typebox/schema";
import type { Json, JsonObject } from "../json.ts";
import type { Schema, SchemaIssue } from "../program.ts";

/** Most mismatches reported for one value. */
const MAX_ISSUES = 20;

/** A validator for a JSON Schema document (2020-12). It interprets the schema: no code is generated. */
export function compileSchema(document: JsonObject | boolean): Schema {
  return {
    validate(value: Json): readonly SchemaIssue[] {
      const [valid, errors] = Errors(document as never, value);
      if (valid) return [];
      return errors.slice(0, MAX_ISSUES).map(({ instancePath, message }) => ({
        pointer: instancePath,
        message,
      }));
    },
  };
}
