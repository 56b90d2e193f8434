/** What a batch is decided on and is not in memory: states, programs, schedules. */
import {
  type OwnerStore,
  type ScheduleRow,
  StoreError,
  type WorkflowVersion,
} from "../store/store.ts";
import { hotOf, workflowOf } from "./decide-batch.ts";
import { type Entry, isFresh, leaveOutConsumed } from "./entry.ts";
import { BatchPrograms, type Programs } from "./programs.ts";
import type { Slot, Slots } from "./slots.ts";

/** The commands of an instance or of a schedule, in a batch. */
export interface Taken {
  readonly slot: Slot;
  readonly entries: Entry[];
}

export interface Warm {
  readonly programs: BatchPrograms;
  readonly schedules: ReadonlyMap<string, ScheduleRow>;
}

/** @throws {StoreError} `unavailable`: nothing was decided */
export async function warm(
  taken: readonly Taken[],
  store: Pick<OwnerStore, "loadInstances" | "loadSchedules" | "unconsumed">,
  slots: Slots,
  programs: Programs,
): Promise<Warm> {
  try {
    const [schedules] = await Promise.all([
      loadSchedules(taken, store),
      loadStates(taken, store, slots),
    ]);
    await leaveOutConsumed(taken, store);
    return { schedules, programs: await loadPrograms(taken, programs) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new StoreError("unavailable", `nothing was decided: ${detail}`, error);
  }
}

async function loadStates(
  taken: readonly Taken[],
  store: Pick<OwnerStore, "loadInstances">,
  slots: Slots,
): Promise<void> {
  const cold = taken.filter(
    ({ slot, entries }) =>
      slot.hot === undefined && !isFresh(entries) && entries[0]?.schedule !== true,
  );
  if (cold.length === 0) return;
  const rows = await store.loadInstances(cold.map(({ slot }) => slot.id));
  const byId = new Map(rows.map((row) => [row.id, row]));
  for (const { slot } of cold) {
    const row = byId.get(slot.id);
    if (row !== undefined) slots.setHot(slot, hotOf(row));
  }
}

/** Schedules are not kept in memory: one is asked for once in a while, and a batch asks for all of its own at once. */
async function loadSchedules(
  taken: readonly Taken[],
  store: Pick<OwnerStore, "loadSchedules">,
): Promise<Warm["schedules"]> {
  const asked = taken.filter(({ entries }) => entries[0]?.schedule === true);
  if (asked.length === 0) return new Map();
  const rows = await store.loadSchedules(asked.map(({ slot }) => slot.id));
  return new Map(rows.map((row) => [row.id, row]));
}

async function loadPrograms(taken: readonly Taken[], known: Programs): Promise<BatchPrograms> {
  const programs = new BatchPrograms();
  const missing: WorkflowVersion[] = [];
  const need = (workflow: WorkflowVersion): void => {
    if (programs.has(workflow)) return;
    const program = known.known(workflow);
    programs.set(workflow, program);
    if (program === undefined) missing.push(workflowOf(workflow));
  };
  for (const { slot, entries } of taken) {
    if (slot.hot !== undefined) need(slot.hot.row);
    for (const { start } of entries) if (start !== undefined) need(start.workflow);
  }
  for (const workflow of missing) programs.set(workflow, await known.get(workflow));
  return programs;
}
