/**
 * HTTP as a protocol of messages. Publishing is one request, POST unless the binding says another method. A subscription is a
 * GET whose answer is either an event stream, where each event is a message, or a plain answer, which is one message and is
 * followed by the next GET (long polling); an answer without content is no message. A stream that ends after it brought an event
 * is opened again where it was (`Last-Event-ID`), as browsers do.
 */
import type { Clock } from "../../clock.ts";
import { ActivityFailure } from "../failure.ts";
import { assertStatus } from "../http/call.ts";
import { exchange } from "../http/exchange.ts";
import type { Headers, OutgoingRequest, StreamedResponse } from "../http/message.ts";
import { mediaType } from "../http/message.ts";
import { headersOf, methodOf } from "../http/request.ts";
import { type EventStreamState, readEvents } from "../http/server-sent-events.ts";
import type {
  IncomingMessage,
  OutgoingMessage,
  Protocol,
  ProtocolContext,
  ProtocolTarget,
} from "./protocol.ts";

/** Milliseconds before the next request after an answer that brought nothing; the server of a stream may say another. */
const PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
const POLLED = "text/event-stream, application/json;q=0.9, */*;q=0.8";

export const http: Protocol = { publish, subscribe };

async function publish(
  target: ProtocolTarget,
  message: OutgoingMessage,
  { transport, signal }: ProtocolContext,
): Promise<void> {
  const request: OutgoingRequest = {
    method: methodFor(target, "POST"),
    url: urlOf(target),
    headers: {
      "user-agent": "millrace",
      "idempotency-key": message.messageId,
      "content-type": message.contentType,
      ...headersOf(message.headers, "message.headers"),
    },
    body: message.payload,
  };
  const { httpCredentials: credentials } = target;
  const options = { followRedirects: false, signal, ...(credentials && { credentials }) };
  assertStatus(await exchange(transport, request, options), false);
}

async function* subscribe(
  target: ProtocolTarget,
  context: ProtocolContext,
): AsyncGenerator<IncomingMessage> {
  const { signal, clock, maxMessageBytes } = context;
  const state: EventStreamState = {};
  for (;;) {
    const resume: Headers = state.id === undefined ? {} : { "last-event-id": state.id };
    const { request, response } = await open(target, context, resume);
    let brought = false;
    const found = isStream(response)
      ? fromStream(response, state, maxMessageBytes)
      : fromAnswer(request, response, maxMessageBytes);
    for await (const message of found) {
      brought = true;
      yield message;
    }
    if (isStream(response)) {
      if (!brought) throw closedAtOnce(request.url);
      await pause(clock, Math.min(state.retry ?? PAUSE, LONGEST_PAUSE), signal);
    } else if (!brought) await pause(clock, PAUSE, signal);
  }
}

/** Opens the answer, after one challenge if need be. */
async function open(
  target: ProtocolTarget,
  { transport, signal }: ProtocolContext,
  more: Headers,
): Promise<{ request: OutgoingRequest; response: StreamedResponse }> {
  const request: OutgoingRequest = {
    method: methodFor(target, "GET"),
    url: urlOf(target),
    headers: { "user-agent": "millrace", accept: POLLED, "cache-control": "no-store", ...more },
  };
  const { httpCredentials } = target;
  const attempt = (extra: Headers) =>
    // Each event has a limit of its own; the stream may go on for ever.
    transport.open({ ...request, headers: { ...request.headers, ...extra } }, signal, Infinity);
  let response = await attempt((await httpCredentials?.headers(request, signal)) ?? {});
  if (response.status === 401) {
    const refused = { ...response, content: Buffer.alloc(0) };
    const answer = await httpCredentials?.answer?.(request, refused, signal);
    if (answer !== undefined) {
      response.discard();
      response = await attempt(answer);
    }
  }
  if (response.status < 200 || response.status > 299) {
    response.discard();
    assertStatus({ request, response: { ...response, content: Buffer.alloc(0) } }, false);
  }
  return { request, response };
}

function isStream({ headers }: StreamedResponse): boolean {
  return mediaType(headers["content-type"]) === "text/event-stream";
}

async function* fromStream(
  { body }: StreamedResponse,
  state: EventStreamState,
  limit: number,
): AsyncGenerator<IncomingMessage> {
  for await (const { data, event, id } of readEvents(body, state, limit)) {
    yield {
      payload: Buffer.from(data, "utf8"),
      headers: { event, ...(id === undefined ? {} : { id }) },
      ack: async () => {},
    };
  }
}

async function* fromAnswer(
  { method, url }: OutgoingRequest,
  { body, headers }: StreamedResponse,
  limit: number,
): AsyncGenerator<IncomingMessage> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) {
      const detail = `${method} ${url.origin}${url.pathname}: a message is larger than ${limit} bytes`;
      throw new ActivityFailure("communication", detail, { status: 502 });
    }
    chunks.push(chunk);
  }
  if (size === 0) return;
  const contentType = headers["content-type"];
  yield {
    payload: Buffer.concat(chunks, size),
    headers,
    ...(contentType === undefined ? {} : { contentType }),
    ack: async () => {},
  };
}

function methodFor({ bindings }: ProtocolTarget, fallback: string): string {
  const { method } = bindings.operation;
  return typeof method === "string" ? methodOf(method) : fallback;
}

/** The server's path with the channel's address after it. */
export function urlOf({ secure, host, port, pathname, address }: ProtocolTarget): URL {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const path = `${pathname.replace(/\/$/, "")}/${address.replace(/^\//, "")}`;
  const text = `${secure ? "https" : "http"}://${bracketed}:${port}${path}`;
  if (URL.canParse(text)) {
    const url = new URL(text);
    url.hash = "";
    return url;
  }
  throw new ActivityFailure("configuration", "The channel's address is no path of a URL.");
}

function closedAtOnce(url: URL): ActivityFailure {
  const detail = `GET ${url.origin}${url.pathname}: the server ended the event stream without an event`;
  return new ActivityFailure("communication", detail, { status: 502 });
}

function pause(
  clock: Pick<Clock, "after">,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.after(milliseconds, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}
