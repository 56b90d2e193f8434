/** `POST /v1/workflows/{namespace}/{name}/instances`: the hot path. One call of the runtime, a small answer. */
import {
  type Instance as WireInstance,
  ProblemError,
  isFinal,
  parseDuration,
} from "@millrace/protocol";
import {
  IdempotencyHeaders,
  Instance,
  StartQuery,
  StartRequest,
  StartedInstance,
  WorkflowPath,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import * as wire from "./wire.ts";

interface StartRoute {
  Params: WorkflowPath;
  Querystring: StartQuery;
  Headers: IdempotencyHeaders;
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
  headers: IdempotencyHeaders,
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
        const { id, created } = await context.runtime.startInstance({
          namespace: params.namespace,
          name: params.name,
          input: body.input === undefined ? {} : body.input,
          ...(body.version === undefined ? {} : { version: body.version }),
          ...(key === undefined ? {} : { idempotencyKey: key }),
        });
        void reply.header("location", `/v1/instances/${id}`);
        if (wait !== undefined) return ended(context, id, wait, request, reply);
        void reply.code(created ? 201 : 200);
        return { id, created };
      },
    });
  };
}

function waitTime(text: string | undefined, longest: number): number | undefined {
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  const message =
    milliseconds === undefined
      ? "expected a duration such as 30s, 500ms or PT30S"
      : `expected at most ${longest / 1_000}s (MILLRACE_MAX_WAIT)`;
  if (milliseconds !== undefined && milliseconds <= longest) return milliseconds;
  throw new ProblemError("invalid-request", {
    detail: `wait=${text}: ${message}`,
    issues: [{ path: "query.wait", message }],
  });
}

/** Waits as long as the caller and this server are there; what was started goes on in any case. */
async function ended(
  { runtime, stopping }: ApiContext,
  id: string,
  wait: number,
  request: FastifyRequest<StartRoute>,
  reply: FastifyReply,
): Promise<WireInstance> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  request.raw.socket.once("close", leave);
  try {
    const signal = AbortSignal.any([gone.signal, stopping]);
    const view = await runtime.waitInstance(id, wait, signal).catch((error: unknown) => {
      if (signal.aborted) return runtime.getInstance(id);
      throw error;
    });
    void reply.code(isFinal(view.status) ? 200 : 202);
    return wire.instance(view);
  } finally {
    request.raw.socket.off("close", leave);
  }
}
