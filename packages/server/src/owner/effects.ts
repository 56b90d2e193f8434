/** Turns the effects of a decision into rows to write and work to let out after the commit. */
import type { Command, Effect, State } from "@millrace/engine";
import type { JsonObject } from "@millrace/language";
import { DEFAULT_PRIORITY, newId, partitionOf } from "@millrace/protocol";
import { childInstanceId } from "../cluster/placement.ts";
import { withoutRefs } from "../payloads/spill.ts";
import type { TimerRow, WorkflowVersion } from "../store/store.ts";
import type { ScheduleCommand } from "../scheduler/schedule.ts";
import type { BatchBuilder } from "./builder.ts";
import type { Delivery } from "./dispatcher.ts";
import { leavingContext, type Tracing } from "./facts.ts";
import type { LargeValues } from "./large.ts";
import type { MailIds } from "./mail-ids.ts";
import {
  fits,
  type OpenActivity,
  type OpenDraft,
  openActivity,
  type OpenRequest,
} from "./open-activities.ts";
import { setSubscription } from "./subscriptions.ts";

/** What leaves once the batch is durable. */
export interface AfterCommit {
  readonly deliveries: Delivery[];
  /** What activities brought and their instances have dealt with. */
  readonly next: {
    readonly instanceId: string;
    readonly activityId: string;
    readonly itemId: string;
  }[];
  readonly cancelled: { readonly instanceId: string; readonly activityId: string }[];
  readonly clearedTimers: { readonly instanceId: string; readonly timerId: string }[];
  /** Partitions whose inbox got something. */
  readonly mail: Set<number>;
  /** Partitions of instances that have begun to wait for events. */
  readonly looks: Set<number>;
}

export function nothingAfter(): AfterCommit {
  const [mail, looks] = [new Set<number>(), new Set<number>()];
  return { deliveries: [], next: [], cancelled: [], clearedTimers: [], mail, looks };
}

/** All that leaves after a commit: of what a batch asked for and took back, nothing. */
export interface LetOut extends AfterCommit {
  readonly timers: readonly TimerRow[];
  /** True when events are on their way out. */
  readonly outbox: boolean;
}

export interface EffectContext {
  readonly state: State;
  readonly partition: number;
  readonly partitions: number;
  readonly workflow: WorkflowVersion;
  readonly epoch: number;
  readonly open: OpenDraft;
  /** Activities asked for by this batch. */
  readonly asked: OpenRequest[];
  readonly large: LargeValues;
  readonly now: number;
  readonly randomBytes: () => Uint8Array;
  readonly mailId: MailIds;
  readonly tracing?: Tracing;
}

/** An inbox message as stored: the command, and for a start the workflow. */
export interface Mail {
  readonly command: Command | ScheduleCommand;
  /** It is for a schedule. */
  readonly schedule?: true;
  readonly workflow?: WorkflowVersion;
}

export function collect(
  effect: Effect,
  context: EffectContext,
  batch: BatchBuilder,
  after: AfterCommit,
): void {
  const { partition, state } = context;
  const instanceId = state.id;
  switch (effect.kind) {
    case "activity.schedule":
      return schedule(effect, context, batch);
    case "activity.next": {
      const { activityId, itemId } = effect;
      after.next.push({ instanceId, activityId, itemId });
      return;
    }
    case "activity.cancel":
      if (!context.open.delete(effect.activityId))
        batch.activities.end({ partition, instanceId, id: effect.activityId });
      after.cancelled.push({ instanceId, activityId: effect.activityId });
      return;
    case "timer.set": {
      const row: TimerRow = { partition, instanceId, timerId: effect.timerId, fireAt: effect.at };
      batch.timers.add(instanceId, effect.timerId, row);
      return;
    }
    case "timer.clear":
      batch.timers.end({ partition, instanceId, id: effect.timerId });
      after.clearedTimers.push({ instanceId, timerId: effect.timerId });
      return;
    case "child.start":
      return startChild(effect, context, batch, after);
    case "child.cancel": {
      const child = childInstanceId(instanceId, effect.childId, context.partitions);
      batch.children.end({ partition, instanceId, id: effect.childId });
      send(
        child,
        { command: { kind: "cancel", reason: "the parent no longer waits" } },
        context,
        batch,
        after,
      );
      return;
    }
    case "event.emit":
      return emit(effect, context, batch);
    case "subscription.set":
      after.looks.add(partition);
      return setSubscription(effect, context, batch);
    case "subscription.clear":
      return batch.subscriptions.end({ partition, instanceId, id: effect.subscriptionId });
    case "event.returned":
      for (const seq of effect.seqs) batch.returned.push({ targetId: instanceId, seq });
      return;
  }
}

