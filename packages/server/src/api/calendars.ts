/** `/v1/calendars`: days on which schedules start nothing. */
import {
  Calendar,
  CalendarList,
  CalendarListQuery,
  CalendarPath,
  CalendarSpec,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { CalendarView } from "../scheduler/service.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { refuseCursor } from "./problems.ts";
import { instant } from "./wire.ts";

export function calendars(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    put(app, context);
    read(app, context);
    list(app, context);
    remove(app, context);
  };
}

function put(app: FastifyInstance, { schedules }: ApiContext): void {
  app.put<{ Params: CalendarPath; Body: CalendarSpec }>("/v1/calendars/:name", {
    schema: {
      operationId: "putCalendar",
      summary: "Make a calendar, or replace it",
      description: "A change applies to every time that is decided after it.",
      tags: ["schedules"],
      params: CalendarPath,
      body: CalendarSpec,
      response: {
        200: answers("The calendar is replaced.", ref(Calendar)),
        201: answers("The calendar is new.", ref(Calendar)),
        ...problems(
          "calendar-invalid",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    handler: async ({ params, body }, reply) => {
      const { created, calendar } = await schedules.putCalendar({ ...params, ...body });
      if (created) void reply.code(201);
      return written(calendar);
    },
  });
}

/** Instants as the wire has them. */
function written<View extends Pick<CalendarView, "createdAt" | "updatedAt">>(view: View) {
  return { ...view, createdAt: instant(view.createdAt), updatedAt: instant(view.updatedAt) };
}

function read(app: FastifyInstance, { schedules }: ApiContext): void {
  app.get<{ Params: CalendarPath }>("/v1/calendars/:name", {
    schema: {
      operationId: "getCalendar",
      summary: "Read a calendar",
      tags: ["schedules"],
      params: CalendarPath,
      response: { 200: answers("The calendar.", ref(Calendar)), ...problems("calendar-not-found") },
    },
    handler: async ({ params }) => written(await schedules.getCalendar(params)),
  });
}

function list(app: FastifyInstance, { schedules }: ApiContext): void {
  app.get<{ Querystring: CalendarListQuery }>("/v1/calendars", {
    schema: {
      operationId: "listCalendars",
      summary: "List calendars, by name",
      tags: ["schedules"],
      querystring: CalendarListQuery,
      response: { 200: answers("A page.", ref(CalendarList)), ...problems("invalid-cursor") },
    },
    handler: async ({ query: { limit = 50, ...rest } }) => {
      const { items, ...page } = await schedules
        .listCalendars({ ...rest, limit })
        .catch(refuseCursor(rest.cursor));
      return { ...page, items: items.map(written) };
    },
  });
}

function remove(app: FastifyInstance, { schedules }: ApiContext): void {
  app.delete<{ Params: CalendarPath }>("/v1/calendars/:name", {
    schema: {
      operationId: "deleteCalendar",
      summary: "Delete a calendar that no schedule refers to",
      tags: ["schedules"],
      params: CalendarPath,
      response: {
        204: { type: "null", description: "It is gone." },
        ...problems(
          "calendar-not-found",
          "calendar-in-use",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    handler: async ({ params }, reply) => {
      await schedules.deleteCalendar(params);
      return reply.code(204).send();
    },
  });
}
