/** Applies the commands of a schedule in a batch, and gathers what the transaction has to write. */
import type { Occasion, ScheduleCommand, ScheduleState } from "../scheduler/schedule.ts";
import { SCHEDULE_TIMER } from "../scheduler/schedule.ts";
import { decideSchedule } from "../scheduler/decide.ts";
import type { ScheduleDecided, Times } from "../scheduler/decided.ts";
import type { ScheduleRow } from "../store/store.ts";
import type { DecideContext, Decided } from "./decide-batch.ts";
import { send } from "./effects.ts";
import type { Entry, Outcome } from "./entry.ts";
import type { Slot } from "./slots.ts";

/** A schedule as it stands after the commands of a batch. */
interface Standing {
  readonly state: ScheduleState | undefined;
  /** Of the row, not counting this batch; 0 when there is none. */
  readonly revision: number;
  readonly wakeAt: number | undefined;
}

export function decideScheduleSlot(
  slot: Slot,
  entries: readonly Entry[],
  row: ScheduleRow | undefined,
  context: DecideContext & { readonly times: Times },
): Decided {
  const { now, times } = context;
  let state = row === undefined ? undefined : (JSON.parse(row.state) as ScheduleState);
  let last: ScheduleDecided | undefined;
  const outcomes: Outcome[] = [];
  for (const entry of entries) {
    consume(entry, context);
    const command = entry.command as ScheduleCommand;
    const decided = decideSchedule(slot.id, state, command, { now, times });
    letOut(slot, (state ?? decided.state)?.tenant ?? "", decided, context);
    outcomes.push(outcomeOf(decided));
    state = decided.state;
    if (decided.changed === true) last = decided;
  }
  if (last !== undefined)
    write(slot, { state, revision: row?.revision ?? 0, wakeAt: last.wakeAt }, context);
  return { slot, entries, outcomes, changed: false };
}

function outcomeOf({ answer, state }: ScheduleDecided): Outcome {
  const kind =
    answer.kind === "missing" ? "missing" : answer.kind === "ignored" ? "ignored" : "applied";
  return { kind, answer, ...(state === undefined ? {} : { schedule: state }) };
}

/** Rows that the command came from go with it. */
function consume(entry: Entry, { batch }: DecideContext): void {
  if (entry.message !== undefined) batch.consumed.push(entry.message);
  if (entry.timer === undefined) return;
  const { partition, instanceId, timerId, fireAt } = entry.timer;
  batch.timers.end({ partition, instanceId, id: timerId, fireAt });
  batch.latestDue = Math.max(batch.latestDue, fireAt);
}

function letOut(
  { id, partition }: Slot,
  tenant: string,
  { starts = [], cancels = [], decisions = [] }: ScheduleDecided,
  context: DecideContext,
): void {
  const { batch, after } = context;
  for (const decision of decisions) {
    const { key = "", ...rest } = decision;
    batch.addDecision({ partition, scheduleId: id, key, ...rest });
  }
  const command = { kind: "cancel", reason: "the schedule starts another" } as const;
  for (const instanceId of cancels) send(instanceId, { command }, context, batch, after);
  for (const { instanceId, occasion, report, spec } of starts) {
    const { workflow, priority } = spec;
    const of = { tenant, ...workflow, version: workflow.version ?? "latest" };
    const { input = spec.input, dueAt } = occasion;
    const schedule = { id, occasion: named(occasion), dueAt, report };
    const start = { kind: "start", instanceId, input, schedule } as const;
    const mail = { command: priority === undefined ? start : { ...start, priority }, workflow: of };
    send(instanceId, mail, context, batch, after);
  }
}

function named({ origin, nominal, key }: Occasion): Pick<Occasion, "origin" | "nominal" | "key"> {
  return { origin, nominal, ...(key === undefined ? {} : { key }) };
}

function write(slot: Slot, { state, revision, wakeAt }: Standing, context: DecideContext): void {
  const { batch, after } = context;
  const { id, partition } = slot;
  const timer = { partition, instanceId: id, timerId: SCHEDULE_TIMER };
  if (state === undefined || wakeAt === undefined) {
    batch.timers.end({ partition, instanceId: id, id: SCHEDULE_TIMER });
    after.clearedTimers.push(timer);
  } else batch.timers.add(id, SCHEDULE_TIMER, { ...timer, fireAt: wakeAt });
  if (state === undefined) {
    if (revision > 0) batch.deletedSchedules.push({ partition, id, revision });
    return;
  }
  const { tenant, name, spec, paused, next, createdAt, updatedAt } = state;
  batch.schedules.push({
    partition,
    id,
    tenant,
    name,
    namespace: spec.workflow.namespace,
    workflow: spec.workflow.name,
    revision: revision + 1,
    paused: paused !== undefined,
    ...(next === undefined ? {} : { nextAt: next.nominal }),
    state: JSON.stringify(state),
    createdAt,
    updatedAt,
  });
}
