/** When schedules are due, by calendars and time zones: `times/` behind the port of {@link decideSchedule}. */
import type { NextTime, ScheduleSpec, ScheduleState } from "./schedule.ts";
import type { Times } from "./decided.ts";
import {
  fireAt,
  type Nominal,
  nextNominal,
  nominalAfterEnd,
  type TimesSpec,
} from "./times/index.ts";

type Timed = Pick<ScheduleState, "id" | "spec" | "createdAt">;

export const calendar: Times = {
  next(state, after) {
    if (state.spec.trigger.kind === "after") return undefined;
    return dueOf(state, nextNominal(timesOf(state.spec, state.createdAt), after));
  },
  at(state, instant) {
    const times = timesOf(state.spec, state.createdAt);
    const trigger = { kind: "after", milliseconds: 0 } as const;
    return dueOf(state, nominalAfterEnd({ ...times, trigger }, instant));
  },
};

/** @param anchor epoch milliseconds: what `every` counts from when there is no `startAt` */
export function timesOf(spec: ScheduleSpec, anchor: number): TimesSpec {
  const { workflow: _, input: __, overlap: ___, ...times } = spec;
  return { ...times, anchor };
}

function dueOf({ id, spec, createdAt }: Timed, time: Nominal | undefined): NextTime | undefined {
  if (time === undefined) return undefined;
  const { nominal, excluded } = time;
  const dueAt = fireAt(timesOf(spec, createdAt), id, nominal);
  return { nominal, dueAt, ...(excluded ? { excluded } : {}) };
}
