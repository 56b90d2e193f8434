/** What is answered where no route matches: 405 with `Allow` where the address exists, else 404. */
import { ProblemError } from "@millrace/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "./replies.ts";

interface Address {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

export type UnmatchedHandler = (request: FastifyRequest, reply: FastifyReply) => void;

/** Must be called before the routes it is to know. */
export function unmatchedHandler(app: FastifyInstance): UnmatchedHandler {
  const addresses = new Map<string, Address>();
  app.addHook("onRoute", ({ url, method }) => {
    const address = addresses.get(url) ?? { pattern: addressPattern(url), methods: new Set() };
    for (const name of [method].flat()) address.methods.add(name);
    addresses.set(url, address);
  });
  return (request, reply) => {
    const path = request.url.split("?", 1)[0] as string;
    const methods = [...addresses.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((address) => Array.from(address.methods));
    const detail = `${request.method} ${path}`;
    if (methods.length === 0) {
      sendProblem(new ProblemError("route-not-found", { detail }), request, reply);
      return;
    }
    void reply.header("allow", [...new Set(methods)].join(", "));
    sendProblem(new ProblemError("method-not-allowed", { detail }), request, reply);
  };
}

/** `/v1/instances/:id` matches one segment in the parameter's place. */
function addressPattern(url: string): RegExp {
  const segments = url
    .split("/")
    .map((segment) => (segment.startsWith(":") ? "[^/]+" : segment.replaceAll(".", "\\.")));
  return new RegExp(`^${segments.join("/")}$`);
}
