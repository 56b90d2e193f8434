/**
 * The service that the API and the commands call: everything a user can do to workflows and instances.
 *
 * Instants are epoch milliseconds. Methods reject with a {@link RuntimeError} for what the caller can act on; anything
 * else that is thrown is a fault of the server.
 */
import type { Status, TraceContext, WorkflowError } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import type { Fault, ShownFact, WaitingFor } from "./runtime/described.ts";
import type { HistogramView } from "./owner/histogram.ts";

/** The only tenant until tenants come. */
export const DEFAULT_TENANT = "default";

export interface WorkflowName {
  readonly namespace: string;
  readonly name: string;
}

/** One version of a workflow, without its definition. */
export interface WorkflowSummary extends WorkflowName {
  readonly version: string;
  readonly title?: string;
  readonly summary?: string;
  /** SHA-256, in hexadecimal, of the definition's canonical JSON. */
  readonly digest: string;
  readonly createdAt: number;
}
export interface WorkflowView extends WorkflowSummary {
  /** The definition as parsed. */
  readonly definition: JsonObject;
  /** The text as it was applied (YAML or JSON). */
  readonly text: string;
}
export interface AppliedWorkflow {
  /** `unchanged`: the same content stood under this version already. */
  readonly outcome: "created" | "unchanged";
  readonly workflow: WorkflowView;
}

/** A function of the default catalog, without its text. */
export interface FunctionSummary {
  readonly name: string;
  readonly version: string;
  /** Stored through the API, or provided by the operator in a folder. */
  readonly source: "api" | "folder";
  readonly updatedAt: number;
}
export interface FunctionView extends FunctionSummary {
  /** As it was written, in YAML or JSON. */
  readonly text: string;
}
export interface FunctionName {
  readonly tenant?: string;
  readonly name: string;
  readonly version: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}
export interface PageRequest {
  readonly cursor?: string;
  /** 1 … 500. */
  readonly limit: number;
}

export interface StartInstance extends WorkflowName {
  readonly tenant?: string;
  /** The newest version when absent, or `latest`. */
  readonly version?: string;
  readonly input: Json;
  /** 0 (first) … 4 (last); the workflow's own when absent. */
  readonly priority?: number;
  /** At most one instance of the workflow (namespace and name) is ever started for a key. */
  readonly idempotencyKey?: string;
  /** Of the caller's span. */
  readonly trace?: TraceContext;
}
export interface StartedInstance {
  readonly id: string;
  /** False when the idempotency key had started it before. */
  readonly created: boolean;
}

export interface InstanceSummary extends WorkflowName {
  readonly id: string;
  readonly version: string;
  readonly status: Status;
  /** 0 (first) … 4 (last). */
  readonly priority: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt?: number;
}
export interface InstanceView extends InstanceSummary {
  readonly input: Json;
  /** Present when completed. */
  readonly output?: Json;
  /** Present when faulted. */
  readonly error?: WorkflowError;
  readonly parent?: { readonly instanceId: string };
  /** Of one that has not ended, where it was asked for by itself: the first 200 waits, in the order they began. */
  readonly waitingFor?: readonly WaitingFor[];
  /** Of a faulted one, where it was asked for by itself. */
  readonly fault?: Fault;
}

export interface InstanceFilter extends PageRequest {
  readonly tenant?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly version?: string;
  /** Any of these. */
  readonly status?: readonly Status[];
  /** Any of these, 0 … 4. */
  readonly priority?: readonly number[];
  /** Created at or after. */
  readonly since?: number;
  /** Created before. */
  readonly until?: number;
}

export interface HistoryPage {
  readonly events: readonly ShownFact[];
  /** Pass it as `after` for the next page; absent on the last page. */
  readonly next?: number;
}

/** `invalid-state` when the instance has ended; suspending a suspended one, or resuming a running one, changes nothing. */
export type Signal =
  | { readonly kind: "cancel"; readonly reason?: string }
  | { readonly kind: "suspend"; readonly reason?: string }
  | { readonly kind: "resume" };

/** How a faulted instance is to go on. */
export interface Retry {
  /** Name or reference of a task beside the failed one or around it; absent: the failed task. */
  readonly from?: string;
  /** Raw input of the task it goes on from, in place of what that had. */
  readonly input?: Json;
  /** The same key again changes nothing and gives the instance as it stands. */
  readonly idempotencyKey?: string;
}

/** A CloudEvent with every required attribute present. */
export type CloudEventObject = JsonObject;

export interface EventsAccepted {
  readonly accepted: number;
  /** Events whose `source` and `id` were known already. */
  readonly duplicates: number;
}

