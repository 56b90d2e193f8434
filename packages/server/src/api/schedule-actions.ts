/** `/v1/schedules/{name}/…`: what is done with a schedule, and what it has done and will do. */
import { ProblemError } from "@millrace/protocol";
import {
  BackfillAccepted,
  IdempotencyHeaders,
  PreviewQuery,
  ref,
  Schedule,
  ScheduleBackfill,
  ScheduleDecisionList,
  ScheduleDecisionQuery,
  ScheduleNote,
  SchedulePath,
  SchedulePreview,
  ScheduleSpec,
  ScheduleTrigger,
  StartedInstance,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { milliseconds } from "./instants.ts";
import { refuseCursor } from "./problems.ts";
import { specOf, WRITES } from "./schedule-body.ts";
import * as wire from "./schedule-wire.ts";

export function scheduleActions(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    for (const action of ["pause", "resume"] as const) control(app, context, action);
    trigger(app, context);
    backfill(app, context);
    preview(app, context);
    previewSpec(app, context);
    decisions(app, context);
  };
}

const CONTROLS = {
  pause: [
    "pauseSchedule",
    "Pause a schedule: it starts nothing by itself until it is resumed",
    "Triggers and backfills still start instances. Pausing again changes the note.",
  ],
  resume: [
    "resumeSchedule",
    "Resume a paused schedule",
    "Times while it was paused are on record as passed over.",
  ],
} as const;

/** An absent body is as good as an empty one. */
const preValidation = async (request: { body: unknown }): Promise<void> => {
  request.body ??= {};
};

function control(
  app: FastifyInstance,
  { schedules }: ApiContext,
  action: "pause" | "resume",
): void {
  const [operationId, summary, description] = CONTROLS[action];
  app.post<{ Params: SchedulePath; Body: ScheduleNote }>(`/v1/schedules/:name/${action}`, {
    schema: {
      operationId,
      summary,
      description,
      tags: ["schedules"],
      params: SchedulePath,
      body: ScheduleNote,
      response: {
        200: answers("The change is durable; the schedule as it stands.", ref(Schedule)),
        ...problems("schedule-not-found", ...WRITES),
      },
    },
    preValidation,
    handler: async ({ params, body }) => {
      const asked = { ...params, ...body };
      const pausing = action === "pause";
      const done = pausing ? schedules.pauseSchedule(asked) : schedules.resumeSchedule(asked);
      return wire.schedule(await done);
    },
  });
}

interface TriggerRoute {
  Params: SchedulePath;
  Headers: IdempotencyHeaders;
  Body: ScheduleTrigger;
}

const INSTANCE = { Location: { type: "string", description: "The instance's address." } };

function trigger(app: FastifyInstance, { schedules }: ApiContext): void {
  app.post<TriggerRoute>("/v1/schedules/:name/trigger", {
    schema: {
      operationId: "triggerSchedule",
      summary: "Start an instance now, whatever runs",
      description: "Answers once the start is durable. The schedule's own times stay as they are.",
      tags: ["schedules"],
      params: SchedulePath,
      headers: IdempotencyHeaders,
      body: ScheduleTrigger,
      response: {
        200: answers("The idempotency key had started it before.", ref(StartedInstance), INSTANCE),
        201: answers("The instance is started, durably.", ref(StartedInstance), INSTANCE),
        ...problems("schedule-not-found", "workflow-not-found", "idempotency-key-reuse", ...WRITES),
      },
    },
    preValidation,
    handler: async ({ params, headers, body }, reply) => {
      const key = headers["idempotency-key"];
      const { instanceId, created } = await schedules.triggerSchedule({
        ...params,
        ...body,
        ...(key === undefined ? {} : { key }),
      });
      void reply.code(created ? 201 : 200).header("location", `/v1/instances/${instanceId}`);
      return { id: instanceId, created };
    },
  });
}

