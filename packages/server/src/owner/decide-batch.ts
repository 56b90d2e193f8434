/** Applies the commands of a batch in memory, and gathers what the transaction has to write. */
import {
  type Command,
  type Decision,
  type Effect,
  type Environment,
  type decide as decideForReal,
  type HistoryEvent,
  isTerminal,
  type StartCommand,
  type State,
} from "@millrace/engine";
import type { Program } from "@millrace/language";
import { isRemote } from "../activities/executor.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import { NONE, type SpillRules } from "../payloads/spill.ts";
import type { WorkflowVersion } from "../store/store.ts";
import { leaveLifecycle, type WantedTypes } from "../outgoing/outbox.ts";
import type { BatchBuilder } from "./builder.ts";
import { type AfterCommit, collect, keepApart, requestOf } from "./effects.ts";
import { deliveryOf } from "./dispatcher.ts";
import { countsOnce, type Entry, type Outcome, type Redeliver } from "./entry.ts";
import { type Committed, joined, type Tracing } from "./facts.ts";
import { faulted } from "./fault.ts";
import { bytesOf, LargeValues } from "./large.ts";
import { headOf, newRow, workflowOf } from "./instance-row.ts";
import type { MailIds } from "./mail-ids.ts";
import { refuseStart, reportEnd, reportExisting, type ReportContext } from "./reports.ts";
import {
  NONE_OPEN,
  OpenDraft,
  openActivity,
  type OpenRequest,
  writeOpen,
} from "./open-activities.ts";
import type { Hot, HotSchedule, Slot } from "./slots.ts";

export interface DecideContext {
  readonly decide: typeof decideForReal;
  readonly environment: Environment;
  readonly now: number;
  readonly partitions: number;
  /** Of a partition this node owns. */
  readonly epochOf: (partition: number) => number;
  readonly randomBytes: () => Uint8Array;
  readonly mailId: MailIds;
  /** The engine threw: a fault of ours, to be logged. */
  readonly onFault: (id: string, fault: unknown, of?: Pick<State, "id" | "trace">) => void;
  readonly programOf: (workflow: WorkflowVersion) => Program | undefined;
  /** Why there is no program. */
  readonly whyNot: (workflow: WorkflowVersion) => string;
  readonly batch: BatchBuilder;
  readonly after: AfterCommit;
  /** True when somebody is to be told what was committed. */
  readonly watched: boolean;
  readonly tracing?: Tracing;
  readonly wanted?: WantedTypes;
  /** Which values are split off; none when absent. */
  readonly spill?: SpillRules;
}

export interface Decided {
  readonly slot: Slot;
  readonly entries: readonly Entry[];
  readonly outcomes: readonly Outcome[];
  /** The state to keep once committed; absent when there is no such instance. */
  readonly hot?: Hot;
  /** The schedule to keep once committed; absent when it is none, or not worth it. */
  readonly schedule?: HotSchedule;
  /** True when the row of an instance is written. */
  readonly changed: boolean;
  /** Characters of that row. */
  readonly written?: number;
  /** For those who watch, if any. */
  readonly told?: Committed;
}

/** What the commands of one slot have in common. */
interface SlotContext {
  readonly given: DecideContext;
  readonly epoch: number;
  readonly open: OpenDraft;
  readonly asked: OpenRequest[];
  readonly large: LargeValues;
  readonly reporting: ReportContext;
}

/** Applies a slot's commands in order. */
export function decideSlot(slot: Slot, entries: readonly Entry[], given: DecideContext): Decided {
  const { batch, now } = given;
  const before = slot.hot;
  const context = slotContext(slot, entries, given);
  const { open, large } = context;
  let hot = before;
  const outcomes: Outcome[] = [];
  const history: HistoryEvent[] = [];
  let nesting: ReadonlyMap<string, string> | undefined;
  for (const entry of entries) {
    if (!consume(entry, context)) {
      outcomes.push({ kind: "ignored" });
      continue;
    }
    const { next, outcome, events, ...more } = applyOne(hot, entry, context);
    if (entry.command.kind === "event.delivered" && outcome.kind !== "applied")
      batch.returned.push({ targetId: slot.id, seq: entry.command.seq });
    for (const event of events) history.push(event);
    nesting = joined(nesting, more.nesting);
    outcomes.push(outcome);
    if (given.wanted !== undefined && next !== undefined && next.state !== hot?.state)
      leaveLifecycle(given.wanted, events, hot?.state, next, given);
    hot = next;
  }
  const changed = hot !== undefined && (hot.state !== before?.state || open.changed);
  if (!changed || hot === undefined)
    return { slot, entries, outcomes, changed: false, ...(hot === undefined ? {} : { hot }) };
  deliver(hot, context);
  const { state } = hot;
  const head = headOf(hot, before, now);
  const stated = large.state(state);
  const row = { ...head, state: stated.text, activities: writeOpen(open.current) };
  if (before === undefined) batch.created.push(row);
  else {
    batch.updated.push(row);
    // Of what has ended only a retry changes anything.
    if (before.row.endedAt !== undefined) batch.revived.push(row);
  }
  batch.history.push({ partition: slot.partition, instanceId: slot.id, ...large.facts(history) });
  if (isTerminal(state.status)) reportEnd(state, context.reporting);
  // What is kept in memory has no text beside what it says.
  const written = row.state.length + (row.activities?.length ?? 0);
  const size = written + bytesOf(stated.large);
  const kept = { state, row: head, open: open.current, size, large: stated.large };
  const decided = { slot, entries, outcomes, changed: true, hot: kept, written };
  if (!given.watched) return decided;
  const workflow = workflowOf(head);
  const told = { workflow, program: given.programOf(workflow), before: before?.state, state };
  return {
    ...decided,
    told: {
      ...told,
      facts: history,
      entries,
      outcomes,
      at: now,
      ...(nesting === undefined ? {} : { nesting }),
    },
  };
}

