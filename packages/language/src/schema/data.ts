/** How data flows into and out of workflows and tasks (reference, "Input", "Output", "Export", "Schema"). */
import { freeObject } from "./common.ts";
import { externalResource } from "./endpoint.ts";
import { anything, documented, either, keyed, named, object, string } from "./type.ts";
import type { Static } from "./type.ts";

const format = documented("`json` unless given.", string());

const schemaType = keyed("schema", {
  document: object({ must: { document: anything() }, may: { format } }),
  resource: object({ must: { resource: externalResource }, may: { format } }),
});
/** A JSON Schema in the definition, or the address of one. */
export const dataSchema = named("schema", () => schemaType);
export type DataSchema = Static<typeof schemaType>;

/** What shapes data: an expression, or an object that holds expressions. */
const transformation = either("an expression or an object", string(), freeObject);

const inputType = object({ may: { schema: dataSchema, from: transformation } });
const outputType = object({ may: { schema: dataSchema, as: transformation } });

export const input = named("input", () =>
  documented("Validates (`schema`), then shapes (`from`) the input.", inputType),
);
export const output = named("output", () =>
  documented("Shapes (`as`), then validates (`schema`) the output.", outputType),
);
export const exported = named("export", () =>
  documented(
    "Gives the workflow's context a new value (`as`), and validates it (`schema`).",
    outputType,
  ),
);
export type Input = Static<typeof inputType>;
export type Output = Static<typeof outputType>;
