/**
 * MCP's streamable HTTP transport (MCP 2025-06-18 "Transports"), the SDK's, over Millrace's own HTTP: its `fetch` goes
 * through the egress policy, authenticates, and bounds what all answers of a call hold together. Redirects are the SDK's:
 * it follows those within the server's origin.
 */
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { FetchLike } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ActivityFailure } from "../failure.ts";
import type { Credentials } from "../http/exchange.ts";
import {
  type Headers as PlainHeaders,
  mediaType,
  type OutgoingRequest,
  type StreamedResponse,
} from "../http/message.ts";
import { openStream } from "../http/stream.ts";
import type { Transport as HttpTransport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";
import { badAnswer } from "./failure.ts";
import { type Link, nothingHeard, overhear } from "./link.ts";

export interface HttpServer {
  readonly url: URL;
  readonly headers: PlainHeaders;
  readonly credentials?: Credentials;
}

/** Requests of one call, resumptions and answers to pings included: against a server that asks for ever more of them. */
const MAX_REQUESTS = 100;

/** @param broken is told, at most once, why no answer will come although nothing threw */
export function httpLink(
  server: HttpServer,
  transport: HttpTransport,
  broken: (failure: ActivityFailure) => void,
): Link {
  const state = nothingHeard();
  const target = `POST ${describeUri(server.url)}`;
  const noAnswer = () => badAnswer(`${target}: the stream ended without an answer`);
  const inner = new StreamableHTTPClientTransport(server.url, {
    requestInit: { headers: { "user-agent": "millrace", ...server.headers } },
    fetch: guardedFetch(server, transport, {
      streams: () => (state.streaming = true),
      // After the last bytes have gone through the SDK's parser, which takes microtasks only.
      ended: (failure) =>
        setImmediate(() => {
          if (state.awaited !== undefined && !state.resumable) broken(failure ?? noAnswer());
        }),
      broken,
    }),
  });
  const link = overhear(inner, state, {
    unanswered: () => broken(badAnswer(`${target}: the answer is not one to the request`)),
    failed: (error) => {
      if (error.name === "ZodError" || error instanceof SyntaxError)
        broken(badAnswer(`${target}: the answer is not valid JSON-RPC`));
      else if (error.message.startsWith("Maximum reconnection attempts")) broken(noAnswer());
    },
  });
  return {
    transport: link,
    async leave() {
      await Promise.allSettled(state.sending);
      await inner.terminateSession();
    },
  };
}

interface Watch {
  /** The answer to a request is a stream. */
  streams(): void;
  /** Such a stream has ended, with a failure or without. */
  ended(failure?: ActivityFailure): void;
  broken(failure: ActivityFailure): void;
}

function guardedFetch(server: HttpServer, transport: HttpTransport, watch: Watch): FetchLike {
  const { maxResponseBytes } = transport.limits;
  const target = describeUri(server.url);
  let requests = 0;
  let received = 0;
  const count = (bytes: number): void => {
    received += bytes;
    if (received > maxResponseBytes)
      throw badAnswer(`${target}: the answers are larger than ${maxResponseBytes} bytes`);
  };
  return async (url, init = {}) => {
    const request = requestOf(url, init);
    // The stream of what the server has to say unasked: one call has no use for it, and servers may not offer it.
    if (request.method === "GET" && request.headers["last-event-id"] === undefined)
      return new Response(null, { status: 405 });
    requests += 1;
    if (requests > MAX_REQUESTS) {
      const failure = badAnswer(`${target}: the call needs more than ${MAX_REQUESTS} requests`);
      watch.broken(failure);
      throw failure;
    }
    const signal = init.signal ?? new AbortController().signal;
    const response = await openStream(transport, request, server.credentials, signal);
    const streams = mediaType(response.headers["content-type"]) === "text/event-stream";
    if (streams) watch.streams();
    return toResponse(response, count, (failure) => streams && watch.ended(failure));
  };
}

function requestOf(url: string | URL, init: RequestInit): OutgoingRequest {
  const headers = Object.fromEntries(new Headers(init.headers));
  const request = { method: init.method ?? "GET", url: new URL(url), headers };
  return typeof init.body === "string" ? { ...request, body: Buffer.from(init.body) } : request;
}

function toResponse(
  response: StreamedResponse,
  count: (bytes: number) => void,
  ended: (failure?: ActivityFailure) => unknown,
): Response {
  const { status, headers, body } = response;
  // What the class of the fetch standard refuses to hold.
  if (status > 599) {
    response.discard();
    throw new ActivityFailure("communication", `The server answered with status ${status}.`);
  }
  if ([204, 205, 304].includes(status)) {
    response.discard();
    return new Response(null, { status, headers });
  }
  const pieces = body[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (done) {
          controller.close();
          ended();
          return;
        }
        count(value.length);
        controller.enqueue(value);
      } catch (error) {
        response.discard();
        controller.error(error);
        ended(error instanceof ActivityFailure ? error : undefined);
      }
    },
    cancel: () => response.discard(),
  });
  return new Response(stream, { status, headers });
}
