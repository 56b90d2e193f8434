/**
 * `GET /v1/instances/{id}/events`: an instance's history as server-sent events (WHATWG HTML section 9.2), as it is
 * committed.
 *
 * Each event's id is its `seq`, so a client that reconnects with `Last-Event-ID` goes on where it was. The stream ends
 * after the final fact; a client that comes back after that gets 204, which tells an EventSource to stop. A comment
 * line now and then keeps proxies from closing a quiet stream.
 */
import { ProblemError, isFinal } from "@millrace/protocol";
import { InstancePath, StreamQuery } from "@millrace/protocol/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { once } from "node:events";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { ApiContext } from "./context.ts";
import { problems } from "./documented.ts";
import * as wire from "./wire.ts";

const HEARTBEAT_MS = 15_000;

type StreamRequest = FastifyRequest<{ Params: InstancePath; Querystring: StreamQuery }>;

const SCHEMA = {
  operationId: "streamEvents",
  summary: "Follow an instance's history",
  description: "Server-sent events: `id` is the `seq`, `event` the kind, `data` a HistoryEvent.",
  tags: ["instances"],
  params: InstancePath,
  querystring: StreamQuery,
  response: {
    200: {
      description:
        "The history from `Last-Event-ID` (or `after`) on, until the instance has ended.",
      content: { "text/event-stream": { schema: { type: "string" } } },
    },
    204: { description: "The instance has ended and there is nothing left to send.", type: "null" },
    ...problems("instance-not-found", "payload-corrupt"),
  },
};

export function stream(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    app.get<{ Params: InstancePath; Querystring: StreamQuery }>("/v1/instances/:id/events", {
      schema: SCHEMA,
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const after = startingPoint(request);
        if (await nothingLeft(context, request.params.id, after)) return reply.code(204).send();
        reply.hijack();
        await follow(context, request.params.id, after, reply);
        return reply;
      },
    });
  };
}

function startingPoint(request: StreamRequest): number {
  const header = request.headers["last-event-id"];
  if (header === undefined || header === "") return request.query.after ?? 0;
  if (typeof header === "string" && /^\d{1,15}$/.test(header)) return Number(header);
  throw new ProblemError("invalid-request", {
    detail: `Last-Event-ID: ${String(header)}: expected the id of an event of this stream`,
    issues: [{ path: "headers.last-event-id", message: "expected a whole number" }],
  });
}

/** @throws {RuntimeError} `not-found`, while the answer can still say so */
async function nothingLeft({ runtime }: ApiContext, id: string, after: number): Promise<boolean> {
  const { status } = await runtime.getInstance(id);
  if (!isFinal(status) || after === 0) return false;
  const { events } = await runtime.getHistory(id, after, 1);
  return events.length === 0;
}

async function follow(
  context: ApiContext,
  id: string,
  after: number,
  reply: FastifyReply,
): Promise<void> {
  const response = reply.raw;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, context.stopping]);
  response.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const stopHeartbeats = heartbeats(context, response);
  try {
    for await (const fact of context.runtime.watch(id, after, signal)) {
      const event = wire.historyEvent(fact);
      const text = `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
      if (!response.write(text)) await once(response, "drain", { signal });
    }
  } catch (error) {
    // The answer has begun: all that is left is to end it, and the client resumes where it was.
    if (!signal.aborted) context.log.error({ err: error, instanceId: id }, "event stream failed");
  } finally {
    stopHeartbeats();
    response.end();
  }
}

function heartbeats({ clock }: ApiContext, response: ServerResponse): () => void {
  let cancel = (): void => {};
  const beat = (): void => {
    // A client that does not read gets no more: its connection ends when the kernel gives it up.
    if (!response.writableNeedDrain) response.write(": still here\n\n");
    cancel = clock.after(HEARTBEAT_MS, beat);
  };
  cancel = clock.after(HEARTBEAT_MS, beat);
  return () => cancel();
}
