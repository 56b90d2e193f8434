/** What remote workers and the server say to each other (docs/workers.md). */
import { type Static, Type } from "typebox";
import {
  Cursor,
  InstanceId,
  json,
  Limit,
  Name,
  Namespace,
  NextCursor,
  ref,
  timestamp,
  Version,
} from "./common.ts";

const WorkName = (description: string) =>
  Type.String({ pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", description });

export const WorkerPoll = Type.Object(
  {
    worker: Type.String({
      minLength: 1,
      maxLength: 255,
      description: "Name of the worker: one for each process.",
      examples: ["resizer-7f9c"],
    }),
    pool: Type.Optional(WorkName("`default` when absent.")),
    functions: Type.Array(WorkName("Name of a function."), {
      minItems: 1,
      maxItems: 100,
      description: "What the worker can do.",
    }),
    max: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: 1, description: "Most tasks to give." }),
    ),
    wait: Type.Optional(
      Type.String({
        maxLength: 32,
        description:
          "Hold the answer until there is a task, at most this long, and no longer than MILLRACE_MAX_WAIT: `30s` or `PT30S`. Absent: answer at once.",
        examples: ["30s"],
      }),
    ),
  },
  { $id: "WorkerPoll", additionalProperties: false, description: "A worker asks for tasks." },
);
export type WorkerPoll = Static<typeof WorkerPoll>;

export const CheckpointLevel = Type.Unsafe<"progress" | "data" | "state">({
  $id: "CheckpointLevel",
  type: "string",
  enum: ["progress", "data", "state"],
  description:
    "`progress`: percent and note alone; `data`: with something to go on from; `state`: with all that there is to go on from.",
});
export type CheckpointLevel = Static<typeof CheckpointLevel>;

const percent = Type.Optional(
  Type.Number({ minimum: 0, maximum: 100, description: "Of the work that is done." }),
);
const digest = (description: string) =>
  Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$", description }));

export const Checkpoint = Type.Object(
  {
    number: Type.Integer({ minimum: 1, description: "Rises with each checkpoint of the chain." }),
    attempt: Type.Integer({ description: "The delivery of the activity that it is from." }),
    level: ref(CheckpointLevel),
    percent,
    note: Type.Optional(Type.String()),
    data: Type.Optional(json("Of level `data`, unless a payload holds it.")),
    state: Type.Optional(json("Of level `state`, unless a payload holds it.")),
    digest: digest("The payload that holds the data or state: GET /v1/payloads/{digest}."),
    at: timestamp("When it was written"),
  },
  {
    $id: "Checkpoint",
    description:
      "The latest acknowledged checkpoint of an activity's chain: its deliveries, and its runs by an enclosing `try`. Percent and note are the latest; data or state those of the latest checkpoint that had any.",
  },
);
export type Checkpoint = Static<typeof Checkpoint>;

const lease = Type.String({
  description: "A sign of life is due before this time is over, as ISO 8601 duration.",
  examples: ["PT30S"],
});

export const WorkerTask = Type.Object(
  {
    token: Type.String({
      description: "Names the task in what is said of it; known to nobody else.",
    }),
    instanceId: InstanceId,
    activityId: Type.String({ description: "Unique within the instance." }),
    attempt: Type.Integer({
      minimum: 1,
      description: "1, and one more each time another server delivers the activity again.",
    }),
    delivery: Type.Integer({
      minimum: 1,
      description:
        "1, and one more each time the task was given to a worker before in this attempt.",
    }),
    idempotencyKey: Type.String({
      description: "The same for all deliveries, and for all runs by an enclosing `try`.",
    }),
    workflow: Type.Object({ namespace: Namespace, name: Name, version: Version }),
    name: Type.String({ description: "The task's name in the definition." }),
    reference: Type.String({ description: "Its reference, such as `/do/0/resize`." }),
    function: Type.String({ description: "Name of the function to run." }),
    arguments: json("What the definition gives it; null for nothing."),
    deadline: Type.Optional(timestamp("After this nobody waits for the result")),
    lease,
    checkpoint: Type.Optional(ref(Checkpoint)),
    traceparent: Type.Optional(Type.String({ description: "W3C Trace Context of this attempt." })),
    tracestate: Type.Optional(Type.String()),
  },
  { $id: "WorkerTask", description: "A task that a worker has under a lease." },
);
export type WorkerTask = Static<typeof WorkerTask>;