function slotContext(slot: Slot, entries: readonly Entry[], given: DecideContext): SlotContext {
  const { hot, id } = slot;
  const { batch, after, now, mailId } = given;
  const of = {
    id,
    tenant: hot?.row.tenant ?? entries[0]?.start?.workflow.tenant ?? DEFAULT_TENANT,
    held: hot?.large,
    brought: entries,
  };
  const large = new LargeValues(given.spill, of, batch);
  return {
    given,
    epoch: given.epochOf(slot.partition),
    open: new OpenDraft(hot?.open ?? NONE_OPEN),
    asked: [],
    large,
    reporting: { now, mailId, batch, after, large },
  };
}

/** Lets out what was asked for and not taken back. What outlives its instance (`await: false`) is kept apart. */
function deliver({ state, row }: Hot, { open, asked, given, large }: SlotContext): void {
  const { batch, after } = given;
  const { id: instanceId } = state;
  const background = state.schedule !== undefined;
  const of = { state, partition: row.partition, workflow: workflowOf(row), large };
  for (const request of asked) {
    const { activityId } = request;
    const attempt = open.current.get(activityId)?.attempt;
    if (attempt === undefined && !batch.activities.has(instanceId, activityId)) continue;
    const { partition } = of;
    const row = isRemote(request) ? batch.activities.get(instanceId, activityId) : undefined;
    const delivery =
      row === undefined
        ? {
            partition,
            instanceId,
            activityId,
            attempt: attempt ?? 1,
            request: requestOf(request, of),
          }
        : deliveryOf(row);
    after.deliveries.push({ ...delivery, background });
  }
  if (!isTerminal(state.status)) return;
  for (const activity of open.current.values()) {
    open.delete(activity.request.activityId);
    keepApart(activity, of, batch);
  }
}

/** Rows that the command came from go with it. False when it is an event that the batch has brought already. */
function consume(entry: Entry, { given: { batch }, open }: SlotContext): boolean {
  if (entry.activity !== undefined && !open.delete(entry.activity.id))
    batch.activities.end(entry.activity);
  if (entry.message !== undefined && !batch.consume(entry.message, countsOnce(entry))) return false;
  if (entry.timer !== undefined) batch.fire(entry.timer);
  if (entry.command.kind === "child.finished") {
    const { partition, instanceId } = entry;
    batch.children.end({ partition, instanceId, id: entry.command.childId });
  }
  return true;
}

/**
 * The engine took a firing for the end of the wait, so the timer goes at whatever time its row has: a firing that was tried
 * before may be of the same timer as it was until it was set anew.
 */
function endFired({ timer }: Entry, { batch, after }: DecideContext): void {
  if (timer === undefined) return;
  const { partition, instanceId, timerId } = timer;
  batch.timers.end({ partition, instanceId, id: timerId });
  after.clearedTimers.push({ instanceId, timerId });
}

interface Applied {
  readonly next: Hot | undefined;
  readonly outcome: Outcome;
  readonly events: readonly HistoryEvent[];
  readonly nesting?: ReadonlyMap<string, string>;
}

