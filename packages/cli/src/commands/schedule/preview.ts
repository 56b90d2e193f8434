/** `millrace schedule preview`: the next times of a schedule on a server, or of one that is only written down, offline. */
import type { PreviewedTime, SchedulePreview } from "@millrace/sdk";
import { previewOffline } from "@millrace/server/schedules";
import type { Format } from "../../arguments.ts";
import { type ClientOptions, connect } from "../../client.ts";
import { CommandError, EXIT } from "../../exit.ts";
import { complain, print, printJson, table } from "../../output.ts";
import { type SpecOptions, writtenSchedule } from "./spec.ts";
import { readTime } from "./times.ts";

export interface PreviewOptions extends Omit<SpecOptions, "after">, ClientOptions {
  /** The times after this. */
  readonly after?: string;
  readonly count: number;
  readonly output: Format;
}

export async function preview(name: string | undefined, options: PreviewOptions): Promise<void> {
  const { count, output } = options;
  if (count < 1 || count > MOST)
    throw new CommandError(`--count: ${count}: expected 1 to ${MOST}`, EXIT.invalid);
  const after = options.after === undefined ? undefined : readTime("--after", options.after);
  const shown =
    name === undefined
      ? offline(options, after ?? new Date(), count)
      : await connect(options).schedules.preview(name, {
          count,
          ...(after === undefined ? {} : { after }),
        });
  if (output === "json") printJson(shown.items);
  else print(timesTable(shown));
}

const MOST = 1_000;
/** What a preview has no use for, and a spec needs. */
const ANY = { workflow: { namespace: "preview", name: "preview" } };

function offline(options: PreviewOptions, after: Date, count: number): SchedulePreview {
  const { after: _, ...given } = options;
  const { read } = writtenSchedule(given, ANY);
  if (read.trigger.kind === "on")
    throw new CommandError("a schedule that waits for events has no times", EXIT.invalid);
  if (read.calendars !== undefined && read.calendars.length > 0)
    complain(
      `without a server, the days of ${read.calendars.join(", ")} are not known: times on them are not marked`,
    );
  return previewOffline(read, after.getTime(), count);
}

function timesTable({ items }: SchedulePreview): string {
  const rows = items.map((time) => [local(time.local), utc(time.nominal), ...remarks(time)]);
  const jittered = items.some(({ nominal, dueAt }) => nominal !== dueAt);
  const starts = jittered ? items.map(({ dueAt }) => utc(dueAt)) : [];
  const headings = ["local", "utc", ...(jittered ? ["starts"] : []), ""];
  const cells = rows.map(([zoned = "", nominal = "", remark = ""], index) =>
    jittered ? [zoned, nominal, starts[index] ?? "", remark] : [zoned, nominal, remark],
  );
  return table(headings, cells, "no times");
}

/** `Sun 2027-03-28 02:00:00 +01:00`. */
function local(rfc3339: string): string {
  const [, date = "", time = "", offset = ""] = /^(.{10})T([\d:.]+)(.*)$/.exec(rfc3339) ?? [];
  const day = new Date(`${date}T00:00:00Z`).toLocaleDateString("en", {
    weekday: "short",
    timeZone: "UTC",
  });
  return `${day} ${date} ${time} ${offset === "Z" ? "+00:00" : offset}`;
}

function utc(rfc3339: string): string {
  return rfc3339.replace("T", " ").replace(".000Z", "Z");
}

function remarks({ local, shift, excluded, calendar }: PreviewedTime): readonly string[] {
  const clock = shift === undefined ? "" : `(${SHIFTS[shift]} ${timeOf(shift, local)}`.trimEnd();
  const by = calendar === undefined ? "" : ` by the calendar ${calendar}`;
  const parts = [
    clock === "" ? "" : `${clock})`,
    excluded ? `(excluded${by}: nothing starts)` : "",
  ];
  return [parts.filter((part) => part !== "").join(" ")];
}

const SHIFTS = {
  movedOutOfGap: "clock went forward: runs once right after",
  afterGap: "clock went forward",
  firstPass: "clock goes back: the first",
  secondPass: "clock went back: the second",
} as const;

function timeOf(shift: keyof typeof SHIFTS, rfc3339: string): string {
  return shift === "firstPass" || shift === "secondPass" ? rfc3339.slice(11, 16) : "";
}
