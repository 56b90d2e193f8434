import { type Static, Type } from "typebox";
import { Cursor, Limit, NextCursor, Version, ref, timestamp } from "./common.ts";

export const FunctionName = Type.String({
  pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$",
  description: "The function's name.",
  examples: ["log"],
});

const summary = {
  name: FunctionName,
  version: Version,
  source: Type.Unsafe<"api" | "folder">({
    type: "string",
    enum: ["api", "folder"],
    description: "Stored through the API, or provided by the operator in a folder.",
  }),
  updatedAt: timestamp("When it was last changed"),
};

export const FunctionSummary = Type.Object(summary, {
  $id: "FunctionSummary",
  description: "A function of the default catalog, called as `name:version@default`.",
});
export type FunctionSummary = Static<typeof FunctionSummary>;

export const CatalogFunction = Type.Object(
  { ...summary, text: Type.String({ description: "The function as written, in YAML or JSON." }) },
  { $id: "CatalogFunction", description: "A function of the default catalog, with its text." },
);
export type CatalogFunction = Static<typeof CatalogFunction>;

export const FunctionList = Type.Object(
  { items: Type.Array(ref(FunctionSummary)), nextCursor: Type.Optional(NextCursor) },
  { $id: "FunctionList", description: "A page of functions, by name and version." },
);
export type FunctionList = Static<typeof FunctionList>;

export const FunctionListQuery = Type.Object({
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type FunctionListQuery = Static<typeof FunctionListQuery>;

export const FunctionPath = Type.Object({ name: FunctionName, version: Version });
export type FunctionPath = Static<typeof FunctionPath>;
