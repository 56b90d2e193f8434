import { type Static, Type } from "typebox";
import { ERROR_CODES } from "../errors.ts";

/** One fault in a document or request. */
export const Issue = Type.Object(
  {
    path: Type.String({
      description: "Where in the document: `do[2].callPet.with.method`. Empty for the whole.",
    }),
    line: Type.Optional(Type.Integer({ minimum: 1, description: "Line in the text, from 1." })),
    column: Type.Optional(Type.Integer({ minimum: 1, description: "Column in the text, from 1." })),
    message: Type.String({ description: "What is wrong, and what was expected." }),
  },
  { $id: "Issue", description: "One fault in a document or request." },
);
export type Issue = Static<typeof Issue>;

export const Problem = Type.Object(
  {
    type: Type.String({ description: "URI of the kind of error: `urn:millrace:error:<code>`." }),
    title: Type.String({ description: "Summary of the kind." }),
    status: Type.Integer({ description: "The HTTP status." }),
    code: Type.Unsafe<(typeof ERROR_CODES)[number]>({
      type: "string",
      enum: [...ERROR_CODES],
      description: "The kind as a word; branch on this.",
    }),
    action: Type.String({ description: "What to do about it." }),
    detail: Type.Optional(Type.String({ description: "This occurrence: what, and where." })),
    instance: Type.Optional(Type.String({ description: "What the occurrence is about." })),
    issues: Type.Optional(
      Type.Array(Type.Unsafe<Issue>({ $ref: "Issue#" }), { description: "The single faults." }),
    ),
    retryAfter: Type.Optional(
      Type.Integer({ minimum: 0, description: "Seconds after which to try again." }),
    ),
    requestId: Type.Optional(Type.String({ description: "The request's id in the server's log." })),
  },
  { $id: "Problem", description: "Problem details (RFC 9457)." },
);
export type Problem = Static<typeof Problem>;
