/** Sends one request and reads its whole answer, within limits. Redirects and authentication are exchange.ts's. */
import { type Dispatcher, errors } from "undici";
import type { Breakers } from "../egress/breaker.ts";
import { guardedConnector } from "../egress/connector.ts";
import type { OriginOverrides } from "../egress/origins.ts";
import type { EgressPolicy } from "../egress/policy.ts";
import type { Pools } from "../egress/pools.ts";
import type { Resolve } from "../egress/resolve.ts";
import { ActivityFailure } from "../failure.ts";
import type { HttpLimits } from "../limits.ts";
import type { ResponseCaches } from "./cache.ts";
import { acceptEncoding, decompress, tooLarge } from "./compression.ts";
import type { IncomingResponse, OutgoingRequest, StreamedResponse } from "./message.ts";
import { networkFailure } from "./network-error.ts";
import { describeUri } from "./uri.ts";

export interface TransportConfig {
  /** Whose requests these are: connections and circuit breakers are shared with no other tenant. */
  readonly tenant: string;
  readonly pools: Pools;
  readonly caches: ResponseCaches;
  readonly breakers: Breakers;
  readonly policy: EgressPolicy;
  readonly limits: HttpLimits;
  readonly resolve?: Resolve;
  readonly origins: OriginOverrides;
}

export interface Transport {
  readonly limits: HttpLimits;
  /** @throws {ActivityFailure} when no complete answer came; any status is an answer */
  send(request: OutgoingRequest, signal: AbortSignal): Promise<IncomingResponse>;
  /**
   * The answer as soon as its headers are there. Its body may take as long as `signal` allows, silence included; no content
   * coding is asked for, so that every piece can be read when it comes.
   * @param maxBytes longest body; `limits.maxResponseBytes` unless given
   * @throws {ActivityFailure} when no answer came, or one in a content coding
   */
  open(request: OutgoingRequest, signal: AbortSignal, maxBytes?: number): Promise<StreamedResponse>;
}

const MAX_INFORMATION = 16;

export function httpTransport(config: TransportConfig): Transport {
  const { tenant, limits, pools, breakers } = config;
  const cache = config.caches.of(tenant);
  const connect = guardedConnector({ ...config, connectTimeout: limits.connectTimeout });
  const dispatch = (request: OutgoingRequest, origin: string, signal: AbortSignal) => {
    const by = cache.inFrontOf(pools.of(tenant, origin, connect), request);
    return by.request(toDispatch(request, origin, signal));
  };
  /** Without the cache, and without a limit on silence. */
  const dispatchStreamed = (request: OutgoingRequest, origin: string, signal: AbortSignal) => {
    const options = { ...toDispatch(request, origin, signal), bodyTimeout: 0 };
    return pools.of(tenant, origin, connect).request(options);
  };
  return {
    limits,
    async send(request, signal) {
      try {
        signal.throwIfAborted();
        const { origin } = request.url;
        return await breakers.of(tenant, origin).run(
          async () => readAnswer(request.method, await dispatch(request, origin, signal), limits),
          signal,
          ({ status }) => status >= 500,
        );
      } catch (error) {
        const cause = signal.aborted ? signal.reason : sized(error, limits);
        throw networkFailure(cause, `${request.method} ${describeUri(request.url)}`);
      }
    },
    async open(request, signal, maxBytes = limits.maxResponseBytes) {
      const target = `${request.method} ${describeUri(request.url)}`;
      const failed = (error: unknown) =>
        networkFailure(signal.aborted ? signal.reason : sized(error, limits), target);
      try {
        signal.throwIfAborted();
        const plain = {
          ...request,
          headers: { ...request.headers, "accept-encoding": "identity" },
        };
        const { origin } = request.url;
        const response = await breakers.of(tenant, origin).run(
          async () => checked(await dispatchStreamed(plain, origin, signal)),
          signal,
          ({ statusCode }) => statusCode >= 500,
        );
        return streamed(response, maxBytes, failed);
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

function toDispatch(
  request: OutgoingRequest,
  origin: string,
  signal: AbortSignal,
): Dispatcher.RequestOptions {
  const { method, url, headers, body } = request;
  return {
    origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers: { "accept-encoding": acceptEncoding, ...headers },
    ...(body === undefined ? {} : { body }),
    signal,
    onInfo: informationLimit(),
  };
}

/** Answers before the answer (RFC 9110 section 15.2) count for no time limit of the client, so their number is bounded. */
function informationLimit(): () => void {
  let left = MAX_INFORMATION;
  return () => {
    left -= 1;
    if (left < 0) throw badResponse("The server sends provisional answers without end.");
  };
}

/** With another transfer coding than chunked, nobody has undone what the server did to the body (RFC 9112 section 6.1). */
function checked(response: Dispatcher.ResponseData): Dispatcher.ResponseData {
  const coding = String(response.headers["transfer-encoding"] ?? "chunked");
  if (coding.toLowerCase() === "chunked") return response;
  response.body.on("error", () => {}).destroy();
  throw badResponse("The response is in a transfer coding that was not asked for.");
}

function streamed(
  response: Dispatcher.ResponseData,
  limit: number,
  failed: (error: unknown) => ActivityFailure,
): StreamedResponse {
  const { body, statusCode: status } = response;
  const headers = flatten(response.headers);
  const discard = (): void => void body.on("error", () => {}).destroy();
  const coding = headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (coding !== "identity") {
    discard();
    throw badResponse(`The response is in the content coding ${coding}, which was not asked for.`);
  }
  async function* bounded(): AsyncGenerator<Uint8Array> {
    let size = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > limit) throw tooLarge(limit);
        yield chunk;
      }
    } catch (error) {
      throw failed(error);
    } finally {
      discard();
    }
  }
  return { status, headers, body: bounded(), discard };
}

function badResponse(detail: string): ActivityFailure {
  return new ActivityFailure("communication", detail, { status: 502 });
}

async function readAnswer(
  method: string,
  response: Dispatcher.ResponseData,
  limits: HttpLimits,
): Promise<IncomingResponse> {
  const wire = await readBody(method, checked(response), limits.maxResponseBytes);
  const headers = flatten(response.headers);
  const coding = headers["content-encoding"];
  const content =
    coding === undefined ? wire : await decompress(wire, coding, limits.maxContentBytes);
  return { status: response.statusCode, headers, content };
}

/** The connection's word for a body that is too long, in ours. */
function sized(error: unknown, limits: HttpLimits): unknown {
  const tooLong = error instanceof errors.ResponseExceededMaxSizeError;
  return tooLong ? tooLarge(limits.maxResponseBytes) : error;
}

async function readBody(
  method: string,
  response: Dispatcher.ResponseData,
  limit: number,
): Promise<Buffer> {
  // The answer to HEAD announces what GET would bring.
  const announced = method === "HEAD" ? 0 : Number(response.headers["content-length"] ?? 0);
  if (announced > limit) {
    // Gives up the connection instead of reading on.
    response.body.on("error", () => {}).destroy();
    throw tooLarge(limit);
  }
  // What comes is counted by the connection itself (see pools.ts).
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    // By events: an iterator, or a copy into one array, takes several microseconds more.
    response.body
      .on("data", (chunk: Buffer) => void chunks.push(chunk))
      .once("error", reject)
      .once("end", () => {
        const [first] = chunks;
        resolve(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks));
      });
  });
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>) {
  const flat: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}