/** One reason why this node would not serve well. */
export interface Health {
  /** True when every partition is owned here and the store answers. */
  readonly ready: boolean;
  /** What is missing, in words; empty when ready. */
  readonly reasons: readonly string[];
}

export interface Runtime {
  /**
   * Stores a version of a workflow (YAML or JSON).
   * @throws {RuntimeError} `invalid-workflow` with its issues; `conflict` when the version has other content
   */
  applyWorkflow(request: {
    readonly tenant?: string;
    readonly text: string;
    /** Name of the file for messages, if any. */
    readonly source?: string;
  }): Promise<AppliedWorkflow>;
  /** The newest version unless one is given. @throws {RuntimeError} `not-found` */
  getWorkflow(request: {
    readonly tenant?: string;
    readonly namespace: string;
    readonly name: string;
    readonly version?: string;
  }): Promise<WorkflowView>;
  /** By namespace, name and version. */
  listWorkflows(
    request: PageRequest & {
      readonly tenant?: string;
      readonly namespace?: string;
      readonly name?: string;
    },
  ): Promise<Page<WorkflowSummary>>;

  /**
   * Stores a function of the default catalog, or replaces it; versions of workflows applied before keep what they have.
   * @throws {RuntimeError} `invalid-function` with its issues
   */
  putFunction(
    request: FunctionName & { readonly text: string },
  ): Promise<{ readonly created: boolean; readonly function: FunctionView }>;
  /** @throws {RuntimeError} `not-found` */
  getFunction(request: FunctionName): Promise<FunctionView>;
  /** By name and version. */
  listFunctions(
    request: PageRequest & { readonly tenant?: string },
  ): Promise<Page<FunctionSummary>>;
  /** Of those stored through the API. @throws {RuntimeError} `not-found` */
  deleteFunction(request: FunctionName): Promise<void>;

  /**
   * Resolves when the start is durable.
   * @throws {RuntimeError} `not-found`, `key-reuse`, `overloaded`, `unavailable`, `not-owner`
   */
  startInstance(request: StartInstance): Promise<StartedInstance>;
  /**
   * Waits until the instance has ended, at most `timeoutMs`; then gives it as it stands.
   * @throws {RuntimeError} `not-found`
   */
  waitInstance(id: string, timeoutMs: number, signal?: AbortSignal): Promise<InstanceView>;
  /** @throws {RuntimeError} `not-found` */
  getInstance(id: string): Promise<InstanceView>;
  /** Newest first. @throws {RuntimeError} `invalid-input` for a cursor that this API did not give */
  listInstances(filter: InstanceFilter): Promise<Page<InstanceSummary>>;
  /**
   * Facts with `seq` above `after`, oldest first, about `limit` of them (whole commits: a few more or fewer).
   * @throws {RuntimeError} `not-found`
   */
  getHistory(id: string, after: number, limit: number): Promise<HistoryPage>;
  /**
   * Resolves when the change is durable.
   * @throws {RuntimeError} `not-found`, `invalid-state`, `overloaded`, `unavailable`, `not-owner`
   */
  signalInstance(id: string, signal: Signal): Promise<InstanceView>;
  /**
   * Lets a faulted instance go on; resolves when that is durable.
   * @throws {RuntimeError} `not-found`, `not-retryable`, `invalid-input` with an issue, `overloaded`, `unavailable`, `not-owner`
   */
  retryInstance(id: string, retry: Retry): Promise<InstanceView>;
  /**
   * History as it is committed, from `after` on; ends after the terminal fact, or when `signal` aborts.
   * @throws {RuntimeError} `not-found` at the first step
   */
  watch(id: string, after: number, signal?: AbortSignal): AsyncIterableIterator<ShownFact>;
  /** Stores received CloudEvents; resolves when they are durable. */
  publishEvents(events: readonly CloudEventObject[], tenant?: string): Promise<EventsAccepted>;

  health(): Promise<Health>;
  /** Reads counters only: cheap enough for a scrape. */
  stats(): RuntimeStats;
  /** Asks the database at most twice a minute, however often it is called; undefined when that has no answer. */
  storage(): Promise<StorageStats | undefined>;
}

