/** Applies the commands of a schedule in a batch, and gathers what the transaction has to write. */
import {
  type Occasion,
  SCHEDULE_TIMER,
  type ScheduleCommand,
  type ScheduleState,
} from "../scheduler/schedule.ts";
import { decideSchedule } from "../scheduler/decide.ts";
import type { ScheduleDecided, Times } from "../scheduler/decided.ts";
import { bucketOf } from "../events/buckets.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import type { DecideContext, Decided } from "./decide-batch.ts";
import { send } from "./effects.ts";
import { countsOnce, type Entry, type Outcome } from "./entry.ts";
import { bytesOf, LargeValues } from "./large.ts";
import type { ScheduleRow } from "../store/store.ts";
import type { HotSchedule, Slot } from "./slots.ts";

/** A schedule as it stands after the commands of a batch. */
interface Standing {
  readonly state: ScheduleState | undefined;
  /** The row, not counting this batch. */
  readonly row: Pick<ScheduleRow, "revision" | "createdAt"> | undefined;
  /** The time of its timer as the row has it, unless that has fired; and as it is to be. */
  readonly before: number | undefined;
  readonly wakeAt: number | undefined;
}

export function decideScheduleSlot(
  slot: Slot,
  entries: readonly Entry[],
  loaded: HotSchedule | undefined,
  given: DecideContext & { readonly times: Times },
): Decided {
  const { now, times } = given;
  const context = { ...given, large: largeOf(slot, entries, loaded, given) };
  const row = loaded?.row;
  const startsNothing = loaded?.bare === true;
  let state = loaded?.state;
  let last: ScheduleDecided | undefined;
  const fired = entries.some(({ timer }) => timer !== undefined && timer.fireAt === row?.wakeAt);
  const before = fired ? undefined : row?.wakeAt;
  const outcomes: Outcome[] = [];
  for (const entry of entries) {
    if (!consume(entry, context)) {
      outcomes.push({ kind: "ignored" });
      continue;
    }
    const command = entry.command as ScheduleCommand;
    let decided: ScheduleDecided;
    try {
      decided = decideSchedule(slot.id, state, command, { now, times, startsNothing });
    } catch (fault) {
      outcomes.push(breakDown(entry, fault, context));
      continue;
    }
    if (command.kind === "event.delivered" && decided.answer.kind !== "done")
      context.batch.returned.push({ targetId: slot.id, seq: command.seq });
    letOut(slot, (state ?? decided.state)?.tenant ?? "", decided, context);
    outcomes.push(outcomeOf(decided, startsNothing));
    state = decided.state;
    if (decided.changed === true) last = decided;
  }
  const decided = { slot, entries, outcomes, changed: false };
  if (last === undefined) return { ...decided, ...kept(loaded) };
  const standing = { state, row, before, wakeAt: last.wakeAt };
  const written = write(slot, standing, context);
  return { ...decided, ...(startsNothing ? {} : kept(written)), written: written?.size ?? 0 };
}

type ScheduleContext = DecideContext & { readonly large: LargeValues };

function largeOf(
  { id }: Slot,
  brought: readonly Entry[],
  loaded: HotSchedule | undefined,
  { spill, batch }: DecideContext,
): LargeValues {
  const made = brought.flatMap(({ command }) =>
    command.kind === "schedule.put" ? [command.tenant] : [],
  );
  const tenant = loaded?.row.tenant ?? made[0] ?? DEFAULT_TENANT;
  // Nothing but what is referred to already: a value in which another stands for a part is not to be stored.
  const rules = loaded?.bare && spill && { ...spill, accepts: () => false };
  return new LargeValues(rules ?? spill, { id, tenant, held: loaded?.large, brought }, batch);
}

/** What is small is read again when it is needed. */
function kept(schedule: HotSchedule | undefined): Pick<Decided, "schedule"> {
  return schedule === undefined || schedule.large.size === 0 || schedule.bare === true
    ? {}
    : { schedule };
}

function outcomeOf({ answer, state }: ScheduleDecided, bare: boolean): Outcome {
  const kind =
    answer.kind === "missing" ? "missing" : answer.kind === "ignored" ? "ignored" : "applied";
  return { kind, answer, ...(state === undefined || bare ? {} : { schedule: state }) };
}

/** Milliseconds until a schedule whose decision failed, by a fault of ours, is looked at again. */
const AFTER_FAULT = 60_000;

/** Deciding is pure: what failed once fails again. It is not tried in a loop, and not forgotten. */
function breakDown({ instanceId, timer }: Entry, fault: unknown, context: DecideContext): Outcome {
  context.onFault(instanceId, fault);
  if (timer !== undefined)
    context.batch.timers.add(instanceId, timer.timerId, {
      ...timer,
      fireAt: context.now + AFTER_FAULT,
    });
  return { kind: "failed", fault };
}

