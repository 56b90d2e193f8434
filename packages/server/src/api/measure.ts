/** What is counted and logged of every request that was answered. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ApiContext } from "./context.ts";
import { route } from "./replies.ts";

/** For routes registered from here on. */
export function measure(app: FastifyInstance, context: ApiContext): void {
  app.addHook("onResponse", (request, reply, done) => {
    note(context, request, route(request), reply.statusCode, reply.elapsedTime / 1_000);
    done();
  });
}

/** @param name the route's pattern */
export function note(
  { metrics, log }: Pick<ApiContext, "metrics" | "log">,
  request: FastifyRequest,
  name: string,
  status: number,
  seconds: number,
): void {
  const { method } = request;
  metrics.httpRequest(method, name, status, seconds);
  log.debug({ requestId: request.id, method, route: name, status, seconds }, "request");
}
