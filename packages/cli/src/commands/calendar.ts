/** `millrace calendar set | list | get | delete`. */
import {
  EXCLUDED_DATE_FORMS,
  formatIssue,
  isExcludedDate,
  isObject,
  type Json,
  type JsonObject,
  parseYaml,
} from "@millrace/language";
import type { CalendarSpec } from "@millrace/sdk";
import { type Format, readText } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, instant, plain, print, printJson, table } from "../output.ts";

interface Options extends ClientOptions {
  readonly output: Format;
}

export async function setCalendar(
  name: string,
  options: Options & {
    readonly dates?: readonly string[];
    readonly file?: string;
    readonly title?: string;
  },
): Promise<void> {
  const { file, title } = options;
  const written = file === undefined ? {} : readFile(file);
  const given = options.dates?.flatMap((dates) => dates.split(","));
  if (given === undefined && written.dates === undefined)
    throw new CommandError("a calendar needs dates: give --dates or --file", EXIT.invalid);
  // Those of the command go beside those of the file.
  const dates = [...(written.dates ?? []), ...(given ?? [])];
  const bad = dates.filter((date) => !isExcludedDate(date));
  for (const date of bad)
    complain(
      `${JSON.stringify(date)}: expected a date that exists, such as ${EXCLUDED_DATE_FORMS}`,
    );
  if (bad.length > 0) throw new CommandError("the calendar is not valid", EXIT.invalid);
  const calendar = await connect(options).calendars.set(name, {
    ...written,
    ...(title === undefined ? {} : { title }),
    dates,
  });
  if (options.output === "json") printJson(calendar);
  else print(`${name}: ${calendar.dates.length} entries`);
}

/** What a file says: `{title, dates}`, or the dates alone. */
function readFile(file: string): Partial<CalendarSpec> {
  const parsed = parseYaml(readText(file), { file });
  for (const issue of parsed.issues) complain(formatIssue(issue));
  const value = parsed.value;
  const found: JsonObject | undefined = Array.isArray(value)
    ? { dates: value as readonly Json[] }
    : value !== undefined && isObject(value)
      ? value
      : undefined;
  const { title, dates, ...others } = found ?? {};
  const isList = Array.isArray(dates) && dates.every((date: Json) => typeof date === "string");
  const isTitle = title === undefined || typeof title === "string";
  if (!isList || !isTitle || Object.keys(others).length > 0)
    throw new CommandError(
      `${file}: expected a list of dates, or an object of title and dates`,
      EXIT.invalid,
    );
  return { dates, ...(title === undefined ? {} : { title }) };
}

export async function listCalendars(options: Options): Promise<void> {
  const rows = await Array.fromAsync(connect(options).calendars.list({ limit: 500 }));
  if (options.output === "json") return printJson(rows);
  const cells = rows.map(({ name, entries, title, updatedAt }) => [
    name,
    String(entries),
    instant(updatedAt),
    title ?? "",
  ]);
  print(table(["name", "entries", "changed", "title"], cells, "no calendars"));
}

export async function getCalendar(name: string, options: Options): Promise<void> {
  const calendar = await connect(options).calendars.get(name);
  if (options.output === "json") return printJson(calendar);
  const title = calendar.title === undefined ? [] : [plain(calendar.title), ""];
  print([...title, ...calendar.dates].join("\n"));
}

export async function deleteCalendars(
  names: readonly string[],
  options: ClientOptions,
): Promise<void> {
  const { calendars } = connect(options);
  for (const name of names) {
    await calendars.delete(name);
    complain(`${name}: deleted`);
  }
}
