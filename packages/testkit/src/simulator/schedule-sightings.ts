/** Notices, in what is committed of schedules, the rare paths that a simulation has to take now and then. */
import type { ScheduleState } from "@millrace/server/ports";
import type { Surroundings } from "./surroundings.ts";

export function sightSchedule(
  before: ScheduleState,
  after: ScheduleState,
  { met, time }: Surroundings,
): void {
  if (after.decided > before.decided && after.decided > time.now)
    met("a time was decided and then the clock was set back over it");
  if (after.buffer.length > before.buffer.length) met("a time waited for an end");
  if (after.paused?.by === "failures" && before.paused === undefined)
    met("failures paused a schedule");
}
