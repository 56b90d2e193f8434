/**
 * Routes for many small requests: each is answered in its first hook, by the resource itself, before the framework would read
 * the body, validate and serialise. Access has been checked by then; problems look as everywhere.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { linger } from "./bodies.ts";
import type { ApiContext } from "./context.ts";
import { note } from "./measure.ts";
import { route, sendError } from "./replies.ts";

export interface Exchange {
  readonly request: FastifyRequest;
  /** Sends a text of JSON. */
  readonly answer: (status: number, text: string, location?: string) => void;
}

/** Answers once, or rejects with what the problem is. */
export type Answerer = (exchange: Exchange) => Promise<void>;

export interface LeanRoute {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  /** For the OpenAPI document alone. */
  readonly schema: object;
  readonly run: Answerer;
}

const JSON_TYPE = "application/json; charset=utf-8";

/** Must be called where no hook measures requests: what it adds to each would cost more than the route itself. */
export function leanRoutes(
  app: FastifyInstance,
  context: ApiContext,
  routes: readonly LeanRoute[],
): void {
  // Headers of CORS go through the framework's own reply.
  const write = context.config.origins.length === 0 ? writeRaw : writeReply;
  app.setErrorHandler((error, request, reply) => {
    sendError(error, request, reply, context.log);
    note(context, request, route(request), reply.statusCode, 0);
  });
  for (const { run, ...rest } of routes) {
    app.route({
      ...rest,
      validatorCompiler: () => () => true,
      serializerCompiler: () => JSON.stringify,
      onRequest: (request, reply) => {
        const begun = performance.now();
        const ended = (): void =>
          note(context, request, rest.url, reply.statusCode, (performance.now() - begun) / 1_000);
        const answer = (status: number, text: string, location?: string): void => {
          write(reply, status, text, location);
          ended();
        };
        run({ request, answer }).catch((error: unknown) => {
          sendError(error, request, reply, context.log);
          ended();
          linger(request.raw, context.clock);
        });
      },
      handler: () => {
        throw new Error("answered before");
      },
    });
  }
}

function writeRaw({ raw }: FastifyReply, status: number, text: string, location?: string): void {
  const headers = ["content-type", JSON_TYPE, "content-length", String(Buffer.byteLength(text))];
  if (location !== undefined) headers.push("location", location);
  raw.writeHead(status, headers);
  raw.end(text);
}

function writeReply(reply: FastifyReply, status: number, text: string, location?: string): void {
  void reply.code(status).header("content-type", JSON_TYPE);
  if (location !== undefined) void reply.header("location", location);
  void reply.send(text);
}
