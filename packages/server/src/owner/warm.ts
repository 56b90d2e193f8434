/** What a batch is decided on and is not in memory: states, programs, schedules. */
import {
  type OwnerStore,
  type ScheduleRow,
  StoreError,
  type WorkflowVersion,
} from "../store/store.ts";
import { type Cold, coldOf, hotOf, type Lacking, lackingOf } from "./cold.ts";
import { type Entry, isFresh, leaveOutConsumed } from "./entry.ts";
import { workflowOf } from "./instance-row.ts";
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
  /** Whose large values are still to be loaded: they are not decided in this batch. */
  readonly lacking: readonly Lacking[];
}

/** @throws {StoreError} `unavailable`: nothing was decided */
export async function warm(
  taken: readonly Taken[],
  store: Pick<OwnerStore, "loadInstances" | "loadSchedules" | "unconsumed">,
  slots: Slots,
  programs: Programs,
): Promise<Warm> {
  try {
    const [schedules, cold] = await Promise.all([
      loadSchedules(taken, store),
      loadStates(taken, store),
    ]);
    await leaveOutConsumed(taken, store);
    const lacking = taken.flatMap((each) => {
      const { slot, entries } = each;
      const row = cold.get(slot.id);
      const of = slot.hot?.row ?? row?.row ?? entries[0]?.start?.workflow ?? schedules.get(slot.id);
      return lackingOf(each, row, of?.tenant) ?? [];
    });
    const left = new Set(lacking.map((each) => each.taken));
    for (const each of taken) {
      const row = cold.get(each.slot.id);
      if (row !== undefined && !left.has(each)) slots.setHot(each.slot, hotOf(row));
    }
    return { schedules, lacking, programs: await loadPrograms(taken, programs) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new StoreError("unavailable", `nothing was decided: ${detail}`, error);
  }
}

async function loadStates(
  taken: readonly Taken[],
  store: Pick<OwnerStore, "loadInstances">,
): Promise<ReadonlyMap<string, Cold>> {
  const cold = taken.filter(
    ({ slot, entries }) =>
      slot.hot === undefined && !isFresh(entries) && entries[0]?.schedule !== true,
  );
  if (cold.length === 0) return new Map();
  const rows = await store.loadInstances(cold.map(({ slot }) => slot.id));
  return new Map(rows.map((row) => [row.id, coldOf(row)]));
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
