import { type Static, Type } from "typebox";
import { Cursor, Limit, NextCursor, ref, timestamp } from "./common.ts";

export const CalendarName = Type.String({
  pattern: "^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,126}[a-zA-Z0-9])?$",
  description: "The calendar's name, as `calendars` of schedules list it.",
  examples: ["holidays"],
});

const title = Type.Optional(
  Type.String({ maxLength: 256, pattern: "^[^\\u0000]*$", description: "For people." }),
);
/** Entries of one calendar. */
const MAX_ENTRIES = 2_000;
const dates = Type.Array(Type.String({ maxLength: 64 }), {
  maxItems: MAX_ENTRIES,
  description:
    "Days: `YYYY-MM-DD`, `YYYY-MM-DD/YYYY-MM-DD` (both included), or `--MM-DD` of every year; in the time zone of each schedule.",
  examples: [["2026-04-03", "2026-12-24/2027-01-01", "--05-01"]],
});
const written = {
  createdAt: timestamp("When it was made"),
  updatedAt: timestamp("When it was last replaced"),
};

export const CalendarSpec = Type.Object(
  { title, dates },
  {
    $id: "CalendarSpec",
    additionalProperties: false,
    description: "The days of a calendar: all of them, as they replace what there was.",
  },
);
export type CalendarSpec = Static<typeof CalendarSpec>;

export const Calendar = Type.Object(
  { name: CalendarName, title, dates, ...written },
  { $id: "Calendar", description: "Days on which schedules that refer to it start nothing." },
);
export type Calendar = Static<typeof Calendar>;

export const CalendarSummary = Type.Object(
  {
    name: CalendarName,
    title,
    entries: Type.Integer({ minimum: 0, description: "How many entries it has." }),
    ...written,
  },
  { $id: "CalendarSummary", description: "A calendar without its days." },
);
export type CalendarSummary = Static<typeof CalendarSummary>;

export const CalendarList = Type.Object(
  { items: Type.Array(ref(CalendarSummary)), nextCursor: Type.Optional(NextCursor) },
  { $id: "CalendarList", description: "A page of calendars, by name." },
);
export type CalendarList = Static<typeof CalendarList>;

export const CalendarListQuery = Type.Object({
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type CalendarListQuery = Static<typeof CalendarListQuery>;

export const CalendarPath = Type.Object({ name: CalendarName });
export type CalendarPath = Static<typeof CalendarPath>;
