import { type Static, Type } from "typebox";
import { PRIORITY_NAMES, type PriorityName } from "../priority.ts";
import { STATUSES } from "../status.ts";
import {
  Cursor,
  InstanceId,
  Limit,
  Name,
  Namespace,
  NextCursor,
  Version,
  json,
  ref,
  timestamp,
} from "./common.ts";

export const Status = Type.Unsafe<(typeof STATUSES)[number]>({
  $id: "Status",
  type: "string",
  enum: [...STATUSES],
  description: "The status phase of an instance; cancelled, faulted and completed are final.",
});
export type Status = Static<typeof Status>;

export const Priority = Type.Unsafe<PriorityName>({
  $id: "Priority",
  type: "string",
  enum: [...PRIORITY_NAMES],
  description:
    "What goes first when there is more to do than can be done at once: P0 first, P4 last.",
});
export type Priority = Static<typeof Priority>;

/** DSL reference "Error". */
export const WorkflowError = Type.Object(
  {
    type: Type.String({ description: "URI of the error's type." }),
    status: Type.Integer({ description: "Status code of the error." }),
    title: Type.Optional(Type.String({ description: "Summary of the type." })),
    detail: Type.Optional(Type.String({ description: "What happened." })),
    instance: Type.Optional(
      Type.String({
        description: "JSON Pointer of the task that raised it, such as `/do/0/getPet`.",
      }),
    ),
  },
  { $id: "WorkflowError", description: "The error a workflow ended with." },
);
export type WorkflowError = Static<typeof WorkflowError>;

const summary = {
  id: InstanceId,
  namespace: Namespace,
  name: Name,
  version: Version,
  status: ref(Status),
  priority: ref(Priority),
  createdAt: timestamp("When the start was accepted"),
  updatedAt: timestamp("When the instance last changed"),
  endedAt: Type.Optional(timestamp("When the instance reached its final status")),
};

export const InstanceSummary = Type.Object(summary, {
  $id: "InstanceSummary",
  description: "One run of a workflow version, without its data.",
});
export type InstanceSummary = Static<typeof InstanceSummary>;

export const WaitingFor = Type.Object(
  {
    kind: Type.Unsafe<"activity" | "message" | "timer" | "retry" | "child" | "event">({
      type: "string",
      enum: ["activity", "message", "timer", "retry", "child", "event"],
      description:
        "`activity`: outside work; `message`: the next one of a subscription; `timer`: a `wait`; `retry`: the pause before the next attempt of a `try`; `child`: another instance; `event`: an event.",
    }),
    task: Type.String({ description: "Reference of the task that waits." }),
    name: Type.String({ description: "Its name." }),
    since: timestamp("When the task began"),
    until: Type.Optional(
      timestamp("When a timer or pause is over, or a subscription takes no more"),
    ),
    giveUpAt: Type.Optional(timestamp("When the nearest timeout around it ends the wait")),
    attempt: Type.Optional(
      Type.Integer({
        description: "Which delivery of the activity; of `retry`: the attempt that comes next.",
      }),
    ),
    type: Type.Optional(Type.String({ description: "Of outside work: such as `call:http`." })),
    target: Type.Optional(
      Type.String({ description: "Of outside work: such as `GET api.example.com`." }),
    ),
    progress: Type.Optional(
      Type.Object(
        {
          percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
          note: Type.Optional(Type.String()),
          at: timestamp("When the worker said so"),
        },
        { description: "Of `call: worker`: how far it is, by its latest checkpoint." },
      ),
    ),
    instanceId: Type.Optional(Type.String({ description: "Of `child`: its id." })),
    events: Type.Optional(
      Type.Array(
        Type.Object({
          type: Type.Optional(Type.String()),
          source: Type.Optional(Type.String()),
          correlation: Type.Optional(
            json("An object: the values by which the event has to correlate."),
          ),
        }),
        { description: "Of `event`: the filters that want one." },
      ),
    ),
  },
  { $id: "WaitingFor", description: "One thing that an instance waits for." },
);
export type WaitingFor = Static<typeof WaitingFor>;

export const Fault = Type.Object(
  {
    task: Type.Optional(Type.String({ description: "Reference of the task that failed." })),
    name: Type.Optional(Type.String({ description: "Its name." })),
    input: Type.Optional(json("Its raw input, with which it would be retried.")),
    attempt: Type.Optional(
      Type.Integer({ description: "Which attempt of the `try` around it failed last." }),
    ),
    error: ref(WorkflowError),
    hint: Type.String({ description: "The next thing to try." }),
  },
  { $id: "Fault", description: "What made an instance fault, and what to do about it." },
);
export type Fault = Static<typeof Fault>;

