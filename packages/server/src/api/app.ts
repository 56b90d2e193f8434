/** The HTTP API, put together: framework, access, errors, resources. Listening is `server.ts`'s matter. */
import { type Problem, PROBLEM_MEDIA_TYPE, problem } from "@millrace/protocol";
import { type FastifyInstance, fastify } from "fastify";
import type { Socket } from "node:net";
import { accessCheck } from "./access.ts";
import { channels } from "./channels.ts";
import { calendars } from "./calendars.ts";
import type { ApiContext } from "./context.ts";
import { allowOrigins } from "./cors.ts";
import { events } from "./events.ts";
import { answerExpectations } from "./expectations.ts";
import { functions } from "./functions.ts";
import { instances } from "./instances.ts";
import { parseJson } from "./json.ts";
import { measure } from "./measure.ts";
import { messages } from "./messages.ts";
import { openapi, openapiDocument } from "./openapi.ts";
import { payloads } from "./payloads/payloads.ts";
import { isUploading } from "./payloads/uploads.ts";
import { probes } from "./probes.ts";
import { sendError } from "./replies.ts";
import { type UnmatchedHandler, unmatchedHandler } from "./routing.ts";
import { schedules } from "./schedules.ts";
import { secrets } from "./secrets.ts";
import { start } from "./start.ts";
import { stream } from "./stream.ts";
import { webhooks } from "./webhooks.ts";
import { workers } from "./workers.ts";
import { workflows } from "./workflows.ts";

/** Longest part of an address: the schemas say which are too long, with words. */
const MAX_PARAMETER = 4_096;
/** Longest time a whole request may take to arrive, an upload's body apart. */
const REQUEST_TIMEOUT_MS = 30_000;

export async function createApp(context: ApiContext): Promise<FastifyInstance> {
  const app = createFastify(context);
  const unmatched = unmatchedHandler(app);
  readBodies(app);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, context.log));
  allowOrigins(app, context.config);
  const check = accessCheck(context.config);
  app.addHook("onRequest", (request, _reply, done) => {
    try {
      check(request);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  answerExpectations(app.server, context.config.maxBodyBytes);
  await openapi(app);
  await app.register(messages(context));
  await app.register(measured(context, unmatched));
  return app;
}

const RESOURCES = [
  openapiDocument,
  workflows,
  functions,
  start,
  instances,
  stream,
  schedules,
  calendars,
  events,
  payloads,
  secrets,
  webhooks,
  channels,
  workers,
  probes,
] as const;

/** In a scope of its own, so that the hook which measures is not on the routes that must do without. */
function measured(context: ApiContext, unmatched: UnmatchedHandler) {
  return async (app: FastifyInstance): Promise<void> => {
    measure(app, context);
    app.setNotFoundHandler(unmatched);
    for (const resource of RESOURCES) await app.register(resource(context));
  };
}

function createFastify(context: ApiContext): FastifyInstance {
  const { requestTimeout = REQUEST_TIMEOUT_MS } = context;
  return fastify({
    logger: false,
    bodyLimit: context.config.maxBodyBytes,
    requestTimeout,
    http: { requireHostHeader: false, connectionsCheckingInterval: requestTimeout },
    routerOptions: { maxParamLength: MAX_PARAMETER },
    return503OnClosing: false,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: "array", allErrors: false } },
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket),
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, context.log),
  });
}

/** JSON alone, unless a resource says otherwise. An empty body is as good as none. */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseJson(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Bytes that are no HTTP request never reach a route; the answer is written to the socket by hand. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  // It has a time limit of its own.
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && isUploading(socket)) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = unreadable(error.code);
  const body = JSON.stringify(refusal);
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.code}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function unreadable(code: string | undefined): Problem {
  if (code === "HPE_HEADER_OVERFLOW") return problem("headers-too-large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return problem("request-timeout");
  if (code === "HPE_INVALID_EOF_STATE")
    return problem("invalid-request", { detail: "the connection ended within a request" });
  return problem("invalid-request", { detail: "the bytes sent are not an HTTP/1.1 request" });
}
