/** `millrace calendar …` with its options and help. */
import type { Command } from "commander";
import { client, format } from "./options.ts";

export function addCalendar(program: Command): void {
  const calendar = program
    .command("calendar")
    .summary("set, list, get or delete calendars: days without schedules")
    .description("Calendars: days on which the schedules that refer to them start nothing.")
    .helpCommand(false);
  client(calendar, "set")
    .summary("make a calendar, or replace it")
    .description(
      "Makes a calendar of all the days given, or replaces it: for every time that is decided from then on.",
    )
    .argument("<name>", "the calendar's name")
    .option(
      "-d, --dates <date...>",
      "YYYY-MM-DD, FROM/UNTIL or --MM-DD (every year); several with commas: --dates=--12-25,--01-01",
    )
    .option("-f, --file <file>", "title and dates, or dates alone, in YAML or JSON; - for stdin")
    .option("--title <text>", "for people")
    .addOption(format("text, or the calendar"))
    .action(async (name: string, options) => {
      const { setCalendar } = await import("./commands/calendar.ts");
      await setCalendar(name, options);
    });
  client(calendar, "list")
    .summary("list calendars")
    .description("Lists calendars by name.")
    .addOption(format("a table, or a list"))
    .action(async (options) => {
      const { listCalendars } = await import("./commands/calendar.ts");
      await listCalendars(options);
    });
  client(calendar, "get")
    .summary("show a calendar's days")
    .argument("<name>", "the calendar's name")
    .addOption(format("a day in each line, or everything"))
    .action(async (name: string, options) => {
      const { getCalendar } = await import("./commands/calendar.ts");
      await getCalendar(name, options);
    });
  client(calendar, "delete")
    .summary("delete calendars that no schedule refers to")
    .argument("<name...>", "the calendars' names")
    .action(async (names: string[], options) => {
      const { deleteCalendars } = await import("./commands/calendar.ts");
      await deleteCalendars(names, options);
    });
}
