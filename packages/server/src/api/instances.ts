/** `/v1/instances`: finding, reading and controlling instances. */
import { priorityNumber } from "@millrace/protocol";
import {
  ControlRequest,
  History,
  HistoryQuery,
  Instance,
  InstanceList,
  InstanceListQuery,
  InstancePath,
  RetryHeaders,
  RetryRequest,
  StartQuery,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { Signal } from "../runtime.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { milliseconds } from "./instants.ts";
import { refuseCursor } from "./problems.ts";
import { ended, waitTime } from "./waiting.ts";
import * as wire from "./wire.ts";

export function instances(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    list(app, context);
    read(app, context);
    history(app, context);
    retry(app, context);
    for (const kind of ["cancel", "suspend", "resume"] as const) control(app, context, kind);
  };
}

function list(app: FastifyInstance, { runtime }: ApiContext): void {
  app.get<{ Querystring: InstanceListQuery }>("/v1/instances", {
    schema: {
      operationId: "listInstances",
      summary: "List instances, newest first",
      tags: ["instances"],
      querystring: InstanceListQuery,
      response: {
        200: answers("A page.", ref(InstanceList)),
        ...problems("invalid-cursor"),
      },
    },
    handler: async (request) => {
      const { limit = 50, since, until, status, priority, ...rest } = request.query;
      const page = await runtime
        .listInstances({
          ...rest,
          limit,
          ...(status === undefined ? {} : { status: [status].flat() }),
          ...(priority === undefined ? {} : { priority: [priority].flat().map(priorityNumber) }),
          ...(since === undefined ? {} : { since: milliseconds("query.since", since) }),
          ...(until === undefined ? {} : { until: milliseconds("query.until", until) }),
        })
        .catch(refuseCursor(rest.cursor));
      return { ...page, items: page.items.map(wire.instanceSummary) };
    },
  });
}

function read(app: FastifyInstance, context: ApiContext): void {
  const { runtime, config } = context;
  app.get<{ Params: InstancePath; Querystring: StartQuery }>("/v1/instances/:id", {
    schema: {
      operationId: "getInstance",
      summary: "Read an instance",
      description:
        "With `wait`, answers when the instance has ended, or with the instance as it stands when the time is over.",
      tags: ["instances"],
      params: InstancePath,
      querystring: StartQuery,
      response: {
        200: answers("The instance.", ref(Instance)),
        ...problems("instance-not-found", "payload-corrupt"),
      },
    },
    handler: async (request) => {
      const { id } = request.params;
      const wait = waitTime(request.query.wait, Number.POSITIVE_INFINITY);
      if (wait === undefined) return wire.instance(await runtime.getInstance(id));
      // Who wants to wait longer asks again.
      return wire.instance(await ended(context, id, Math.min(wait, config.maxWait), request));
    },
  });
}

function history(app: FastifyInstance, { runtime }: ApiContext): void {
  app.get<{ Params: InstancePath; Querystring: HistoryQuery }>("/v1/instances/:id/history", {
    schema: {
      operationId: "getHistory",
      summary: "Read an instance's history, oldest first",
      tags: ["instances"],
      params: InstancePath,
      querystring: HistoryQuery,
      response: {
        200: answers("A page.", ref(History)),
        ...problems("instance-not-found", "payload-corrupt"),
      },
    },
    handler: async (request) => {
      const { after = 0, limit = 200 } = request.query;
      const { events, ...page } = await runtime.getHistory(request.params.id, after, limit);
      return { ...page, items: events.map(wire.historyEvent) };
    },
  });
}

type RetryRoute = { Params: InstancePath; Body: RetryRequest; Headers: RetryHeaders };

function retry(app: FastifyInstance, { runtime }: ApiContext): void {
  app.post<RetryRoute>("/v1/instances/:id/retry", {
    schema: {
      operationId: "retryInstance",
      summary: "Let a faulted instance go on",
      description:
        "It goes on from the task that failed, with that task's input, or from the task that `from` names.",
      tags: ["instances"],
      params: InstancePath,
      headers: RetryHeaders,
      body: RetryRequest,
      response: {
        200: answers("The retry is durable; the instance as it stands.", ref(Instance)),
        ...problems(
          "instance-not-found",
          "payload-corrupt",
          "instance-not-retryable",
          "overloaded",
          "invalid-body",
          "payload-too-large",
          "unsupported-media-type",
        ),
      },
    },
    preValidation: async (request) => {
      request.body ??= {};
    },
    handler: async (request) => {
      const { from, input } = request.body;
      const idempotencyKey = request.headers["idempotency-key"];
      const view = await runtime.retryInstance(request.params.id, {
        ...(from === undefined ? {} : { from }),
        ...(input === undefined ? {} : { input }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      });
      return wire.instance(view);
    },
  });
}

const CONTROLS = {
  cancel: ["cancelInstance", "Cancel an instance: it ends, and its outside work is told so"],
  suspend: ["suspendInstance", "Suspend an instance: nothing goes on until it is resumed"],
  resume: ["resumeInstance", "Resume a suspended instance"],
} as const;

function control(app: FastifyInstance, { runtime }: ApiContext, kind: Signal["kind"]): void {
  const [operationId, summary] = CONTROLS[kind];
  app.post<{ Params: InstancePath; Body: ControlRequest }>(`/v1/instances/:id/${kind}`, {
    schema: {
      operationId,
      summary,
      tags: ["instances"],
      params: InstancePath,
      body: ControlRequest,
      response: {
        200: answers("The change is durable; the instance as it stands.", ref(Instance)),
        ...problems(
          "instance-not-found",
          "payload-corrupt",
          "instance-terminal",
          "overloaded",
          "invalid-body",
          "payload-too-large",
          "unsupported-media-type",
        ),
      },
    },
    preValidation: async (request) => {
      request.body ??= {};
    },
    handler: async (request) => {
      const { reason } = request.body;
      const signal: Signal =
        kind === "resume" || reason === undefined ? { kind } : { kind, reason };
      return wire.instance(await runtime.signalInstance(request.params.id, signal));
    },
  });
}