function schedule(
  effect: Extract<Effect, { kind: "activity.schedule" }>,
  context: EffectContext,
  batch: BatchBuilder,
): void {
  const { epoch, open, asked, large } = context;
  const { kind: _, ...request } = effect;
  asked.push(request);
  if (large.mentions(request)) return keepApart({ request, attempt: 1 }, context, batch);
  const activity = openActivity(request, 1, epoch);
  if (fits(open.current, activity)) open.set(activity);
  else keepApart(activity, context, batch);
}

/** Writes an activity as a row of its own. */
export function keepApart(
  { request, attempt }: Pick<OpenActivity, "request" | "attempt">,
  of: Pick<EffectContext, "state" | "partition" | "workflow" | "large">,
  batch: BatchBuilder,
): void {
  const { partition } = of;
  const { activityId, type } = request;
  const instanceId = of.state.id;
  const text = of.large.request(requestOf(request, of));
  const row = { partition, instanceId, activityId, attempt, type, request: text };
  batch.activities.add(instanceId, activityId, row);
}

/** What the executor is given. */
export function requestOf(
  request: OpenRequest,
  { state, workflow }: Pick<EffectContext, "state" | "workflow">,
): Delivery["request"] {
  const { tenant, namespace, name, version } = workflow;
  const { priority, trace } = state;
  return {
    tenant,
    instanceId: state.id,
    workflow: { namespace, name, version },
    priority,
    ...request,
    ...(trace === undefined ? {} : { trace }),
  };
}

function startChild(
  effect: Extract<Effect, { kind: "child.start" }>,
  context: EffectContext,
  batch: BatchBuilder,
  after: AfterCommit,
): void {
  const { state, partition, workflow } = context;
  const child = childInstanceId(state.id, effect.childId, context.partitions);
  const { namespace, name, version, childId, depth } = effect;
  if (!effect.detached)
    batch.children.add(state.id, childId, {
      partition,
      parentId: state.id,
      childId,
      childInstanceId: child,
    });
  const parent = effect.detached ? {} : { parent: { instanceId: state.id, childId, depth } };
  const { priority = DEFAULT_PRIORITY } = state;
  const { input } = effect;
  const trace = leavingContext(context.tracing, state, childId);
  const command = {
    kind: "start",
    instanceId: child,
    input,
    // What its parent waits for is as urgent as the parent, whatever the workflow says by itself.
    priority,
    ...parent,
    ...(trace === undefined ? {} : { trace }),
  } as const;
  const of = { tenant: workflow.tenant, namespace, name, version };
  send(child, { command, workflow: of }, context, batch, after);
}

/** Leaves a command for an instance in its partition's inbox. */
export function send(
  to: string,
  mail: Mail,
  { now, mailId, large }: Pick<EffectContext, "now" | "mailId" | "large">,
  batch: BatchBuilder,
  after: AfterCommit,
): void {
  const partition = partitionOf(to);
  const id = mailId(partition, now);
  batch.sent.push({ partition, id, instanceId: to, command: large.mail(to, mail) });
  after.mail.add(partition);
}

function emit(
  { event: given, occurrence }: Extract<Effect, { kind: "event.emit" }>,
  { state, partition, workflow, now, randomBytes, tracing, large }: EffectContext,
  batch: BatchBuilder,
): void {
  // CloudEvents "Distributed Tracing" extension; what the author gave stays.
  const event: JsonObject = withoutRefs({
    ...leavingContext(tracing, state, occurrence),
    ...given,
  });
  // A column holds no NUL; the event itself is JSON, where it is escaped.
  const text = (value: unknown): string =>
    (typeof value === "string" ? value : JSON.stringify(value)).replaceAll("\0", "\uFFFD");
  const json = JSON.stringify(event);
  const { tenant, namespace, name } = workflow;
  const of = { partition, tenant, instanceId: state.id, namespace, name };
  batch.outbox.push({ ...of, emitted: true, event: json });
  const id = newId(partition, now, randomBytes());
  batch.events.push({
    partition,
    id,
    tenant,
    direction: "emitted",
    source: text(event["source"]),
    eventId: text(event["id"]),
    type: text(event["type"]),
    event: large.event(id, event, json),
    instanceId: state.id,
    at: now,
  });
}
