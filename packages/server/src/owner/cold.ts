/** What stands in the database becomes what the owner has in memory: a row a hot state, once it is whole. */
import { loadState } from "@millrace/engine";
import { type Parted, partedOf } from "../payloads/parted.ts";
import { fill, NONE } from "../payloads/spill.ts";
import type { ScheduleState } from "../scheduler/schedule.ts";
import type { InstanceRow, ScheduleRow } from "../store/store.ts";
import { bytesOf } from "./large.ts";
import { readOpen } from "./open-activities.ts";
import type { Hot, HotSchedule } from "./slots.ts";
import type { Taken } from "./warm.ts";

/** A row, with its state as parsed. */
interface ColdRow<Row> {
  readonly row: Row;
  readonly state: object;
  /** Absent when it is whole. */
  readonly parted: Parted | undefined;
}
export type Cold = ColdRow<InstanceRow>;
export type ColdSchedule = ColdRow<ScheduleRow>;

export function coldOf<Row extends { readonly state: string }>(row: Row): ColdRow<Row> {
  const state = JSON.parse(row.state) as object;
  return { row, state, parted: partedOf(state) };
}

/** Of one that is whole. */
export function hotOf({ row: { state: text, activities, ...row }, state, parted }: Cold): Hot {
  const large = parted?.known ?? NONE;
  const size = text.length + (activities?.length ?? 0) + bytesOf(large);
  return { state: loadState(state), row, open: readOpen(activities), size, large };
}

/** Of one that is whole. */
export function hotScheduleOf({
  row: { state: text, ...row },
  state,
  parted,
}: ColdSchedule): HotSchedule {
  const large = parted?.known ?? NONE;
  return { row, state: state as ScheduleState, size: text.length + bytesOf(large), large };
}

/** Of one that is not whole: what stands for a value is known as that is, and is written as the same reference. */
export function bareScheduleOf({
  row: { state: text, ...row },
  ...cold
}: ColdSchedule): HotSchedule {
  const refs = cold.parted?.refs ?? [];
  const places = new Map(refs.map(({ digest }) => [digest, {}]));
  const large = fill(cold.state, refs, (digest) => places.get(digest));
  return { row, state: cold.state as ScheduleState, size: text.length, large, bare: true };
}

/** What a slot lacks to be decided. */
export interface Lacking {
  readonly taken: Taken;
  readonly tenant: string;
  readonly parted: readonly Parted[];
  readonly cold: Cold | undefined;
  readonly schedule: ColdSchedule | undefined;
}

/** @param tenant undefined when there is no such instance: then nobody will look at what its messages bring */
export function lackingOf(
  taken: Taken,
  { cold, schedule }: Pick<Lacking, "cold" | "schedule">,
  tenant: string | undefined,
): Lacking | undefined {
  const messages = taken.entries.flatMap(({ parted }) => parted ?? []);
  const state = cold?.parted ?? schedule?.parted;
  const parted = (state === undefined ? messages : [state, ...messages]).filter(
    ({ refs }) => refs.length > 0,
  );
  if (parted.length === 0 || tenant === undefined) return undefined;
  return { taken, tenant, parted, cold, schedule };
}