export const Instance = Type.Object(
  {
    ...summary,
    input: json("The raw input of the workflow."),
    output: Type.Optional(json("The workflow's output; present when completed.")),
    error: Type.Optional(ref(WorkflowError)),
    parent: Type.Optional(
      Type.Object(
        { instanceId: InstanceId },
        { description: "The instance whose `run: workflow` started this one." },
      ),
    ),
    waitingFor: Type.Optional(
      Type.Array(ref(WaitingFor), {
        description:
          "When one instance that has not ended is read: what it waits for, the first 200 in the order they began.",
      }),
    ),
    fault: Type.Optional(ref(Fault)),
  },
  { $id: "Instance", description: "One run of a workflow version." },
);
export type Instance = Static<typeof Instance>;

export const InstanceList = Type.Object(
  {
    items: Type.Array(ref(InstanceSummary)),
    nextCursor: Type.Optional(NextCursor),
  },
  { $id: "InstanceList", description: "A page of instances, newest first." },
);
export type InstanceList = Static<typeof InstanceList>;

export const InstanceListQuery = Type.Object({
  namespace: Type.Optional(Namespace),
  name: Type.Optional(Name),
  version: Type.Optional(Version),
  status: Type.Optional(
    Type.Union([Type.Array(ref(Status)), ref(Status)], {
      description: "Only these statuses; repeat the parameter for several.",
    }),
  ),
  priority: Type.Optional(
    Type.Union([Type.Array(ref(Priority)), ref(Priority)], {
      description: "Only these priorities; repeat the parameter for several.",
    }),
  ),
  since: Type.Optional(timestamp("Only instances created at or after this")),
  until: Type.Optional(timestamp("Only instances created before this")),
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type InstanceListQuery = Static<typeof InstanceListQuery>;

export const StartRequest = Type.Object(
  {
    input: Type.Optional(json("The raw input of the workflow; `{}` when absent.")),
    version: Type.Optional(Version),
    priority: Type.Optional(
      Type.Unsafe<PriorityName>({
        ...ref(Priority),
        description: "The workflow's own when absent, and P2 when that has none.",
      }),
    ),
  },
  {
    $id: "StartRequest",
    additionalProperties: false,
    description: "What to start; the newest version unless one is given.",
  },
);
export type StartRequest = Static<typeof StartRequest>;

export const StartedInstance = Type.Object(
  {
    id: InstanceId,
    created: Type.Boolean({ description: "False when the idempotency key had started it before." }),
  },
  { $id: "StartedInstance", description: "An instance whose start is durable." },
);
export type StartedInstance = Static<typeof StartedInstance>;

export const StartQuery = Type.Object({
  wait: Type.Optional(
    Type.String({
      maxLength: 32,
      description:
        "Hold the answer until the instance has ended, at most this long: `30s`, `500ms`, `2m` or `PT30S`.",
      examples: ["30s"],
    }),
  ),
});
export type StartQuery = Static<typeof StartQuery>;

export const IdempotencyHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        "At most one instance of the workflow is ever started for a key. Repeating the request answers with it.",
    }),
  ),
});
export type IdempotencyHeaders = Static<typeof IdempotencyHeaders>;

/** W3C Trace Context: the span that asks. What cannot be read counts as absent. */
export const TraceHeaders = Type.Object({
  traceparent: Type.Optional(
    Type.String({ description: "W3C Trace Context: the span that the instance's is a child of." }),
  ),
  tracestate: Type.Optional(Type.String({ description: "Passed on with `traceparent`." })),
});
export type TraceHeaders = Static<typeof TraceHeaders>;

export const StartHeaders = Type.Object({
  ...IdempotencyHeaders.properties,
  ...TraceHeaders.properties,
});
export type StartHeaders = Static<typeof StartHeaders>;

export const InstancePath = Type.Object({ id: InstanceId });
export type InstancePath = Static<typeof InstancePath>;

export const RetryRequest = Type.Object(
  {
    from: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2048,
        description:
          "The task to go on from: the name of one in the failed task's list or a list around it, or its reference, such as `/do/0/getPet`. Absent: the failed task.",
      }),
    ),
    input: Type.Optional(json("Raw input of that task, in place of the failed task's.")),
  },
  {
    $id: "RetryRequest",
    additionalProperties: false,
    description: "How a faulted instance is to go on.",
  },
);
export type RetryRequest = Static<typeof RetryRequest>;

export const RetryHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        "Repeating the request changes nothing and answers with the instance as it stands; of each instance the key of its last retry is known.",
    }),
  ),
});
export type RetryHeaders = Static<typeof RetryHeaders>;

export const ControlRequest = Type.Object(
  {
    reason: Type.Optional(
      Type.String({ maxLength: 1024, description: "Why; kept in the history." }),
    ),
  },
  {
    $id: "ControlRequest",
    additionalProperties: false,
    description: "Why an instance is cancelled, suspended or resumed.",
  },
);
export type ControlRequest = Static<typeof ControlRequest>;
