/** `millrace schedule create | update | pause | resume | delete`. */
import type { Schedule } from "@millrace/sdk";
import type { Format } from "../../arguments.ts";
import { type ClientOptions, connect } from "../../client.ts";
import { CommandError, EXIT } from "../../exit.ts";
import { complain, instant, print, printJson } from "../../output.ts";
import { type SpecOptions, writtenSchedule } from "./spec.ts";

interface Options extends ClientOptions {
  readonly output: Format;
}

export async function createSchedule(
  named: string | undefined,
  options: Options & SpecOptions & { readonly paused?: true | string },
): Promise<void> {
  const written = writtenSchedule(options);
  const name = named ?? written.name;
  if (name === undefined)
    throw new CommandError("a schedule needs a name, here or in its file", EXIT.invalid);
  const paused = pausedOf(options.paused) ?? written.paused;
  const created = await connect(options).schedules.create({
    ...written.spec,
    name,
    ...(paused === undefined ? {} : { paused }),
  });
  tell(created, options.output);
}

function pausedOf(given: true | string | undefined): { note?: string } | undefined {
  if (given === undefined) return undefined;
  return given === true ? {} : { note: given };
}

/** What the options leave out stays as it is; a file says all of it. */
export async function updateSchedule(name: string, options: Options & SpecOptions): Promise<void> {
  const { schedules } = connect(options);
  const base = options.file === undefined ? (await schedules.get(name)).spec : {};
  const { spec } = writtenSchedule(options, base);
  tell(await schedules.update(name, spec), options.output);
}

export async function pauseSchedules(
  action: "pause" | "resume",
  names: readonly string[],
  options: Options & { readonly note?: string },
): Promise<void> {
  const { schedules } = connect(options);
  const note = options.note === undefined ? {} : { note: options.note };
  const changed: Schedule[] = [];
  for (const name of names) {
    const schedule = await schedules[action](name, note);
    changed.push(schedule);
    if (options.output === "text") tell(schedule, "text");
  }
  if (options.output === "json") printJson(changed);
}

export async function deleteSchedules(
  names: readonly string[],
  options: ClientOptions,
): Promise<void> {
  const { schedules } = connect(options);
  for (const name of names) {
    await schedules.delete(name);
    complain(`${name}: deleted`);
  }
}

function tell(schedule: Schedule, format: Format): void {
  if (format === "json") printJson(schedule);
  else print(`${schedule.name}: ${standing(schedule)}`);
}

/** `next 2026-11-22 03:00:00 UTC`, or why there is none. */
export function standing({ paused, next, spec }: Schedule): string {
  if (paused !== undefined) return `paused${paused.note === undefined ? "" : ` (${paused.note})`}`;
  if (next !== undefined) return `next ${instant(next.nominal)} UTC`;
  if (spec.on !== undefined) return "waits for events";
  return spec.after === undefined ? "has no more times" : "waits for the end of its instance";
}
