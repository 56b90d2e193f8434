/** `POST /v1/events`: CloudEvents in. */
import { CloudEvent, EventsAccepted, ref } from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import { readEvents } from "../events/cloudevents.ts";
import type { CloudEventObject } from "../runtime.ts";
import { readTraceContext } from "../observe/telemetry/trace-context.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";

const SCHEMA = {
  operationId: "publishEvents",
  summary: "Publish CloudEvents",
  description:
    "CloudEvents 1.0 over HTTP in structured, batched or binary mode. All of a batch is taken, or nothing.",
  tags: ["events"],
  body: {
    content: {
      "application/cloudevents+json": { schema: ref(CloudEvent) },
      "application/cloudevents-batch+json": { schema: { type: "array", items: ref(CloudEvent) } },
      "application/octet-stream": {
        schema: {
          type: "string",
          description: "Binary mode: the data; attributes are `ce-` headers.",
        },
      },
    },
  },
  response: {
    202: answers("The events are durable.", ref(EventsAccepted)),
    ...problems(
      "invalid-event",
      "invalid-body",
      "payload-too-large",
      "unsupported-media-type",
      "overloaded",
    ),
  },
};

export function events({ runtime, metrics }: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    app.removeAllContentTypeParsers();
    // The mode, and with it the meaning of the body, follows from the headers: events/ reads both.
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
      done(null, body),
    );
    app.post<{ Body: Buffer | undefined }>("/v1/events", {
      schema: SCHEMA,
      validatorCompiler: () => () => true,
      handler: async (request, reply) => {
        const { headers, body = Buffer.alloc(0) } = request;
        const found = readEvents({ headers, body });
        // Undefined members don't occur: the reader leaves absent attributes out.
        const given = found as readonly CloudEventObject[];
        const result = await runtime.publishEvents(traced(given, request.headers));
        metrics.eventsAccepted(result.accepted, result.duplicates);
        void reply.code(202);
        return result;
      },
    });
  };
}

/** CloudEvents "Distributed Tracing" extension: an event's own attributes win over the trace of the request that brings it. */
function traced(
  events: readonly CloudEventObject[],
  headers: Readonly<Record<string, unknown>>,
): readonly CloudEventObject[] {
  const { traceparent, tracestate } = headers;
  const context = readTraceContext({ traceparent, tracestate });
  if (context === undefined) return events;
  return events.map((event) =>
    event["traceparent"] === undefined ? { ...event, ...context } : event,
  );
}
