/** `schedule`: exactly one trigger, and one that can fire (DSL reference "Schedule"). */
import type { Json } from "../json.ts";
import { cronProblem } from "../cron.ts";
import { compileDuration } from "./durations.ts";
import { checkStrategy } from "./events.ts";
import { asObject, asText, down, type Place, report } from "./place.ts";

const TRIGGERS = ["every", "cron", "after", "on"] as const;

export function checkSchedule(value: Json | undefined, place: Place): void {
  if (value === undefined) return;
  const schedule = asObject(value);
  const triggers = TRIGGERS.filter((key) => schedule[key] !== undefined);
  if (triggers.length === 0) {
    report(place, "schedule", `no trigger: expected one of ${TRIGGERS.join(", ")}`);
  }
  if (triggers.length > 1) {
    report(place, "schedule", `${triggers.join(" and ")} cannot be combined; keep one trigger`);
  }
  checkInterval(schedule.every, down(place, "every"));
  if (schedule.after !== undefined) compileDuration(schedule.after, down(place, "after"));
  if (schedule.cron !== undefined) checkCron(asText(schedule.cron), down(place, "cron"));
  if (schedule.on !== undefined) checkStrategy(schedule.on, down(place, "on"));
}

function checkInterval(value: Json | undefined, place: Place): void {
  if (value === undefined) return;
  const spec = compileDuration(value, place);
  if (spec.kind === "constant" && spec.milliseconds === 0) {
    report(place, "schedule", "an interval must be longer than zero");
  }
}

/** Any instant will do: what never fires after it names a date that does not exist, such as 30 February. */
const REFERENCE = 0;

function checkCron(text: string, place: Place): void {
  const problem = cronProblem(text, REFERENCE);
  if (problem !== undefined) report(place, "schedule", problem);
}
