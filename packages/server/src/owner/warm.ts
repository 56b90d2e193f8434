/** What a batch is decided on and is not in memory: states, programs, schedules. */
import { type OwnerStore, StoreError, type WorkflowVersion } from "../store/store.ts";
import {
  bareScheduleOf,
  type Cold,
  coldOf,
  type ColdSchedule,
  hotOf,
  hotScheduleOf,
  type Lacking,
  lackingOf,
} from "./cold.ts";
import { type Entry, isFresh, leaveOutConsumed, needsNoValues } from "./entry.ts";
import { workflowOf } from "./instance-row.ts";
import { BatchPrograms, type Programs } from "./programs.ts";
import type { HotSchedule, Slot, Slots } from "./slots.ts";

/** The commands of an instance or of a schedule, in a batch. */
export interface Taken {
  readonly slot: Slot;
  readonly entries: Entry[];
}

export interface Warm {
  readonly programs: BatchPrograms;
  readonly schedules: ReadonlyMap<string, HotSchedule>;
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
    const [read, cold] = await Promise.all([loadSchedules(taken, store), loadStates(taken, store)]);
    await leaveOutConsumed(taken, store);
    const lacking = taken.flatMap((each) => {
      const { slot, entries } = each;
      if (goesBare(each)) return [];
      const [row, schedule] = [cold.get(slot.id), read.get(slot.id)];
      const known = slot.hot ?? slot.schedule ?? row ?? schedule;
      const of = known?.row ?? entries[0]?.start?.workflow;
      return lackingOf(each, { cold: row, schedule }, of?.tenant) ?? [];
    });
    const left = new Set(lacking.map((each) => each.taken));
    for (const each of taken) {
      const row = cold.get(each.slot.id);
      if (row !== undefined && !left.has(each)) slots.setHot(each.slot, hotOf(row));
    }
    return {
      schedules: schedulesOf(taken, read),
      lacking,
      programs: await loadPrograms(taken, programs),
    };
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

/**
 * Schedules without large values are not kept in memory: one is asked for once in a while, and a batch asks for all of its own
 * at once.
 */
async function loadSchedules(
  taken: readonly Taken[],
  store: Pick<OwnerStore, "loadSchedules">,
): Promise<ReadonlyMap<string, ColdSchedule>> {
  const asked = taken.filter(
    ({ slot, entries }) => entries[0]?.schedule === true && slot.schedule === undefined,
  );
  if (asked.length === 0) return new Map();
  const rows = await store.loadSchedules(asked.map(({ slot }) => slot.id));
  return new Map(rows.map((row) => [row.id, coldOf(row)]));
}

/** True when commands of it are to go without the large values that hold up the others. */
export function goesBare({ slot, entries }: Taken): boolean {
  return slot.bare === true && entries.some(needsNoValues);
}

/** Those that are whole, or go without. */
function schedulesOf(
  taken: readonly Taken[],
  read: ReadonlyMap<string, ColdSchedule>,
): Warm["schedules"] {
  const schedules = new Map<string, HotSchedule>();
  for (const [id, cold] of read)
    if (cold.parted === undefined) schedules.set(id, hotScheduleOf(cold));
  for (const each of taken) {
    const { id, schedule } = each.slot;
    const cold = read.get(id);
    if (schedule !== undefined) schedules.set(id, schedule);
    else if (cold?.parted !== undefined && goesBare(each)) schedules.set(id, bareScheduleOf(cold));
  }
  return schedules;
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
