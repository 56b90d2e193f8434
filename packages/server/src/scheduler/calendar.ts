/** When schedules are due, by calendars and time zones: `times/` behind the port of {@link decideSchedule}. */
import type { NextTime, ScheduleSpec, ScheduleState } from "./schedule.ts";
import type { Times } from "./decided.ts";
import {
  dateIn,
  type DaySet,
  fireAt,
  isExcluded,
  type Nominal,
  nextNominal,
  nominalAfterEnd,
  type TimesSpec,
  timeZone,
} from "./times/index.ts";

/** The calendars of excluded days, as they are now. */
export interface Calendars {
  /** Undefined when there is none, or when it is not known for certain. */
  days(tenant: string, name: string): DaySet | undefined;
}

type Timed = Pick<ScheduleState, "id" | "spec" | "createdAt">;

export function timesWith(calendars: Calendars): Times {
  return Object.freeze<Times>({
    next(state, after) {
      if (state.spec.trigger.kind === "after") return undefined;
      return dueOf(state, nextNominal(timesOf(state.spec, state.createdAt), after));
    },
    at(state, instant) {
      const times = timesOf(state.spec, state.createdAt);
      const trigger = { kind: "after", milliseconds: 0 } as const;
      return dueOf(state, nominalAfterEnd({ ...times, trigger }, instant));
    },
    exclusion({ tenant, spec }, nominal) {
      if (isExcluded(spec, nominal)) return { kind: "dates" };
      const { calendars: names = [] } = spec;
      if (names.length === 0) return undefined;
      const date = dateIn(timeZone(spec.timeZone), nominal);
      const found = names.map((name) => ({ name, days: calendars.days(tenant, name) }));
      const by = found.find(({ days }) => days?.has(date));
      if (by !== undefined) return { kind: "calendar", name: by.name };
      const unknown = found.find(({ days }) => days === undefined);
      return unknown && { kind: "unknown", name: unknown.name };
    },
  });
}

/** Where there are no calendars. */
export const calendar: Times = timesWith({ days: () => undefined });

/** @param anchor epoch milliseconds: what `every` counts from when there is no `startAt` */
export function timesOf(spec: ScheduleSpec, anchor: number): TimesSpec {
  const { workflow: _, input: __, overlap: ___, calendars: ____, ...times } = spec;
  return { ...times, anchor };
}

function dueOf({ id, spec, createdAt }: Timed, time: Nominal | undefined): NextTime | undefined {
  if (time === undefined) return undefined;
  const { nominal } = time;
  return { nominal, dueAt: fireAt(timesOf(spec, createdAt), id, nominal) };
}
