import { type Static, Type } from "typebox";
import { Cursor, json, Limit, NextCursor, ref, timestamp } from "./common.ts";

export const SecretName = Type.String({
  pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
  description: "The secret's name, as `use.secrets` lists it.",
  examples: ["petstore"],
});

/** What is told of a secret: everything but its value. */
export const Secret = Type.Object(
  {
    name: SecretName,
    version: Type.Integer({ minimum: 1, description: "1, and one more each time it is set." }),
    createdAt: timestamp("When it was first set"),
    updatedAt: timestamp("When its value was set last"),
  },
  { $id: "Secret", description: "A secret, without its value: that is never given out." },
);
export type Secret = Static<typeof Secret>;

export const SecretValue = Type.Object(
  { value: json("Any JSON: a text, or an object whose members are used one by one.") },
  { additionalProperties: false },
);
export type SecretValue = Static<typeof SecretValue>;

export const SecretList = Type.Object(
  { items: Type.Array(ref(Secret)), nextCursor: Type.Optional(NextCursor) },
  { $id: "SecretList", description: "A page of secrets, by name." },
);
export type SecretList = Static<typeof SecretList>;

export const SecretListQuery = Type.Object({
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type SecretListQuery = Static<typeof SecretListQuery>;

export const SecretPath = Type.Object({ name: SecretName });
export type SecretPath = Static<typeof SecretPath>;

export const RotateKeys = Type.Object(
  {
    dataKeys: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Also make new data keys, and encrypt every secret with them.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type RotateKeys = Static<typeof RotateKeys>;

export const RotatedKeys = Type.Object(
  {
    masterKey: Type.String({ description: "Id of the master key in use." }),
    keysWrapped: Type.Integer({ description: "Data keys that were under another master key." }),
    secretsSealed: Type.Integer({ description: "Secrets encrypted with a new data key." }),
    keysDropped: Type.Integer({ description: "Data keys that nothing needs any more." }),
  },
  { $id: "RotatedKeys", description: "What a rotation of keys did." },
);
export type RotatedKeys = Static<typeof RotatedKeys>;
