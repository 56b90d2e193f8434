/** Times of a schedule for who reads, with what the calendars say of them now. */
import type { Times } from "../scheduler/decided.ts";
import type { ScheduleState } from "../scheduler/schedule.ts";
import type { Excluded, PreviewedTime } from "../scheduler/service.ts";

/** Nothing starts either while a calendar is not known. */
export function excluded(
  times: Times,
  schedule: Pick<ScheduleState, "tenant" | "spec">,
  nominal: number,
): Excluded {
  const exclusion = times.exclusion(schedule, nominal);
  if (exclusion === undefined) return { excluded: false };
  return { excluded: true, ...(exclusion.kind === "dates" ? {} : { calendar: exclusion.name }) };
}

/** The next times after `after`, at most `count`. */
export function upcoming(
  times: Times,
  schedule: Pick<ScheduleState, "id" | "tenant" | "spec" | "createdAt">,
  after: number,
  count: number,
): readonly PreviewedTime[] {
  const found: PreviewedTime[] = [];
  let next = times.next(schedule, after);
  while (next !== undefined && found.length < count) {
    const { nominal, dueAt } = next;
    found.push({ nominal, dueAt, ...excluded(times, schedule, nominal) });
    next = times.next(schedule, nominal);
  }
  return found;
}
