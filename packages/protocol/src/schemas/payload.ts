import { type Static, Type } from "typebox";
import { Cursor, Limit, NextCursor, ref, timestamp } from "./common.ts";

export const Digest = Type.String({
  pattern: "^[0-9a-f]{64}$",
  description: "SHA-256 of the bytes, in lower-case hexadecimal.",
  examples: ["315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3"],
});

export const Message = Type.Object(
  {
    message: Type.String({
      description: "Any text that has UTF-8 bytes: all but lone surrogates.",
      examples: ["Hello, world!"],
    }),
  },
  { $id: "Message", additionalProperties: false, description: "A text." },
);
export type Message = Static<typeof Message>;

export const MessageDigest = Type.Object(
  { digest: Digest },
  { $id: "MessageDigest", description: "Where a message is: the digest of its UTF-8 bytes." },
);
export type MessageDigest = Static<typeof MessageDigest>;

const payload = {
  digest: Digest,
  size: Type.Integer({ minimum: 0, description: "Bytes." }),
  mediaType: Type.String({
    description: "As it was put first.",
    examples: ["application/json"],
  }),
  store: Type.String({
    description: "Where the bytes are: `database`, or the name of a store.",
    examples: ["database"],
  }),
  kept: Type.Boolean({
    description: "A user put it and has not deleted it. Else something refers to it.",
  }),
  createdAt: timestamp("When it was first stored"),
  expiresAt: Type.Optional(timestamp("When it is deleted by itself")),
};

export const Payload = Type.Object(payload, {
  $id: "Payload",
  description: "What is known of a payload, but for its bytes.",
});
export type Payload = Static<typeof Payload>;

export const PayloadList = Type.Object(
  { items: Type.Array(ref(Payload)), nextCursor: Type.Optional(NextCursor) },
  { $id: "PayloadList", description: "A page of the payloads that users keep, by digest." },
);
export type PayloadList = Static<typeof PayloadList>;

export const PayloadListQuery = Type.Object({
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type PayloadListQuery = Static<typeof PayloadListQuery>;

export const PayloadPutQuery = Type.Object({
  ttl: Type.Optional(
    Type.String({
      description: "How long it is kept, such as `1h` or `PT1H`. Until it is deleted unless given.",
      examples: ["PT1H"],
    }),
  ),
});
export type PayloadPutQuery = Static<typeof PayloadPutQuery>;

export const PayloadPath = Type.Object({ digest: Digest });
export type PayloadPath = Static<typeof PayloadPath>;

export const VerifiedPayload = Type.Object(
  {
    ...payload,
    copies: Type.Array(
      Type.Object({
        store: Type.String({ description: "`database`, or the name of a store." }),
        state: Type.Union(
          [
            Type.Literal("right"),
            Type.Literal("damaged"),
            Type.Literal("missing"),
            Type.Literal("repaired"),
          ],
          { description: "`repaired`: it was damaged or missing, and was written anew." },
        ),
      }),
      { description: "Every copy that there should be." },
    ),
  },
  { $id: "VerifiedPayload", description: "A payload, and how each copy of it was found." },
);
export type VerifiedPayload = Static<typeof VerifiedPayload>;
