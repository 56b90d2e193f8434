/** A schedule as users write it for a command: a file, options, or a file with options over it. */
import { formatIssue, isObject, type JsonObject, type Parsed, parseYaml } from "@millrace/language";
import { formatDuration, parseDuration } from "@millrace/protocol";
import type { ScheduleSpec } from "@millrace/sdk";
import { readSpec, RuntimeError, type ScheduleSpec as Spec } from "@millrace/server/schedules";
import { readInput, readPriority, readText, readWorkflowName } from "../../arguments.ts";
import { CommandError, EXIT } from "../../exit.ts";
import { complain } from "../../output.ts";

/** Named as the members of the spec; `after` is none of `preview`, where it is the time to begin at. */
export interface SpecOptions {
  readonly file?: string;
  readonly workflow?: string;
  readonly input?: string;
  readonly cron?: string;
  readonly every?: string;
  readonly after?: string;
  readonly on?: string;
  readonly read?: string;
  readonly timeZone?: string;
  readonly dstGap?: string;
  readonly dstOverlap?: string;
  readonly overlap?: string;
  readonly catchUp?: string;
  readonly catchUpWindow?: string;
  readonly jitter?: string;
  readonly startAt?: string;
  readonly endAt?: string;
  readonly pauseAfterFailures?: number;
  readonly excludedDates?: readonly string[];
  readonly calendar?: readonly string[];
  readonly priority?: string;
}

const TRIGGERS = ["cron", "every", "after", "on", "read"];

export interface WrittenSchedule {
  /** What the file says beside the spec. */
  readonly name?: string;
  readonly paused?: { readonly note?: string };
  /** As the API takes it. */
  readonly spec: ScheduleSpec;
  /** As the scheduler reads it. */
  readonly read: Spec;
}

/**
 * The schedule of a file with the options over it, checked here, where lines and options are known.
 * @param base what is changed by them
 * @throws {CommandError} after every issue is told
 */
export function writtenSchedule(options: SpecOptions, base: JsonObject = {}): WrittenSchedule {
  const file = options.file === undefined ? undefined : readFile(options.file);
  const { name, paused, ...inFile } = file?.value ?? {};
  const given = givenOptions(options);
  const spec = over(over(base, inFile), given);
  const read = checked(spec, given, file?.parsed);
  return {
    ...(name === undefined ? {} : { name: name as string }),
    ...(paused === undefined ? {} : { paused: paused as { note?: string } }),
    spec: spec as ScheduleSpec,
    read,
  };
}

/** A trigger takes the place of the other. */
function over(base: JsonObject, more: JsonObject): JsonObject {
  const replaces = TRIGGERS.some((trigger) => trigger !== "read" && trigger in more);
  const kept = Object.entries(base).filter(([name]) => !replaces || !TRIGGERS.includes(name));
  return { ...Object.fromEntries(kept), ...more };
}

function readFile(file: string): { readonly value: JsonObject; readonly parsed: Parsed } {
  const parsed = parseYaml(readText(file), { file });
  if (parsed.value !== undefined && isObject(parsed.value)) return { value: parsed.value, parsed };
  for (const issue of parsed.issues) complain(formatIssue(issue));
  throw new CommandError(`${file}: expected a schedule, in YAML or JSON`, EXIT.invalid);
}

/** Taken as they are written. */
const PLAIN = [
  ...(["cron", "read", "timeZone", "dstGap", "dstOverlap", "overlap", "catchUp"] as const),
  ...(["startAt", "endAt", "pauseAfterFailures", "excludedDates"] as const),
] as const;

function givenOptions(options: SpecOptions): JsonObject {
  const { workflow, input, on, priority, calendar } = options;
  const entries = [
    ...PLAIN.map((name) => [name, options[name]]),
    ...DURATIONS.map((name) => [name, readDuration(options[name])]),
    ["workflow", workflow === undefined ? undefined : readVersioned(workflow)],
    ["input", readInput(input)],
    ["on", readInput(on, "--on")],
    ["calendars", calendar],
    ["priority", priority === undefined ? undefined : readPriority(priority)],
  ];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as JsonObject;
}

/** `NAMESPACE/NAME`, with `@VERSION` or without. */
function readVersioned(text: string): JsonObject {
  const at = text.indexOf("@");
  if (at === -1) return readWorkflowName(text);
  return { ...readWorkflowName(text.slice(0, at)), version: text.slice(at + 1) };
}

const DURATIONS = ["every", "after", "catchUpWindow", "jitter"] as const;

/** As everywhere on the command line: `30s` too. What is neither is told by the reader of schedules. */
function readDuration(text: string | undefined): string | undefined {
  const milliseconds = text === undefined ? undefined : parseDuration(text);
  return milliseconds === undefined ? text : formatDuration(milliseconds);
}

function checked(spec: JsonObject, given: JsonObject, parsed: Parsed | undefined): Spec {
  try {
    return readSpec(spec);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    for (const { path, message } of error.issues ?? [])
      complain(`${placeOf(path, given, parsed)}${message}`);
    throw new CommandError("the schedule is not valid", EXIT.invalid);
  }
}

/** The option, or line and column in the file. */
function placeOf(path: string, given: JsonObject, parsed: Parsed | undefined): string {
  const [member = ""] = path.split(/[.[]/, 1);
  // Given one by one.
  const option =
    member === "calendars"
      ? "--calendar"
      : `--${member.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (member in given || (parsed === undefined && member !== "")) return `${option}: `;
  if (parsed === undefined) return "";
  const pointer = `/${path.replaceAll(/\[(\d+)\]/g, ".$1").replaceAll(".", "/")}`;
  const { file, line, column } = parsed.locate({
    path,
    pointer: path === "" ? "" : pointer,
    message: "",
    code: "schedule",
  });
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  return `${place} ${path === "" ? "" : `${path}: `}`;
}