function applyOne(hot: Hot | undefined, entry: Entry, context: SlotContext): Applied {
  const { start } = entry;
  // A slot is an instance's or a schedule's, and its entries with it.
  const command = entry.command as Command | Redeliver;
  if (command.kind === "redeliver") return redeliver(hot, context);
  if (command.kind === "start") {
    if (hot !== undefined) {
      reportExisting(entry, command, hot.state, context.reporting);
      return { next: hot, outcome: { kind: "exists", state: hot.state }, events: [] };
    }
    if (start === undefined) throw new Error(`start of ${entry.instanceId} names no workflow`);
    return startOne(entry, command, start.workflow, context);
  }
  if (hot === undefined) return { next: hot, outcome: { kind: "missing" }, events: [] };
  const workflow = workflowOf(hot.row);
  let decision: Decision;
  try {
    decision = runDecide(workflow, hot.state, command, context.given);
  } catch (fault) {
    if (isTerminal(hot.state.status)) return leaveEnded(hot, fault, context.given);
    return breakDown(hot, fault, context.given);
  }
  const { state, events, applied, effects, nesting, refusal } = decision;
  if (applied && entry.tries !== undefined) endFired(entry, context.given);
  letOut(effects, state, entry.partition, workflow, context);
  const why = refusal === undefined ? {} : { refusal };
  const outcome: Outcome = { kind: applied ? "applied" : "ignored", state, ...why };
  const { row, open, size, large } = hot;
  const next = { state, row, open, size, large };
  return { next, outcome, events, ...(nesting === undefined ? {} : { nesting }) };
}

function letOut(
  effects: readonly Effect[],
  state: State,
  partition: number,
  workflow: WorkflowVersion,
  { given, epoch, open, asked, large }: SlotContext,
): void {
  if (effects.length === 0) return;
  const { partitions, now, randomBytes, mailId, batch, after, tracing } = given;
  const of = {
    state,
    partition,
    workflow,
    epoch,
    open,
    asked,
    large,
    partitions,
    now,
    randomBytes,
    mailId,
    ...(tracing === undefined ? {} : { tracing }),
  };
  for (const effect of effects) collect(effect, of, batch, after);
}

/** What an earlier owner delivered is lost with it: once more, one attempt higher. */
function redeliver(hot: Hot | undefined, { open, asked, epoch }: SlotContext): Applied {
  if (hot === undefined) return { next: hot, outcome: { kind: "missing" }, events: [] };
  const lost = [...open.current.values()].filter((activity) => activity.epoch < epoch);
  for (const { request, attempt } of lost) {
    open.set(openActivity(request, attempt + 1, epoch));
    asked.push(request);
  }
  const kind = lost.length > 0 ? "applied" : "ignored";
  return { next: hot, outcome: { kind, state: hot.state }, events: [] };
}

function startOne(
  entry: Entry,
  command: StartCommand,
  workflow: WorkflowVersion,
  context: SlotContext,
): Applied {
  const { given } = context;
  const program = given.programOf(workflow);
  if (program === undefined) {
    refuseStart(entry, given.whyNot(workflow), context.reporting);
    return { next: undefined, outcome: { kind: "missing" }, events: [] };
  }
  let decision: Decision;
  try {
    decision = runDecide(workflow, undefined, command, given);
  } catch (fault) {
    const { instanceId: id, trace } = command;
    given.onFault(id, fault, { id, ...(trace && { trace }) });
    refuseStart(entry, `the engine failed: ${messageOf(fault)}`, context.reporting);
    return { next: undefined, outcome: { kind: "failed", fault }, events: [] };
  }
  const { state, events, effects, nesting } = decision;
  letOut(effects, state, entry.partition, workflow, context);
  if (entry.start?.key !== undefined) given.batch.keys.push(entry.start.key);
  const row = newRow(state, entry.partition, workflow, given.now);
  const next = { state, row, open: NONE_OPEN, size: 0, large: NONE };
  const outcome = { kind: "applied", state } as const;
  return { next, outcome, events, ...(nesting === undefined ? {} : { nesting }) };
}

/** Deciding is pure: what failed once fails again, so the instance ends instead of being tried for ever. */
function breakDown(hot: Hot, fault: unknown, context: DecideContext): Applied {
  context.onFault(hot.state.id, fault, hot.state);
  const { state, event } = faulted(
    hot.state,
    `the engine failed: ${messageOf(fault)}`,
    context.now,
  );
  // No effect of the engine's will take them back.
  context.batch.endedTargets.push(state.id);
  return { next: { ...hot, state }, outcome: { kind: "applied", state }, events: [event] };
}

/** A retry at which the engine fails: the instance stays as it ended. */
function leaveEnded(hot: Hot, fault: unknown, context: DecideContext): Applied {
  const { state } = hot;
  context.onFault(state.id, fault);
  return { next: hot, outcome: { kind: "failed", fault, state }, events: [] };
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

function runDecide(
  workflow: WorkflowVersion,
  state: State | undefined,
  command: Command,
  context: DecideContext,
): Decision {
  const program = context.programOf(workflow);
  if (program === undefined) throw new Error(context.whyNot(workflow));
  return context.decide(program, state, command, context.environment);
}
