import { type Static, Type } from "typebox";
import type { JsonObject } from "../json.ts";
import { Cursor, Limit, Name, Namespace, NextCursor, Version, ref, timestamp } from "./common.ts";

const summary = {
  namespace: Namespace,
  name: Name,
  version: Version,
  title: Type.Optional(Type.String({ description: "`document.title`." })),
  summary: Type.Optional(Type.String({ description: "`document.summary`." })),
  digest: Type.String({
    description: "SHA-256 of the definition's content, in hexadecimal.",
  }),
  createdAt: timestamp("When this version was applied"),
};

/** One version of a workflow, without its definition. */
export const WorkflowSummary = Type.Object(summary, {
  $id: "WorkflowSummary",
  description: "One version of a workflow.",
});
export type WorkflowSummary = Static<typeof WorkflowSummary>;

export const Workflow = Type.Object(
  {
    ...summary,
    definition: Type.Unsafe<JsonObject>({
      type: "object",
      additionalProperties: true,
      description: "The definition in the Open Workflow DSL, as JSON.",
    }),
  },
  { $id: "Workflow", description: "One version of a workflow, with its definition." },
);
export type Workflow = Static<typeof Workflow>;

export const WorkflowList = Type.Object(
  {
    items: Type.Array(ref(WorkflowSummary)),
    nextCursor: Type.Optional(NextCursor),
  },
  { $id: "WorkflowList", description: "A page of workflow versions, by namespace, name, version." },
);
export type WorkflowList = Static<typeof WorkflowList>;

export const WorkflowListQuery = Type.Object({
  namespace: Type.Optional(Namespace),
  name: Type.Optional(Name),
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type WorkflowListQuery = Static<typeof WorkflowListQuery>;

export const WorkflowPath = Type.Object({ namespace: Namespace, name: Name });
export type WorkflowPath = Static<typeof WorkflowPath>;

export const WorkflowVersionPath = Type.Object({
  namespace: Namespace,
  name: Name,
  version: Version,
});
export type WorkflowVersionPath = Static<typeof WorkflowVersionPath>;
