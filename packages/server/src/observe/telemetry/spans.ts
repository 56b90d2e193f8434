/**
 * Spans as plain data: of an instance, its tasks and the events it took, from what one commit says of it; and of an attempt of
 * an activity. No attribute holds an input, an output, a header or the text of an error: what is here is the definition's and
 * Millrace's own.
 *
 *   instance ─┬─ task ─┬─ task …            nested as the tasks are
 *             │        ├─ attempt           a client's span: one for each delivery
 *             │        └─ instance (child)
 *             └─ event taken ┄┄ link ┄┄▶ span of whoever sent it
 */
import type { HistoryEvent, State } from "@millrace/engine";
import type { ActivityRequest } from "../../activities/executor.ts";
import type { Committed } from "../../owner/facts.ts";
import { taskType } from "../task-metrics.ts";
import { errorKind } from "./error-kind.ts";
import { eventSpanId, instanceSpanId, taskSpanId } from "./ids.ts";
import { parseTraceparent, type SpanReference } from "./trace-context.ts";

export interface Trace {
  readonly traceId: string;
  readonly sampled: boolean;
  readonly callerSpanId?: string;
  readonly tracestate?: string;
}

export interface SpanData {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** True when the parent is not one of ours. */
  readonly remote?: boolean;
  readonly tracestate?: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "consumer";
  /** Epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly links?: readonly SpanReference[];
}

const TASK_ENDS = {
  "task.completed": "completed",
  "task.faulted": "faulted",
  "task.cancelled": "cancelled",
} as const;
const INSTANCE_ENDS = {
  "workflow.completed": "completed",
  "workflow.faulted": "faulted",
  "workflow.cancelled": "cancelled",
} as const;
type TaskEnd = Extract<HistoryEvent, { readonly kind: keyof typeof TASK_ENDS }>;
type InstanceEnd = Extract<HistoryEvent, { readonly kind: keyof typeof INSTANCE_ENDS }>;
type Started = Extract<HistoryEvent, { readonly kind: "task.started" }>;

/** How many spans a commit is good for. */
export function countSpans({ facts }: Pick<Committed, "facts">): number {
  return facts.filter(({ kind }) => kind in TASK_ENDS || kind in INSTANCE_ENDS).length;
}

/** What has ended with this commit. */
export function* spansOf(committed: Committed, trace: Trace): Iterable<SpanData> {
  const { facts, state } = committed;
  const started = new Map<string, Started>();
  for (const fact of facts) {
    switch (fact.kind) {
      case "task.started":
        started.set(fact.occurrence, fact);
        break;
      case "task.completed":
      case "task.faulted":
      case "task.cancelled":
        yield taskSpan(fact, committed, trace, started);
        break;
      case "workflow.completed":
      case "workflow.faulted":
      case "workflow.cancelled":
        yield instanceSpan(fact, committed, trace);
        break;
      default:
        break;
    }
  }
  yield* eventSpans(committed, { ...trace, callerSpanId: instanceSpanId(state.id) });
}

function taskSpan(
  fact: TaskEnd,
  committed: Committed,
  trace: Trace,
  started: ReadonlyMap<string, Started>,
): SpanData {
  const { before, state, program } = committed;
  const { occurrence, task, at } = fact;
  const node = program?.nodes.get(task);
  const frame = before?.frames[occurrence];
  const name = node?.name ?? task.slice(task.lastIndexOf("/") + 1);
  return {
    ...idsOf(trace),
    spanId: taskSpanId(state.id, occurrence),
    parentSpanId: parentOf(occurrence, committed, started),
    name,
    kind: "internal",
    start: frame?.startedAt ?? started.get(occurrence)?.at ?? at,
    end: at,
    failed: fact.kind === "task.faulted",
    attributes: {
      "millrace.instance.id": state.id,
      "millrace.task.name": name,
      "millrace.task.reference": task,
      "millrace.task.type": taskType(node),
      "millrace.task.occurrence": occurrence,
      "millrace.task.outcome": TASK_ENDS[fact.kind],
      ...(frame?.kind === "try" ? { "millrace.task.attempts": frame.attempt } : {}),
      ...(fact.kind === "task.faulted" ? { "error.type": errorKind(fact.error.type) } : {}),
    },
  };
}

/**
 * The span of the task around: frames without a task of their own (a list's root, what extensions wrap) are passed over. A
 * frame that came and went within the commit stands in neither state; then the decision's word counts.
 */
function parentOf(
  occurrence: string,
  { before, state, nesting }: Committed,
  started: ReadonlyMap<string, Started>,
): string {
  const above = (id: string): string | undefined =>
    nesting?.get(id) ?? before?.frames[id]?.parent ?? state.frames[id]?.parent;
  for (let id = above(occurrence); id !== undefined; id = above(id)) {
    const frame = before?.frames[id] ?? state.frames[id];
    const isTask = frame === undefined ? started.has(id) : !NO_TASK.has(frame.kind);
    if (isTask) return taskSpanId(state.id, id);
  }
  return instanceSpanId(state.id);
}
const NO_TASK: ReadonlySet<string> = new Set(["root", "extended"]);

function instanceSpan(fact: InstanceEnd, { state, workflow }: Committed, trace: Trace): SpanData {
  const { namespace, name, version, tenant } = workflow;
  const called = trace.callerSpanId !== undefined && state.parent === undefined;
  return {
    ...idsOf(trace),
    spanId: instanceSpanId(state.id),
    ...(trace.callerSpanId === undefined ? {} : { parentSpanId: trace.callerSpanId }),
    remote: called,
    name: `${namespace}/${name}`,
    kind: called ? "server" : "internal",
    start: state.startedAt,
    end: fact.at,
    failed: fact.kind === "workflow.faulted",
    attributes: {
      "millrace.tenant": tenant,
      "millrace.instance.id": state.id,
      "millrace.instance.status": INSTANCE_ENDS[fact.kind],
      "millrace.workflow.namespace": namespace,
      "millrace.workflow.name": name,
      "millrace.workflow.version": version,
      ...parentAttribute(state),
      ...(fact.kind === "workflow.faulted" ? { "error.type": errorKind(fact.error.type) } : {}),
    },
  };
}

function parentAttribute({ parent }: State): Record<string, string> {
  return parent === undefined ? {} : { "millrace.instance.parent": parent.instanceId };
}

/** Events that a `listen` took and that say of which span they are. */
function* eventSpans(
  { entries, outcomes, state, at }: Committed,
  trace: Trace,
): Iterable<SpanData> {
  for (const [index, { command }] of entries.entries()) {
    if (command.kind !== "event.delivered" || outcomes[index]?.kind !== "applied") continue;
    const link = parseTraceparent(command.event["traceparent"]);
    if (link === undefined) continue;
    yield {
      ...idsOf(trace),
      spanId: eventSpanId(state.id, command.seq),
      ...(trace.callerSpanId === undefined ? {} : { parentSpanId: trace.callerSpanId }),
      name: "event",
      kind: "consumer",
      start: at,
      end: at,
      failed: false,
      attributes: { "millrace.instance.id": state.id },
      links: [link],
    };
  }
}

export interface Attempt {
  readonly began: number;
  readonly ended: number;
  readonly outcome: "completed" | "failed" | "cancelled";
  /** The type of the error, when there was one. */
  readonly error: string | undefined;
}

/** @param spanId of this attempt */
export function attemptSpan(
  request: ActivityRequest,
  trace: Trace,
  spanId: string,
  { began, ended, outcome, error }: Attempt,
): SpanData {
  const { instanceId, activityId, attempt, type, name, reference } = request;
  return {
    ...idsOf(trace),
    spanId,
    parentSpanId: taskSpanId(instanceId, activityId),
    name: `${type} ${name}`,
    kind: "client",
    start: began,
    end: ended,
    failed: outcome === "failed",
    attributes: {
      "millrace.tenant": request.tenant,
      "millrace.instance.id": instanceId,
      "millrace.task.name": name,
      "millrace.task.reference": reference,
      "millrace.task.occurrence": activityId,
      "millrace.activity.type": type,
      "millrace.activity.attempt": attempt,
      "millrace.activity.outcome": outcome,
      ...(outcome === "failed" ? { "error.type": errorKind(error) } : {}),
    },
  };
}

function idsOf({ traceId, tracestate }: Trace): Pick<SpanData, "traceId" | "tracestate"> {
  return tracestate === undefined ? { traceId } : { traceId, tracestate };
}
