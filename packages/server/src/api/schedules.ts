/** `/v1/schedules`: making, changing and finding schedules. What is done with one stands in schedule-actions.ts. */
import { canonicalJson, type JsonObject } from "@millrace/language";
import {
  ref,
  Schedule,
  ScheduleCreate,
  ScheduleList,
  ScheduleListQuery,
  SchedulePath,
  ScheduleSpec,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import { RuntimeError } from "../runtime.ts";
import type { ScheduleSpec as Spec } from "../scheduler/schedule.ts";
import type { Schedules, ScheduleView } from "../scheduler/service.ts";
import { writeSpec } from "../scheduler/write-spec.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { refuseCursor } from "./problems.ts";
import { scheduleActions } from "./schedule-actions.ts";
import { specOf, WRITES } from "./schedule-body.ts";
import * as wire from "./schedule-wire.ts";

export function schedules(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    create(app, context);
    update(app, context);
    read(app, context);
    remove(app, context);
    list(app, context);
    await app.register(scheduleActions(context));
  };
}

const LOCATION = { Location: { type: "string", description: "The schedule's address." } };

function create(app: FastifyInstance, { schedules: service }: ApiContext): void {
  app.post<{ Body: ScheduleCreate }>("/v1/schedules", {
    schema: {
      operationId: "createSchedule",
      summary: "Create a schedule",
      tags: ["schedules"],
      body: ScheduleCreate,
      response: {
        200: answers("There is the very same schedule already.", ref(Schedule), LOCATION),
        201: answers("The schedule is durable.", ref(Schedule), LOCATION),
        ...problems("schedule-invalid", "schedule-conflict", "workflow-not-found", ...WRITES),
      },
    },
    attachValidation: true,
    handler: async (request, reply) => {
      const spec = specOf(request, ["name", "paused"]);
      const { name, paused } = request.body;
      const asked = { name, spec, ...(paused === undefined ? {} : { paused }) };
      const { view, created } = await createOnce(service, asked);
      void reply.code(created ? 201 : 200).header("location", `/v1/schedules/${view.name}`);
      return wire.schedule(view);
    },
  });
}

/** A caller that lost the answer asks again, and finds what it made. */
async function createOnce(
  service: Schedules,
  asked: Parameters<Schedules["createSchedule"]>[0],
): Promise<{ readonly view: ScheduleView; readonly created: boolean }> {
  try {
    return { view: await service.createSchedule(asked), created: true };
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.kind !== "conflict") throw error;
    const view = await service.getSchedule(asked).catch(() => undefined);
    if (view?.source !== "api" || !isSame(view.spec, asked.spec)) throw error;
    return { view, created: false };
  }
}

function isSame(one: Spec, other: Spec): boolean {
  const [a, b] = [one, other].map((spec) => canonicalJson(writeSpec(spec) as JsonObject));
  return a === b;
}

function update(app: FastifyInstance, { schedules: service }: ApiContext): void {
  app.put<{ Params: SchedulePath; Body: ScheduleSpec }>("/v1/schedules/:name", {
    schema: {
      operationId: "updateSchedule",
      summary: "Replace what a schedule is to do",
      description:
        "Times that were due before are decided by the old spec, all later ones by the new. Times that wait for an instance to end stay, unless the workflow is another.",
      tags: ["schedules"],
      params: SchedulePath,
      body: ScheduleSpec,
      response: {
        200: answers("The change is durable.", ref(Schedule)),
        ...problems(
          "schedule-invalid",
          "schedule-not-found",
          "schedule-conflict",
          "workflow-not-found",
          ...WRITES,
        ),
      },
    },
    attachValidation: true,
    handler: async (request) => {
      const spec = specOf(request);
      return wire.schedule(await service.updateSchedule({ name: request.params.name, spec }));
    },
  });
}

function read(app: FastifyInstance, { schedules: service }: ApiContext): void {
  app.get<{ Params: SchedulePath }>("/v1/schedules/:name", {
    schema: {
      operationId: "getSchedule",
      summary: "Read a schedule",
      tags: ["schedules"],
      params: SchedulePath,
      response: {
        200: answers("The schedule.", ref(Schedule)),
        ...problems("schedule-not-found", "payload-corrupt"),
      },
    },
    handler: async (request) => wire.schedule(await service.getSchedule(request.params)),
  });
}

function remove(app: FastifyInstance, { schedules: service }: ApiContext): void {
  app.delete<{ Params: SchedulePath }>("/v1/schedules/:name", {
    schema: {
      operationId: "deleteSchedule",
      summary: "Delete a schedule that was made through the API",
      description: "What runs goes on; times that wait for it to end are withdrawn.",
      tags: ["schedules"],
      params: SchedulePath,
      response: {
        204: { type: "null", description: "It is gone." },
        ...problems("schedule-not-found", "schedule-conflict", ...WRITES),
      },
    },
    handler: async (request, reply) => {
      await service.deleteSchedule(request.params);
      return reply.code(204).send();
    },
  });
}

function list(app: FastifyInstance, { schedules: service }: ApiContext): void {
  app.get<{ Querystring: ScheduleListQuery }>("/v1/schedules", {
    schema: {
      operationId: "listSchedules",
      summary: "List schedules, by name",
      description:
        "A large value of an input is `null`, and `payloads` says where it is; the schedule itself, read by its name, has it.",
      tags: ["schedules"],
      querystring: ScheduleListQuery,
      response: {
        200: answers("A page.", ref(ScheduleList)),
        ...problems("invalid-cursor"),
      },
    },
    handler: async (request) => {
      const { limit = 50, ...rest } = request.query;
      const { items, ...page } = await service
        .listSchedules({ ...rest, limit })
        .catch(refuseCursor(rest.cursor));
      return { ...page, items: items.map(wire.schedule) };
    },
  });
}