export type RuntimeErrorKind =
  /** No such thing (`subject` says of which kind). */
  | "not-found"
  /** The workflow version has other content. */
  | "conflict"
  /** The idempotency key was used with another request. */
  | "key-reuse"
  /** The instance has ended. */
  | "invalid-state"
  /** The instance is not faulted, or kept nothing that a retry could go on from. */
  | "not-retryable"
  /** Nothing was accepted; try again after `retryAfterMs`. */
  | "overloaded"
  | "invalid-workflow"
  | "invalid-function"
  | "invalid-schedule"
  | "invalid-calendar"
  /** A malformed cursor, id or argument. */
  | "invalid-input"
  /** Another node owns the partition. */
  | "not-owner"
  /** The store does not answer, or the outcome is not known: repeat with the same idempotency key. */
  | "unavailable"
  | "shutting-down";

export interface RuntimeIssue {
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** What there is none of, or stands in the way. */
export type Subject = "workflow" | "instance" | "function" | "schedule" | "calendar";

/** An outcome that the caller can act on. */
export class RuntimeError extends Error {
  readonly kind: RuntimeErrorKind;
  readonly subject: Subject | undefined;
  readonly retryAfterMs: number | undefined;
  readonly issues: readonly RuntimeIssue[] | undefined;
  constructor(
    kind: RuntimeErrorKind,
    message: string,
    more: {
      readonly subject?: Subject;
      readonly retryAfterMs?: number;
      readonly issues?: readonly RuntimeIssue[];
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "RuntimeError";
    this.kind = kind;
    this.subject = more.subject;
    this.retryAfterMs = more.retryAfterMs;
    this.issues = more.issues;
  }
}

/** Counters only rise (since the process started); gauges are as of now. */
export interface RuntimeStats {
  readonly counters: {
    /** Instances created, and ended by status. */
    readonly instancesStarted: number;
    readonly instancesCompleted: number;
    readonly instancesFaulted: number;
    readonly instancesCancelled: number;
    /** Commands applied by `decide`, and those that met nothing to act on. */
    readonly commandsApplied: number;
    readonly commandsIgnored: number;
    /** Transactions of the owner's loop: done, refused or failed, of unknown outcome. */
    readonly commits: number;
    readonly commitFailures: number;
    readonly commitsUnknown: number;
    /** Transitions in those commits (instance rows written). */
    readonly transitions: number;
    readonly activitiesStarted: number;
    readonly activitiesCompleted: number;
    readonly activitiesFailed: number;
    /** Deliveries with an attempt above 1. */
    readonly activitiesRedelivered: number;
    /** Results that came too late, or twice, and changed nothing. */
    readonly activityResultsRefused: number;
    readonly timersFired: number;
    readonly inboxConsumed: number;
    readonly startsOverloaded: number;
    readonly reconcilerRepairs: number;
    readonly leasesLost: number;
    /** Times that an instance could not go on, because a large value of it could not be read. */
    readonly instancesHeldUp: number;
    /** Events received here: all, those known already, those that no filter lets pass, and the others. */
    readonly eventsReceived: number;
    readonly eventsDuplicate: number;
    readonly eventsUnmatched: number;
    readonly eventsMatched: number;
    /** Sent to an instance or a schedule that waits; and of those, not taken by it. */
    readonly eventsDelivered: number;
    readonly eventsRefused: number;
  };
  readonly gauges: {
    readonly partitionsOwned: number;
    /** Commands waiting to be decided. */
    readonly queuedCommands: number;
    readonly inFlightCommits: number;
    readonly activitiesRunning: number;
    readonly activitiesQueued: number;
    readonly timersLoaded: number;
    readonly hotInstances: number;
    readonly hotBytes: number;
  };
  /** Since the process started. */
  readonly figures: {
    readonly commitMs: HistogramView;
    /** Transitions of each commit. */
    readonly batchTransitions: HistogramView;
    /** From the time a timer was due until it was taken up. */
    readonly timerLatenessMs: HistogramView;
    /** From the time of a schedule until its instance started. */
    readonly scheduleLatenessMs: HistogramView;
  };
  /** What waits here, as of now. */
  readonly queues: readonly QueueDepth[];
}

export interface QueueDepth {
  /** `commands`: instances whose commands are to be decided; `activities`: to be carried out. */
  readonly queue: "commands" | "activities";
  readonly pool: string;
  readonly priority: number;
  readonly depth: number;
  /** Milliseconds that the first one has waited; 0 where none waits. */
  readonly oldestMs: number;
}

/** What the database holds, as of at most half a minute ago. */
export interface StorageStats {
  /** Commands in the inbox, counted up to 100,000. */
  readonly inboxMessages: number;
  readonly tables: readonly {
    readonly name: string;
    /** PostgreSQL's estimate. */
    readonly rows: number;
    /** With indexes and what is kept apart (TOAST). */
    readonly bytes: number;
  }[];
}