export const WorkerTasks = Type.Object(
  {
    tasks: Type.Array(ref(WorkerTask)),
    cancelled: Type.Array(Type.String(), {
      description: "Tokens of tasks that this worker has and nobody waits for any more.",
    }),
  },
  { $id: "WorkerTasks", description: "What there is for a worker." },
);
export type WorkerTasks = Static<typeof WorkerTasks>;

export const TaskInHand = Type.Object(
  {
    instanceId: InstanceId,
    activityId: Type.String({ description: "Unique within the instance." }),
    name: Type.String({ description: "The task's name in the definition." }),
    function: Type.String({ description: "Name of the function that it is for." }),
    attempt: Type.Integer({ minimum: 1, description: "As the worker was told." }),
    delivery: Type.Integer({ minimum: 1, description: "As the worker was told." }),
  },
  { $id: "TaskInHand", description: "A task that a worker has." },
);
export type TaskInHand = Static<typeof TaskInHand>;

export const WorkerInfo = Type.Object(
  {
    name: Type.String({ description: "What the worker calls itself." }),
    pool: Type.String({ description: "The pool whose tasks it asks for." }),
    functions: Type.Array(Type.String(), { description: "What it can do, as it said last." }),
    polling: Type.Boolean({
      description: "It waits for tasks at this moment. A worker that has all it can take does not.",
    }),
    taskCount: Type.Integer({ minimum: 0, description: "How many tasks it has." }),
    tasks: Type.Array(ref(TaskInHand), { description: "Those, at most 100 of them." }),
    firstSeenAt: timestamp("When this server heard of it first"),
    lastSeenAt: timestamp("When this server heard of it last"),
  },
  { $id: "WorkerInfo", description: "A worker, as the server that has the tasks knows it." },
);
export type WorkerInfo = Static<typeof WorkerInfo>;

export const WorkerList = Type.Object(
  { items: Type.Array(ref(WorkerInfo)), nextCursor: Type.Optional(NextCursor) },
  { $id: "WorkerList", description: "A page of workers, by name." },
);
export type WorkerList = Static<typeof WorkerList>;

export const WorkerListQuery = Type.Object({
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type WorkerListQuery = Static<typeof WorkerListQuery>;

export const WorkerTaskPath = Type.Object({
  token: Type.String({
    pattern: "^[0-9]{1,4}\\.[A-Za-z0-9_-]{22}$",
    description: "The task's token.",
  }),
});
export type WorkerTaskPath = Static<typeof WorkerTaskPath>;

export const WorkerLease = Type.Object(
  {
    cancelled: Type.Boolean({
      description: "Nobody waits for the task any more: the worker can stop.",
    }),
    lease: Type.Optional(lease),
  },
  { $id: "WorkerLease", description: "How a task stands." },
);
export type WorkerLease = Static<typeof WorkerLease>;

export const CheckpointRequest = Type.Object(
  {
    percent,
    note: Type.Optional(Type.String({ maxLength: 1024, description: "For people." })),
    data: Type.Optional(json("Something to go on from.")),
    state: Type.Optional(json("All that there is to go on from.")),
    digest: digest("A payload with the data or state, in its place."),
    level: Type.Optional(ref(CheckpointLevel)),
  },
  {
    $id: "CheckpointRequest",
    additionalProperties: false,
    description:
      "A checkpoint: of `data`, `state` and `digest` one at most. `level` says what a digest stands for: `data` unless given.",
  },
);
export type CheckpointRequest = Static<typeof CheckpointRequest>;

export const CompleteTask = Type.Object(
  { output: Type.Optional(json("The output of the task; null when absent.")) },
  { $id: "CompleteTask", additionalProperties: false, description: "A task is done." },
);
export type CompleteTask = Static<typeof CompleteTask>;

export const FailTask = Type.Object(
  {
    type: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2048,
        format: "uri-reference",
        description:
          "URI of the error's type, which `catch` can name; the DSL's `runtime` unless given.",
      }),
    ),
    status: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 599, description: "500 unless given." }),
    ),
    title: Type.Optional(Type.String({ maxLength: 1024 })),
    detail: Type.Optional(Type.String({ maxLength: 8192, description: "What happened." })),
  },
  {
    $id: "FailTask",
    additionalProperties: false,
    description: "A task has failed: the error that its instance gets.",
  },
);
export type FailTask = Static<typeof FailTask>;
