/** `millrace schedule …` with its options and help. */
import { type Command, Option } from "commander";
import { client, format, wholeNumber } from "./options.ts";
import type { Exit } from "./program.ts";

export function addSchedule(program: Command, exit: Exit): void {
  const schedule = program
    .command("schedule")
    .summary("create, preview, pause, trigger … schedules, which start workflows")
    .description(
      "Schedules start workflows: at times, at intervals, after the last end, on events.",
    )
    .helpCommand(false);
  addCreate(schedule);
  addUpdate(schedule);
  addPreview(schedule);
  addShow(schedule);
  addPause(schedule);
  addRun(schedule, exit);
  client(schedule, "delete")
    .summary("delete schedules")
    .description("Deletes schedules. What they have started goes on.")
    .argument("<name...>", "the schedules' names")
    .action(async (names: string[], options) => {
      const { deleteSchedules } = await import("./commands/schedule/change.ts");
      await deleteSchedules(names, options);
    });
}

function choice(flags: string, description: string, ...choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}

/** What says when something is started; of the triggers all but `after`, which means something else in a preview. */
function timing(command: Command): Command {
  return command
    .option("-f, --file <file>", "the schedule, YAML or JSON; options go over what it says")
    .option("--cron <expression>", 'trigger: times such as "0 9 * * MON-FRI" or @daily')
    .option("--every <duration>", "trigger: an interval such as 15m or PT15M")
    .option("--time-zone <name>", "IANA name, such as Europe/Lisbon (default: UTC)")
    .addOption(choice("--dst-gap <policy>", "times that the clock leaves out", "run", "skip"))
    .addOption(choice("--dst-overlap <policy>", "times that come twice", "first", "second", "both"))
    .option("--jitter <duration>", "each time starts later by up to this")
    .option("--start-at <time>", "no times before this RFC 3339 time")
    .option("--end-at <time>", "no times after this RFC 3339 time")
    .option("--excluded-dates <date...>", "days without times: YYYY-MM-DD, FROM/UNTIL, or --MM-DD")
    .option("--calendar <name...>", "calendars whose days are without times");
}

/** Everything else that a schedule says. */
function policies(command: Command): Command {
  return timing(command)
    .option("-w, --workflow <workflow>", "what to start: NAMESPACE/NAME[@VERSION]")
    .option("-i, --input <json>", "its input: JSON, or @file with JSON in it (default: {})")
    .option("--after <duration>", "trigger: so long after the last instance has ended")
    .option("--on <json>", "trigger: events, as `listen.to` has them; JSON, or @file")
    .addOption(choice("--read <part>", "what of the events is input", "data", "envelope", "raw"))
    .addOption(
      choice(
        "--overlap <policy>",
        "times that come while an instance runs (default: skip; with --on: allow)",
        "skip",
        "bufferOne",
        "bufferAll",
        "cancelOther",
        "terminateOther",
        "allow",
      ),
    )
    .addOption(
      choice(
        "--catch-up <policy>",
        "times missed in a downtime (default: last)",
        "none",
        "last",
        "all",
      ),
    )
    .option("--catch-up-window <duration>", "older ones are not caught up (default: P1D)")
    .option("--pause-after-failures <count>", "pause after so many faults in a row", wholeNumber)
    .option("--priority <priority>", "P0 (first) to P4 (default: the workflow's)");
}

function addCreate(schedule: Command): void {
  policies(client(schedule, "create"))
    .summary("create a schedule")
    .description(
      "Creates a schedule from options, from a file, or from a file with options over it.",
    )
    .argument("[name]", "the schedule's name, unless the file says it")
    .option("--paused [note]", "it starts out paused")
    .addOption(format("text, or the schedule"))
    .action(async (name: string | undefined, options) => {
      const { createSchedule } = await import("./commands/schedule/change.ts");
      await createSchedule(name, options);
    });
}

function addUpdate(schedule: Command): void {
  policies(client(schedule, "update"))
    .summary("change what a schedule is to do")
    .description(
      "Changes what the options say and leaves the rest; with --file, replaces all of it. " +
        "Times that were due before are decided by what was said before.",
    )
    .argument("<name>", "the schedule's name")
    .addOption(format("text, or the schedule"))
    .action(async (name: string, options) => {
      const { updateSchedule } = await import("./commands/schedule/change.ts");
      await updateSchedule(name, options);
    });
}