function backfill(app: FastifyInstance, { schedules }: ApiContext): void {
  app.post<{ Params: SchedulePath; Body: ScheduleBackfill }>("/v1/schedules/:name/backfill", {
    schema: {
      operationId: "backfillSchedule",
      summary: "Start an instance for each time of a stretch of the past that has none",
      tags: ["schedules"],
      params: SchedulePath,
      body: ScheduleBackfill,
      response: {
        202: answers("The backfill is durable, and goes on by itself.", ref(BackfillAccepted)),
        ...problems("schedule-not-found", ...WRITES),
      },
    },
    handler: async ({ params, body }, reply) => {
      const from = milliseconds("body.from", body.from);
      const until = milliseconds("body.until", body.until);
      if (until < from) throw wrongWay();
      const { overlap } = body;
      const asked = { ...params, from, until, ...(overlap === undefined ? {} : { overlap }) };
      const { times } = await schedules.backfillSchedule(asked);
      void reply.code(202);
      return { times };
    },
  });
}

function wrongWay(): ProblemError {
  const [path, message] = ["body.until", "lies before `from`"];
  const issues = [{ path, message }];
  return new ProblemError("invalid-request", { detail: `${path}: ${message}`, issues });
}

function preview(app: FastifyInstance, { schedules }: ApiContext): void {
  app.get<{ Params: SchedulePath; Querystring: PreviewQuery }>("/v1/schedules/:name/preview", {
    schema: {
      operationId: "previewSchedule",
      summary: "Show the next times of a schedule",
      description: "Of a paused schedule, those that it would have.",
      tags: ["schedules"],
      params: SchedulePath,
      querystring: PreviewQuery,
      response: {
        200: answers("The times.", ref(SchedulePreview)),
        ...problems("schedule-not-found", "payload-corrupt"),
      },
    },
    handler: async ({ params, query }) => {
      const asked = { ...params, ...stretch(query) };
      const { spec } = await schedules.getSchedule(params);
      return wire.preview(spec, await schedules.previewSchedule(asked));
    },
  });
}

function stretch({ count = 10, after }: PreviewQuery): { count: number; after?: number } {
  return after === undefined ? { count } : { count, after: milliseconds("query.after", after) };
}

function previewSpec(app: FastifyInstance, { schedules }: ApiContext): void {
  app.post<{ Querystring: PreviewQuery; Body: ScheduleSpec }>("/v1/schedules/preview", {
    schema: {
      operationId: "previewSpec",
      summary: "Show the times that a schedule would have, without making it",
      tags: ["schedules"],
      querystring: PreviewQuery,
      body: ScheduleSpec,
      response: {
        200: answers("The times.", ref(SchedulePreview)),
        ...problems(
          "schedule-invalid",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    attachValidation: true,
    handler: async (request) => {
      const spec = specOf(request);
      const { after, count } = stretch(request.query);
      return wire.preview(spec, await schedules.previewSpec(spec, after, count));
    },
  });
}

interface DecisionsRoute {
  Params: SchedulePath;
  Querystring: ScheduleDecisionQuery;
}

function decisions(app: FastifyInstance, { schedules }: ApiContext): void {
  app.get<DecisionsRoute>("/v1/schedules/:name/decisions", {
    schema: {
      operationId: "listDecisions",
      summary: "List what became of a schedule's times, newest first",
      tags: ["schedules"],
      params: SchedulePath,
      querystring: ScheduleDecisionQuery,
      response: {
        200: answers("A page.", ref(ScheduleDecisionList)),
        ...problems("schedule-not-found", "invalid-cursor"),
      },
    },
    handler: async ({ params, query }) => {
      const { limit = 50, ...rest } = query;
      const { items, ...page } = await schedules
        .listDecisions({ ...params, ...rest, limit })
        .catch(refuseCursor(rest.cursor));
      return { ...page, items: items.map(wire.decision) };
    },
  });
}
