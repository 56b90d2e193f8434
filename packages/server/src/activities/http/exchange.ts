/**
 * One call's conversation: the request, at most two answers to a 401 challenge, and redirects.
 *
 * Redirects (only when asked for) follow RFC 9110 §15.4: 303 turns any method but HEAD into GET, 301 and 302 turn POST
 * into GET, 307 and 308 repeat the request. Credentials belong to the origin the author named: once a redirect leaves it,
 * `Authorization` and `Cookie` are dropped and do not come back.
 */
import { ActivityFailure } from "../failure.ts";
import type { Headers, IncomingResponse, OutgoingRequest } from "./message.ts";
import type { Transport } from "./transport.ts";
import { describeUri } from "./uri.ts";

/** How a request proves who sends it. Implementations are in ../auth. */
export interface Credentials {
  /** Headers that go with the first attempt. */
  headers(request: OutgoingRequest, signal: AbortSignal): Promise<Headers>;
  /**
   * Headers for one more attempt after a 401, or undefined when the refusal stands.
   * @param answered how many answers were refused before this one; 0 unless given
   */
  answer?(
    request: OutgoingRequest,
    response: IncomingResponse,
    signal: AbortSignal,
    answered?: number,
  ): Promise<Headers | undefined>;
}

export interface ExchangeOptions {
  readonly followRedirects: boolean;
  readonly credentials?: Credentials;
  readonly signal: AbortSignal;
}

export interface Exchange {
  /** The request that got `response`: the last one. */
  readonly request: OutgoingRequest;
  readonly response: IncomingResponse;
}

/** The second is for a nonce that became stale between challenge and answer. */
const MAX_ANSWERS = 2;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const CREDENTIAL_HEADERS = ["authorization", "cookie", "proxy-authorization"];

export async function exchange(
  transport: Transport,
  first: OutgoingRequest,
  options: ExchangeOptions,
): Promise<Exchange> {
  let request = first;
  let credentials = options.credentials;
  for (let followed = 0; ; followed += 1) {
    const done = await authenticated(transport, request, credentials, options.signal);
    const location = done.response.headers["location"];
    const follow = options.followRedirects && REDIRECTS.has(done.response.status);
    if (!follow || location === undefined) return done;
    if (followed >= transport.limits.maxRedirects) throw tooManyRedirects(first, followed);
    const url = target(location, request);
    request = redirected(request, url, done.response.status);
    if (url.origin !== first.url.origin) {
      credentials = undefined;
      request = { ...request, headers: without(request.headers, CREDENTIAL_HEADERS) };
    }
  }
}

async function authenticated(
  transport: Transport,
  request: OutgoingRequest,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<Exchange> {
  if (credentials === undefined) {
    return { request, response: await transport.send(request, signal) };
  }
  const attempt = async (extra: Headers): Promise<Exchange> => {
    const sent = { ...request, headers: { ...request.headers, ...extra } };
    return { request: sent, response: await transport.send(sent, signal) };
  };
  let done = await attempt(await credentials.headers(request, signal));
  for (let answered = 0; done.response.status === 401 && answered < MAX_ANSWERS; answered += 1) {
    const answer = await credentials.answer?.(request, done.response, signal, answered);
    if (answer === undefined) break;
    done = await attempt(answer);
  }
  return done;
}

function redirected(request: OutgoingRequest, url: URL, status: number): OutgoingRequest {
  const { method, headers, body } = request;
  const becomesGet =
    (status === 303 && method !== "HEAD") ||
    ((status === 301 || status === 302) && method === "POST");
  if (!becomesGet) return { ...request, url };
  const content = Object.keys(headers).filter((name) => name.startsWith("content-"));
  const dropped = body === undefined && method === "GET" ? [] : [...content, "idempotency-key"];
  return { method: "GET", url, headers: without(headers, dropped) };
}

function target(location: string, request: OutgoingRequest): URL {
  const url = URL.canParse(location, request.url.href) ? new URL(location, request.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ActivityFailure(
      "authorization",
      `${request.method} ${describeUri(request.url)} redirects to something that is neither http nor https`,
    );
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

function without(headers: Headers, names: readonly string[]): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

function tooManyRedirects(first: OutgoingRequest, limit: number): ActivityFailure {
  const detail = `${first.method} ${describeUri(first.url)} redirects more than ${limit} times`;
  return new ActivityFailure("communication", detail, { status: 502, title: "Too Many Redirects" });
}
