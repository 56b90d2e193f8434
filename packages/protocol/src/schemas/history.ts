import { type Static, Type } from "typebox";
import { MAX_LIMIT, json, largeValues, ref, timestamp } from "./common.ts";
import { WorkflowError } from "./instance.ts";

export const HISTORY_KINDS = Object.freeze([
  "workflow.started",
  "workflow.suspended",
  "workflow.resumed",
  "workflow.retried",
  "workflow.cancelled",
  "workflow.faulted",
  "workflow.completed",
  "workflow.correlation.started",
  "workflow.correlation.completed",
  "task.started",
  "task.skipped",
  "task.completed",
  "task.faulted",
  "task.cancelled",
  "task.retried",
] as const);

export const HistoryEvent = Type.Object(
  {
    seq: Type.Integer({
      minimum: 1,
      description: "Position in the history: 1, 2, 3 … without gap.",
    }),
    at: timestamp("When it happened"),
    kind: Type.Unsafe<(typeof HISTORY_KINDS)[number]>({
      type: "string",
      enum: [...HISTORY_KINDS],
      description: "What happened.",
    }),
    task: Type.Optional(
      Type.String({
        description:
          "The task's reference, such as `/do/0/getPet`; of `workflow.retried`: the task that had failed.",
      }),
    ),
    from: Type.Optional(
      Type.String({
        description: "Of `workflow.retried`: reference of the task it was told to go on from.",
      }),
    ),
    occurrence: Type.Optional(
      Type.String({
        description: "Which occurrence of the task: loops and retries each have their own.",
      }),
    ),
    name: Type.Optional(Type.String({ description: "The task's name." })),
    input: Type.Optional(json("Of `workflow.started`: the raw input.")),
    output: Type.Optional(json("Of `workflow.completed`, and of tasks that do outside work.")),
    error: Type.Optional(ref(WorkflowError)),
    reason: Type.Optional(Type.String({ description: "Why it was cancelled or suspended." })),
    attempt: Type.Optional(
      Type.Integer({ description: "Of `task.retried`: 2 for the first retry." }),
    ),
    delay: Type.Optional(
      Type.Number({ description: "Of `task.retried`: milliseconds until it runs." }),
    ),
    keys: Type.Optional(
      Type.Record(Type.String(), json("A correlation value."), {
        description: "Of `workflow.correlation.completed`: the correlation values by name.",
      }),
    ),
    payloads: largeValues("fact", "/output/scan"),
  },
  { $id: "HistoryEvent", description: "One fact in the history of an instance." },
);
export type HistoryEvent = Static<typeof HistoryEvent>;

export const History = Type.Object(
  {
    items: Type.Array(ref(HistoryEvent)),
    next: Type.Optional(
      Type.Integer({
        description: "Pass it as `after` for the next page; absent on the last page.",
      }),
    ),
  },
  { $id: "History", description: "A page of an instance's history, oldest first." },
);
export type History = Static<typeof History>;

export const HistoryQuery = Type.Object({
  after: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
      description: "Only facts with a higher `seq`.",
    }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_LIMIT * 2,
      default: 200,
      description: "Most facts to give; whole commits, so a few more or fewer.",
    }),
  ),
});
export type HistoryQuery = Static<typeof HistoryQuery>;

export const StreamQuery = Type.Object({
  after: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "Only facts with a higher `seq`; the `Last-Event-ID` header wins over it.",
    }),
  ),
});
export type StreamQuery = Static<typeof StreamQuery>;
