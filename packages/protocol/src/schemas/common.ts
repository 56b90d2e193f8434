/** Building blocks shared by every schema of the API. */
import { type Static, type TSchema, Type } from "typebox";
import type { Json } from "../json.ts";

/**
 * A reference to a schema that has an `$id`, typed as what it refers to. The server registers every schema under its
 * `$id`, so that the OpenAPI document names each shape once.
 */
export function ref<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}

/** Any JSON value. */
export function json(description: string) {
  return Type.Unsafe<Json>({ description });
}

/** An instant on the wire. */
export function timestamp(description: string) {
  return Type.String({
    format: "date-time",
    description: `${description} (RFC 3339, UTC, milliseconds).`,
    examples: ["2026-11-05T14:03:07.250Z"],
  });
}

/** Namespace or name of a workflow, as the DSL's own schema has it: a DNS label, in either case. */
export const NAME_PATTERN = "^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$";

export const Namespace = Type.String({
  pattern: NAME_PATTERN,
  description: "The workflow's namespace.",
  examples: ["shop"],
});
export const Name = Type.String({
  pattern: NAME_PATTERN,
  description: "The workflow's name.",
  examples: ["order"],
});
export const Version = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: "^[0-9A-Za-z.+-]+$",
  description: "The workflow's semantic version.",
  examples: ["1.0.0"],
});
export const InstanceId = Type.String({
  pattern: "^[0-7][0-9A-HJKMNP-TV-Z]{25}$",
  description: "The instance's id: a ULID.",
  examples: ["01JC7Z6V5M3B8Q4X2N9R0T1WYA"],
});

/** Most rows that a list gives at once. */
export const MAX_LIMIT = 500;

export const Cursor = Type.String({
  minLength: 1,
  maxLength: 512,
  description: "`nextCursor` of the page before.",
});
export const Limit = Type.Integer({
  minimum: 1,
  maximum: MAX_LIMIT,
  default: 50,
  description: "Most rows to give.",
});
export const NextCursor = Type.String({
  description: "Pass it as `cursor` for the next page; absent on the last page.",
});

/** Values that stand as `null` in what is shown, and where they are. @param whole what they are values of */
export function largeValues(whole: string, example: string) {
  return Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String({
          description: `Where in the ${whole}: a JSON pointer (RFC 6901), such as \`${example}\`.`,
        }),
        digest: Type.String({
          description:
            "SHA-256 of the value as JSON, in hexadecimal: `GET /v1/payloads/{digest}` has it.",
        }),
        bytes: Type.Integer({ minimum: 0, description: "Size of the value as JSON." }),
      }),
      {
        description: `Large values of the ${whole}: each stands as \`null\` in it. Absent when there are none.`,
      },
    ),
  );
}
