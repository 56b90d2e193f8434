/** Calendars of excluded days on PostgreSQL. */
import { isExcludedDate, EXCLUDED_DATE_FORMS, suggestion } from "@millrace/language";
import type { Pool } from "pg";
import { DEFAULT_TENANT, type Page, RuntimeError, type RuntimeIssue } from "../runtime.ts";
import type { CalendarReader, CalendarSnapshot } from "../scheduler/calendars.ts";
import type { ScheduleSpec } from "../scheduler/schedule.ts";
import type { CalendarSummary, CalendarView, Schedules } from "../scheduler/service.ts";
import { inOneFlight } from "../store/postgres/transaction.ts";
import { decodeCursor, encodeCursor } from "./cursors.ts";

export interface CalendarParts {
  readonly pool: Pool;
  readonly calendars: CalendarSnapshot;
}

/** Entries of one calendar; the table says so too. */
export const MOST_ENTRIES = 2_000;

/** One writer at a time, so that changes are committed in the order of their numbers. */
const LOCK = {
  name: "lock-calendars",
  text: "LOCK TABLE calendars IN SHARE ROW EXCLUSIVE MODE",
  values: [],
};

interface Raw {
  readonly name: string;
  readonly title: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export async function putCalendar(
  { pool, calendars }: CalendarParts,
  request: Parameters<Schedules["putCalendar"]>[0],
): ReturnType<Schedules["putCalendar"]> {
  const { tenant = DEFAULT_TENANT, name, title, dates } = request;
  const issues = issuesOf(dates);
  const [first] = issues;
  if (first !== undefined)
    throw new RuntimeError("invalid-calendar", `${first.path}: ${first.message}`, { issues });
  const text = `
    INSERT INTO calendars (tenant, name, title, dates, created_at, updated_at)
    VALUES ($1, $2, $3, $4, now_ms(), now_ms())
    ON CONFLICT (tenant, name) DO UPDATE
    SET title = EXCLUDED.title, dates = EXCLUDED.dates, change = EXCLUDED.change, updated_at = EXCLUDED.updated_at
    RETURNING xmax = 0 AS created, name, title, created_at, updated_at`;
  const values = [tenant, name, title ?? null, [...dates]];
  const [, written] = await inOneFlight(pool, [LOCK, { name: "put-calendar", text, values }]);
  const [row] = (written?.rows ?? []) as readonly (Raw & { readonly created: boolean })[];
  if (row === undefined) throw new Error("an upsert gave no row");
  await calendars.refresh();
  return { created: row.created, calendar: { ...viewOf(row), dates } };
}

function issuesOf(dates: readonly string[]): readonly RuntimeIssue[] {
  if (dates.length > MOST_ENTRIES)
    return [
      { path: "dates", message: `${dates.length} entries; a calendar has at most ${MOST_ENTRIES}` },
    ];
  return dates.flatMap((date, index) => {
    if (isExcludedDate(date)) return [];
    const message = `${JSON.stringify(date)}: expected a date that exists, such as ${EXCLUDED_DATE_FORMS}`;
    return [{ path: `dates[${index}]`, message }];
  });
}

function viewOf({ name, title, created_at, updated_at }: Raw): Omit<CalendarView, "dates"> {
  return {
    name,
    ...(title === null ? {} : { title }),
    createdAt: Number(created_at),
    updatedAt: Number(updated_at),
  };
}

export async function getCalendar(
  { pool }: CalendarParts,
  { tenant = DEFAULT_TENANT, name }: Parameters<Schedules["getCalendar"]>[0],
): Promise<CalendarView> {
  const { rows } = await pool.query<Raw & { readonly dates: readonly string[] }>(
    "SELECT name, title, dates, created_at, updated_at FROM calendars WHERE tenant = $1 AND name = $2",
    [tenant, name],
  );
  const [row] = rows;
  if (row === undefined) throw noCalendar(name);
  return { ...viewOf(row), dates: row.dates };
}

function noCalendar(name: string): RuntimeError {
  return new RuntimeError("not-found", `there is no calendar ${name}`, { subject: "calendar" });
}

export async function listCalendars(
  { pool }: CalendarParts,
  { tenant = DEFAULT_TENANT, limit, cursor }: Parameters<Schedules["listCalendars"]>[0],
): Promise<Page<CalendarSummary>> {
  const [after = ""] = cursor === undefined ? [] : decodeCursor(cursor, 1);
  const { rows } = await pool.query<Raw & { readonly entries: number }>(
    `SELECT name, title, cardinality(dates) AS entries, created_at, updated_at FROM calendars
     WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3`,
    [tenant, after, limit + 1],
  );
  const items = rows.slice(0, limit).map((row) => ({ ...viewOf(row), entries: row.entries }));
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items };
  return { items, nextCursor: encodeCursor([last.name]) };
}

