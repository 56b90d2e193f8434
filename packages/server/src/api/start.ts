/** `POST /v1/workflows/{namespace}/{name}/instances`: the hot path. One call of the runtime, a small answer. */
import { isFinal, priorityNumber } from "@millrace/protocol";
import {
  Instance,
  StartHeaders,
  StartQuery,
  StartRequest,
  StartedInstance,
  WorkflowPath,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import { readTraceContext } from "../observe/telemetry/trace-context.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { ended, waitTime } from "./waiting.ts";
import * as wire from "./wire.ts";

interface StartRoute {
  Params: WorkflowPath;
  Querystring: StartQuery;
  Headers: StartHeaders;
  Body: StartRequest;
}

const LOCATION = { Location: { type: "string", description: "The instance's address." } };

const SCHEMA = {
  operationId: "startInstance",
  summary: "Start an instance of a workflow",
  description:
    "Answers once the start is durable. With `wait`, answers when the instance has ended or the time is over.",
  tags: ["instances"],
  params: WorkflowPath,
  querystring: StartQuery,
  headers: StartHeaders,
  body: StartRequest,
  response: {
    200: answers(
      "With `wait`: the finished instance. Without: the idempotency key had started it before.",
      { anyOf: [ref(Instance), ref(StartedInstance)] },
      LOCATION,
    ),
    201: answers("The instance is started, durably.", ref(StartedInstance), LOCATION),
    202: answers("With `wait`: it has not ended in time and goes on.", ref(Instance), LOCATION),
    ...problems(
      "payload-corrupt",
      "workflow-not-found",
      "idempotency-key-reuse",
      "overloaded",
      "payload-too-large",
      "unsupported-media-type",
      "invalid-body",
    ),
  },
};

export function start(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    app.post<StartRoute>("/v1/workflows/:namespace/:name/instances", {
      schema: SCHEMA,
      // 200 has two shapes, and input and output have none: JSON.stringify is the faster serialiser here.
      serializerCompiler: () => JSON.stringify,
      preValidation: async (request) => {
        request.body ??= {};
      },
      handler: async (request, reply) => {
        const wait = waitTime(request.query.wait, context.config.maxWait);
        const { params, body } = request;
        const key = request.headers["idempotency-key"];
        const trace = readTraceContext(request.headers);
        const { id, created } = await context.runtime.startInstance({
          namespace: params.namespace,
          name: params.name,
          input: body.input === undefined ? {} : body.input,
          ...(body.version === undefined ? {} : { version: body.version }),
          ...(body.priority === undefined ? {} : { priority: priorityNumber(body.priority) }),
          ...(key === undefined ? {} : { idempotencyKey: key }),
          ...(trace === undefined ? {} : { trace }),
        });
        void reply.header("location", `/v1/instances/${id}`);
        if (wait !== undefined) {
          const view = await ended(context, id, wait, request);
          void reply.code(isFinal(view.status) ? 200 : 202);
          return wire.instance(view);
        }
        void reply.code(created ? 201 : 200);
        return { id, created };
      },
    });
  };
}
