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
  /** Sends a text of JSON, or nothing but the headers. @param headers more of them, names and values in turn */
  readonly answer: (status: number, text: string | undefined, headers?: readonly string[]) => void;
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
const NONE: readonly string[] = [];

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
        const answer: Exchange["answer"] = (status, text, headers = NONE) => {
          write(reply, status, text, headers);
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

type Write = (
  reply: FastifyReply,
  status: number,
  text: string | undefined,
  more: readonly string[],
) => void;

const writeRaw: Write = ({ raw }, status, text, more) => {
  if (text === undefined) {
    raw.writeHead(status, more as string[]);
    raw.end();
    return;
  }
  const length = String(Buffer.byteLength(text));
  raw.writeHead(status, ["content-type", JSON_TYPE, "content-length", length, ...more]);
  raw.end(text);
};

const writeReply: Write = (reply, status, text, more) => {
  void reply.code(status);
  for (let at = 0; at < more.length; at += 2) void reply.header(more[at]!, more[at + 1]);
  if (text !== undefined) void reply.header("content-type", JSON_TYPE);
  void reply.send(text);
};