/** A schedule that refers to it keeps it. */
export async function deleteCalendar(
  { pool, calendars }: CalendarParts,
  { tenant = DEFAULT_TENANT, name }: Parameters<Schedules["deleteCalendar"]>[0],
): Promise<void> {
  const users = "SELECT name FROM schedules WHERE tenant = $1 AND calendars @> ARRAY[$2::text]";
  const text = `
    DELETE FROM calendars WHERE tenant = $1 AND name = $2 AND NOT EXISTS (${users})`;
  const values = [tenant, name];
  const [, gone, used] = await inOneFlight(pool, [
    LOCK,
    { name: "delete-calendar", text, values },
    { name: "who-uses-calendar", text: `${users} LIMIT 1`, values },
  ]);
  await calendars.refresh();
  if (gone?.rowCount === 1) return;
  const [user] = (used?.rows ?? []) as readonly { readonly name: string }[];
  if (user === undefined) throw noCalendar(name);
  const message = `the schedule ${user.name} refers to the calendar ${name}`;
  throw new RuntimeError("conflict", message, { subject: "calendar" });
}

/** @throws {RuntimeError} `invalid-schedule` when there is not every calendar that a schedule refers to */
export async function expectCalendars(
  parts: CalendarParts,
  tenant: string,
  spec: Pick<ScheduleSpec, "calendars">,
): Promise<void> {
  const issues = await missingCalendars(parts, tenant, spec);
  const [first] = issues;
  if (first === undefined) return;
  throw new RuntimeError("invalid-schedule", `${first.path}: ${first.message}`, { issues });
}

/** An issue for each calendar of a schedule that there is not. */
export async function missingCalendars(
  { calendars }: CalendarParts,
  tenant: string,
  { calendars: names = [] }: Pick<ScheduleSpec, "calendars">,
): Promise<readonly RuntimeIssue[]> {
  if (names.length === 0) return [];
  await calendars.refresh();
  return names.flatMap((name, index) => {
    if (calendars.days(tenant, name) !== undefined) return [];
    const message = `there is no calendar ${name}${suggestion(name, calendars.names(tenant))}`;
    return [{ path: `calendars[${index}]`, message }];
  });
}

/** What the snapshot of a node reads. */
export function calendarReader(pool: Pool): CalendarReader {
  return {
    async mark() {
      const { rows } = await pool.query<{ mark: string }>({
        name: "calendars-mark",
        text: "SELECT concat_ws('/', count(*), max(change)) AS mark FROM calendars",
      });
      return rows[0]?.mark ?? "";
    },
    async read(change) {
      const { rows } = await pool.query<{
        readonly tenant: string;
        readonly name: string;
        readonly change: string;
        readonly dates: readonly string[] | null;
      }>({
        name: "read-calendars",
        text: "SELECT tenant, name, change, CASE WHEN change > $1 THEN dates END AS dates FROM calendars",
        values: [change],
      });
      return {
        change: Math.max(0, ...rows.map((row) => Number(row.change))),
        calendars: rows.map(({ tenant, name, dates }) => ({
          tenant,
          name,
          ...(dates === null ? {} : { dates }),
        })),
      };
    },
  };
}
