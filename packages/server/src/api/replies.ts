/** How problems leave the server: as `application/problem+json`, with the headers their kind needs. */
import { PROBLEM_MEDIA_TYPE, type Problem, type ProblemError } from "@millrace/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../logger.ts";
import { toProblemError } from "./problems.ts";

/** Answers with the problem that `error` is, and logs the server's own faults with their cause. */
export function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): void {
  const refusal = toProblemError(error);
  if (refusal.code === "internal") {
    log.error(
      { err: error, requestId: request.id, method: request.method, route: route(request) },
      "request failed",
    );
  }
  sendProblem(refusal, request, reply);
}

export function sendProblem(
  refusal: ProblemError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const body = refusal.toProblem(request.id);
  void reply.code(refusal.status).headers(problemHeaders(body));
  // Bypasses the route's serialiser: the problem is written as it is, whatever the route answers with.
  void reply.serializer((value) => value as string).send(JSON.stringify(body));
}

/** The pattern of the request's route, `unmatched` when it has none: safe as a label, unlike the address. */
export function route(request: FastifyRequest): string {
  return request.routeOptions.url ?? "unmatched";
}

function problemHeaders(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = {
    "content-type": PROBLEM_MEDIA_TYPE,
    "cache-control": "no-store",
  };
  if (problem.retryAfter !== undefined) headers["retry-after"] = String(problem.retryAfter);
  if (problem.code === "unauthorized") headers["www-authenticate"] = 'Bearer realm="millrace"';
  return headers;
}
