/** Errors as raised, and filters of caught ones (reference, "Error"; RFC 9457). */
import { runtimeExpression, uriOrExpression } from "./common.ts";
import { documented, either, integer, object, string } from "./type.ts";
import type { Static } from "./type.ts";

const definition = object({
  must: {
    type: documented("A URI that says what kind of error it is.", uriOrExpression),
    status: documented("An HTTP status code.", integer()),
  },
  may: {
    instance: either(
      "a JSON Pointer or an expression",
      string({ format: "json-pointer" }),
      runtimeExpression,
    ),
    title: string(),
    detail: string(),
  },
});
export const errorDefinition = definition;
export type ErrorDefinition = Static<typeof definition>;

export const errorOrReference = documented(
  "The error to raise, or the name of one of `use.errors`.",
  either("an error such as { type: …, status: … }, or the name of one", definition, string()),
);

/** Every property given must equal the error's. */
export const errorFilter = object({
  may: {
    type: string(),
    status: integer(),
    instance: string(),
    title: string(),
    detail: string(),
  },
  open: true,
  minProperties: 1,
});
export type ErrorFilter = Static<typeof errorFilter>;