function addPreview(schedule: Command): void {
  timing(client(schedule, "preview"))
    .summary("show the next times of a schedule; without a name, offline")
    .description(
      "Shows the next times on the clock of the time zone and in UTC, with a remark where that clock is changed. " +
        "Without a name, those of the options or the file, without a server.",
    )
    .argument("[name]", "the name of a schedule on the server")
    .option("--after <time>", "times after this RFC 3339 time (default: now)")
    .option("-n, --count <count>", "how many", wholeNumber, 10)
    .addOption(format("a table, or a list"))
    .action(async (name: string | undefined, options) => {
      const { preview } = await import("./commands/schedule/preview.ts");
      await preview(name, options);
    });
}

function addShow(schedule: Command): void {
  client(schedule, "list")
    .summary("list schedules")
    .description("Lists schedules by name.")
    .option("-w, --workflow <workflow>", "only of this NAMESPACE/NAME")
    .option("--paused", "only those that are paused")
    .option("--active", "only those that are not")
    .option("-n, --limit <count>", "most rows", wholeNumber, 50)
    .addOption(format("a table, or a list"))
    .action(async (options) => {
      const { listSchedules } = await import("./commands/schedule/show.ts");
      await listSchedules(options);
    });
  client(schedule, "get")
    .summary("show a schedule")
    .description("Shows what a schedule is to do and how it stands.")
    .argument("<name>", "the schedule's name")
    .addOption(format("text, or everything"))
    .action(async (name: string, options) => {
      const { getSchedule } = await import("./commands/schedule/show.ts");
      await getSchedule(name, options);
    });
  client(schedule, "decisions")
    .summary("show what became of a schedule's times")
    .description("Lists times, newest first: the instance started for each, or why there is none.")
    .argument("<name>", "the schedule's name")
    .addOption(choice("--outcome <outcome>", "only these", "started", "skipped"))
    .option("-n, --limit <count>", "most rows", wholeNumber, 50)
    .addOption(format("a table, or a list"))
    .action(async (name: string, options) => {
      const { listDecisions } = await import("./commands/schedule/show.ts");
      await listDecisions(name, options);
    });
}

function addPause(schedule: Command): void {
  const actions = [
    ["pause", "let schedules start nothing by themselves until they are resumed"],
    ["resume", "let paused schedules go on; times meanwhile are passed over"],
  ] as const;
  for (const [name, summary] of actions) {
    client(schedule, name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .argument("<name...>", "the schedules' names")
      .option("--note <text>", "why; shown with the schedule")
      .addOption(format("text, or the schedules"))
      .action(async (names: string[], options) => {
        const { pauseSchedules } = await import("./commands/schedule/change.ts");
        await pauseSchedules(name, names, options);
      });
  }
}

function addRun(schedule: Command, exit: Exit): void {
  client(schedule, "trigger")
    .summary("start an instance now")
    .description(
      "Starts an instance at once, whatever runs, and prints its id; with --wait, its output.",
    )
    .argument("<name>", "the schedule's name")
    .option("-i, --input <json>", "instead of the schedule's: JSON, or @file with JSON in it")
    .option("--wait <duration>", "wait at most this long for the end; exits 1 when it goes on")
    .option("--idempotency-key <key>", "at most one instance is ever started for a key")
    .addOption(format("text, or everything about the instance"))
    .action(async (name: string, options) => {
      const { triggerSchedule } = await import("./commands/schedule/run.ts");
      exit(await triggerSchedule(name, options));
    });
  client(schedule, "backfill")
    .summary("start an instance for each time of a stretch of the past that has none")
    .description(
      "Starts an instance for each time of the stretch, both ends included, that has none.",
    )
    .argument("<name>", "the schedule's name")
    .requiredOption("--from <time>", "RFC 3339")
    .requiredOption("--until <time>", "RFC 3339, not in the future")
    .addOption(
      choice(
        "--overlap <policy>",
        "all at once, or in turn (default: allow)",
        "allow",
        "bufferAll",
      ),
    )
    .addOption(format("text, or how many times"))
    .action(async (name: string, options) => {
      const { backfillSchedule } = await import("./commands/schedule/run.ts");
      await backfillSchedule(name, options);
    });
}
