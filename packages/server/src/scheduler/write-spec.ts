/** A schedule's spec as users read it: what `readSpec` takes. */
import type { Schedule } from "@millrace/protocol";
import { formatDuration, priorityName } from "@millrace/protocol";
import type { ScheduleSpec, ScheduleTrigger } from "./schedule.ts";

export type WrittenSpec = Schedule["spec"];

export function writeSpec({
  trigger,
  catchUpWindow,
  jitter,
  startAt,
  endAt,
  priority,
  calendars,
  ...same
}: ScheduleSpec): WrittenSpec {
  return {
    ...same,
    excludedDates: [...same.excludedDates],
    ...(calendars === undefined || calendars.length === 0 ? {} : { calendars: [...calendars] }),
    ...writeTrigger(trigger),
    catchUpWindow: formatDuration(catchUpWindow),
    jitter: formatDuration(jitter),
    ...(startAt === undefined ? {} : { startAt: new Date(startAt).toISOString() }),
    ...(endAt === undefined ? {} : { endAt: new Date(endAt).toISOString() }),
    ...(priority === undefined ? {} : { priority: priorityName(priority) }),
  };
}

function writeTrigger(
  trigger: ScheduleTrigger,
): Pick<WrittenSpec, "cron" | "every" | "after" | "on" | "read"> {
  switch (trigger.kind) {
    case "cron":
      return { cron: trigger.expression };
    case "every":
      return { every: formatDuration(trigger.milliseconds) };
    case "after":
      return { after: formatDuration(trigger.milliseconds) };
    case "on":
      return { on: trigger.strategy, read: trigger.read };
  }
}
