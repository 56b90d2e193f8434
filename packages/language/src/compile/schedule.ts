/** `schedule`: exactly one trigger, and one that can fire (DSL reference "Schedule"). */
import type { Json } from "../json.ts";
import type { DurationSpec, Schedule } from "../program.ts";
import { cronProblem } from "../cron/index.ts";
import { compileDuration } from "./durations.ts";
import { compileStrategy, readOf } from "./events.ts";
import { asObject, asText, down, given, type Place, report } from "./place.ts";

const TRIGGERS = ["every", "cron", "after", "on"] as const;

export function compileSchedule(value: Json | undefined, place: Place): Schedule | undefined {
  if (value === undefined) return undefined;
  const schedule = asObject(value);
  const triggers = TRIGGERS.filter((key) => schedule[key] !== undefined);
  if (triggers.length === 0) {
    report(place, "schedule", `no trigger: expected one of ${TRIGGERS.join(", ")}`);
  }
  if (triggers.length > 1) {
    report(place, "schedule", `${triggers.join(" and ")} cannot be combined; keep one trigger`);
  }
  const { after, cron, on } = schedule;
  if (cron !== undefined) checkCron(asText(cron), down(place, "cron"));
  // There is no instance yet whose variables an expression could use.
  const outside = { ...down(place, "on"), variables: [] };
  return {
    ...given("every", compileInterval(schedule.every, down(place, "every"))),
    ...(cron === undefined ? {} : { cron: asText(cron) }),
    ...(after === undefined ? {} : { after: compileDuration(after, down(place, "after")) }),
    ...(on === undefined ? {} : { on: compileStrategy(on, outside) }),
    read: readOf(schedule.read),
  };
}

function compileInterval(value: Json | undefined, place: Place): DurationSpec | undefined {
  if (value === undefined) return undefined;
  const spec = compileDuration(value, place);
  if (spec.kind === "constant" && spec.milliseconds === 0) {
    report(place, "schedule", "an interval must be longer than zero");
  }
  return spec;
}

function checkCron(text: string, place: Place): void {
  const problem = cronProblem(text);
  if (problem !== undefined) report(place, "schedule", problem);
}
