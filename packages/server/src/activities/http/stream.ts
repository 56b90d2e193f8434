/** Answers that are read while they arrive: authentication, and server-sent events. */
import { createParser } from "eventsource-parser";
import type { Credentials } from "./exchange.ts";
import type { Headers, OutgoingRequest, StreamedResponse } from "./message.ts";
import type { Transport } from "./transport.ts";

/**
 * One request, and one more after a 401 that the credentials have an answer to. Redirects are answers.
 * @throws {ActivityFailure} as the transport does
 */
export async function openStream(
  transport: Transport,
  request: OutgoingRequest,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<StreamedResponse> {
  const attempt = (extra: Headers) =>
    transport.open({ ...request, headers: { ...request.headers, ...extra } }, signal);
  if (credentials === undefined) return attempt({});
  const first = await attempt(await credentials.headers(request, signal));
  if (first.status !== 401) return first;
  const refusal = { status: 401, headers: first.headers, content: Buffer.alloc(0) };
  const answer = await credentials.answer?.(request, refusal, signal);
  if (answer === undefined) return first;
  first.discard();
  return attempt(answer);
}

/** The whole body, within the limit that the stream has. */
export async function readAll({ body }: StreamedResponse): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The data of each event of a `text/event-stream` (WHATWG HTML, "Server-sent events") when it is complete. */
export async function* eventData({ body }: StreamedResponse): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let complete: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => complete.push(data) });
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    const events = complete;
    complete = [];
    yield* events;
  }
}