/** Rows that the command came from go with it. False when it is an event that the batch has brought already. */
function consume(entry: Entry, { batch }: DecideContext): boolean {
  if (entry.message !== undefined && !batch.consume(entry.message, countsOnce(entry))) return false;
  if (entry.timer !== undefined) batch.fire(entry.timer);
  return true;
}

/** How the keys of stretches of times begin, on record; no key of a user's does. */
const STRETCH = "\u0001";

function letOut(
  { id, partition }: Slot,
  tenant: string,
  { starts = [], cancels = [], decisions = [], listens }: ScheduleDecided,
  context: ScheduleContext,
): void {
  const { batch, after, now, mailId, large } = context;
  const sending = { now, mailId, large };
  for (const decision of decisions) {
    const { key: own = "", ...rest } = decision;
    // A stretch does not stand in the way of what becomes of its first time.
    const key = decision.until === undefined ? own : `${STRETCH}${decision.origin}`;
    batch.addDecision({ partition, scheduleId: id, key, ...rest });
  }
  if (listens !== undefined) listen(id, partition, tenant, listens, context);
  for (const { instanceId, occasion, report, spec } of starts) {
    const { workflow, priority } = spec;
    const of = { tenant, ...workflow, version: workflow.version ?? "latest" };
    const { input = spec.input, dueAt, trace } = occasion;
    const schedule = { id, occasion: named(occasion), dueAt, report };
    const start = { kind: "start", instanceId, input, schedule } as const;
    const more = {
      ...(priority === undefined ? {} : { priority }),
      ...(trace === undefined ? {} : { trace }),
    };
    const mail = { command: { ...start, ...more }, workflow: of };
    send(instanceId, mail, sending, batch, after);
  }
  const command = { kind: "cancel", reason: "the schedule starts another" } as const;
  // One decision may start an instance and cancel it for a later time.
  for (const instanceId of cancels) send(instanceId, { command }, sending, batch, after);
}

/** The id of the one subscription of a schedule. */
const SUBSCRIPTION = "on";

/** Events from now on are meant. */
function listen(
  targetId: string,
  partition: number,
  tenant: string,
  listens: NonNullable<ScheduleDecided["listens"]>,
  { batch, now }: DecideContext,
): void {
  if (listens.length === 0) {
    batch.subscriptions.end({ partition, instanceId: targetId, id: SUBSCRIPTION });
    return;
  }
  const distinct = new Set(listens.map(({ filter, keys }) => bucketOf(tenant, filter, keys)));
  const buckets = [...distinct].map((bucket) => ({ bucket, since: now }));
  const row = {
    partition,
    targetId,
    subscriptionId: SUBSCRIPTION,
    kind: "schedule",
    buckets,
  } as const;
  batch.subscriptions.add(targetId, SUBSCRIPTION, row);
}

function named({ origin, nominal, key }: Occasion): Pick<Occasion, "origin" | "nominal" | "key"> {
  return { origin, nominal, ...(key === undefined ? {} : { key }) };
}

/** @returns as it stands once that is committed; undefined when there is none any more */
function write(
  slot: Slot,
  { state, row: loaded, before, wakeAt }: Standing,
  { batch, after, large }: ScheduleContext,
): HotSchedule | undefined {
  const { id, partition } = slot;
  const timer = { partition, instanceId: id, timerId: SCHEDULE_TIMER };
  if (wakeAt !== before) {
    if (before !== undefined)
      batch.timers.end({ partition, instanceId: id, id: SCHEDULE_TIMER, fireAt: before });
    if (wakeAt !== undefined) batch.timers.add(id, SCHEDULE_TIMER, { ...timer, fireAt: wakeAt });
    else after.clearedTimers.push(timer);
  }
  if (state === undefined) {
    if (loaded !== undefined) {
      const { revision, createdAt } = loaded;
      batch.deletedSchedules.push({ partition, id, revision, createdAt });
    }
    return undefined;
  }
  const { tenant, name, spec, paused, createdAt, updatedAt } = state;
  const row = {
    partition,
    id,
    tenant,
    name,
    namespace: spec.workflow.namespace,
    workflow: spec.workflow.name,
    ...(spec.calendars === undefined ? {} : { calendars: spec.calendars }),
    revision: (loaded?.revision ?? 0) + 1,
    paused: paused !== undefined,
    ...(wakeAt === undefined ? {} : { wakeAt }),
    createdAt,
    updatedAt,
  };
  const stated = large.schedule(state);
  const instead = loaded === undefined ? {} : { inPlaceOf: loaded.createdAt };
  batch.schedules.push({ ...row, ...instead, state: stated.text });
  return { row, state, size: stated.text.length + bytesOf(stated.large), large: stated.large };
}
