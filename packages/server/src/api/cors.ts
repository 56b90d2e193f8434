/**
 * Web pages of the origins in `MILLRACE_ORIGINS` may call (WHATWG Fetch, "HTTP-CORS protocol"). A browser asks before it sends
 * what a plain form could not; the question carries no key, so it is answered before keys are looked at, and tells
 * nothing but what an allowed page may send. Pages of other origins get no such header, and their browser refuses.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config.ts";

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** What a page may read besides the body, and what any page may read of it (its type, its length, how it is cached). */
const EXPOSED = [
  "accept-ranges",
  "allow",
  "content-disposition",
  "content-encoding",
  "content-range",
  "etag",
  "location",
  "repr-digest",
  "retry-after",
  "www-authenticate",
].join(", ");
/** Seconds that a browser may remember the answer. */
const REMEMBERED = "600";

/** Must be called before what refuses requests without a key. */
export function allowOrigins(app: FastifyInstance, { origins }: Pick<Config, "origins">): void {
  if (origins.length === 0) return;
  app.addHook("onRequest", (request, reply, done) => {
    const { origin } = request.headers;
    if (origin === undefined || !origins.includes(origin)) return done();
    void reply.headers({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": EXPOSED,
    });
    if (isPreflight(request)) return answerPreflight(request, reply);
    return done();
  });
  // A cache must not hand one origin's answer to another.
  app.addHook("onSend", (_request, reply, payload, done) => {
    const given = reply.getHeader("vary");
    void reply.header("vary", given === undefined ? "origin" : `${String(given)}, origin`);
    done(null, payload);
  });
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

function answerPreflight(request: FastifyRequest, reply: FastifyReply): void {
  const wanted = request.headers["access-control-request-headers"];
  const isPrivate = request.headers["access-control-request-private-network"] === "true";
  void reply
    .code(204)
    .headers({
      "access-control-allow-methods": METHODS,
      "access-control-max-age": REMEMBERED,
      ...(wanted === undefined ? {} : { "access-control-allow-headers": wanted }),
      ...(isPrivate ? { "access-control-allow-private-network": "true" } : {}),
    })
    .send();
}
