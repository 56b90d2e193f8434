/** `Expect` (RFC 9110 section 10.1.1): when a sender that waits is told to go on. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** Whose route says when. */
const waiting = new WeakSet<IncomingMessage>();

/** Routes that look at the headers before they want the body. */
const DECIDES = /^\/v1\/payloads(?:\?|$)/;

/** @param limit bytes of a body that any other route takes: the sender of more is not told to go on, but refused */
export function answerExpectations(server: Server, limit: number): void {
  // An expectation that is not known may be ignored; Node.js would answer 417 by itself.
  server.on("checkExpectation", (request, response) => {
    server.emit("request", request, response);
  });
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    const { method, url = "", headers } = request;
    if (method === "PUT" && DECIDES.test(url)) waiting.add(request);
    else if (!(Number(headers["content-length"]) > limit)) response.writeContinue();
    server.emit("request", request, response);
  });
}

/** Tells a sender that waits to send its body. */
export function goOn(request: IncomingMessage, response: ServerResponse): void {
  if (waiting.delete(request)) response.writeContinue();
}
