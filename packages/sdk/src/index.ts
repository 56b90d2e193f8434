/** The Millrace client for Node.js, Deno, Bun and browsers: `fetch` and nothing else. */
export type { CalendarFilter, Calendars } from "./calendars.ts";
export { MillraceClient } from "./client.ts";
export { MillraceError, type MillraceErrorCode } from "./error.ts";
export type { Channels, DeliveryFilter, EndpointFilter, Webhooks } from "./endpoints.ts";
export type { Events } from "./events.ts";
export type { FollowOptions } from "./follow.ts";
export type { FunctionRef, Functions } from "./functions.ts";
export type { Messages } from "./messages.ts";
export type {
  GetOptions,
  PayloadBody,
  PayloadBytes,
  PayloadFilter,
  Payloads,
  PutOptions,
} from "./payloads.ts";
export type { InstanceFilter, Instances, RetryFrom, StartOptions } from "./instances.ts";
export type {
  BackfillOptions,
  DecisionFilter,
  PreviewOptions,
  ScheduleFilter,
  Schedules,
  TriggerOptions,
} from "./schedules.ts";
export type { SecretFilter, Secrets } from "./secrets.ts";
export type { RetryOptions, TransportOptions } from "./transport.ts";
export { type StopOptions, Worker, type WorkerOptions } from "./worker.ts";
export type { CheckpointOptions } from "./worker-checkpoints.ts";
export {
  type LastCheckpoint,
  type Outcome,
  type Task,
  type TaskEnd,
  TaskEndedError,
  TaskFailure,
  type WorkerFunction,
} from "./worker-task.ts";
export type { Workers } from "./workers.ts";
export type { WorkflowFilter, WorkflowRef, Workflows } from "./workflows.ts";
export type {
  BackfillAccepted,
  Calendar,
  CalendarSpec,
  CalendarSummary,
  CatalogFunction,
  Channel,
  ChannelChange,
  CloudEvent,
  Delivery,
  EventFilter,
  EventsAccepted,
  FunctionSummary,
  HistoryEvent,
  Instance,
  InstanceSummary,
  Issue,
  Json,
  JsonObject,
  NewChannel,
  NewWebhook,
  Payload,
  PreviewedTime,
  PriorityName,
  Problem,
  RotatedKeys,
  Schedule,
  ScheduleCreate,
  ScheduleDecision,
  SchedulePreview,
  ScheduleSpec,
  Secret,
  StartedInstance,
  Status,
  VerifiedPayload,
  Webhook,
  WebhookChange,
  WebhookTested,
  WebhookWithSecret,
  Checkpoint,
  CheckpointRequest,
  FailTask,
  WorkerInfo,
  WorkerLease,
  WorkerList,
  WorkerPoll,
  WorkerTask,
  WorkerTasks,
  Workflow,
  WorkflowError,
  WorkflowSummary,
} from "@millrace/protocol";
