/**
 * `call: http` (DSL reference "HTTP Call").
 *
 * `redirect: false`, the default, makes any status outside 200–299 an error, so redirects are not followed. `redirect: true`
 * follows them (at most five) and lets a status up to 399 pass that cannot be followed, such as 304 or one without
 * `Location`.
 */
import { STATUS_CODES } from "node:http";
import type { Json, JsonObject } from "@millrace/language";
import {
  endpointOf,
  optionalBoolean,
  optionalObject,
  type OutputFormat,
  outputFormat,
  requiredString,
} from "../arguments.ts";
import type { CredentialsRequest } from "../auth/credentials.ts";
import type { ActivityRequest } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";
import type { CallServices } from "../services.ts";
import { type Credentials, type Exchange, exchange } from "./exchange.ts";
import type { OutgoingRequest } from "./message.ts";
import { toOutput } from "./output.ts";
import { addQuery, defaultHeaders, encodeBody, headersOf, methodOf } from "./request.ts";
import { describeUri, resolveUri } from "./uri.ts";

export async function callHttp(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const { input, data } = activity;
  const endpoint = endpointOf(input["endpoint"], "endpoint");
  const method = requiredString(input, "method");
  const call: HttpExchange = {
    request: httpRequest(activity, resolveUri(endpoint.uri, data, "endpoint")),
    method,
    ...callOptions(input),
    ...credentials(services, endpoint.authentication, "endpoint.authentication", data),
  };
  return performCall(call, services, signal);
}

/** One call that is ready to go; also what `call: openapi` comes down to. */
export interface HttpExchange extends CallOptions {
  readonly request: OutgoingRequest;
  /** The method as the author wrote it. */
  readonly method: string;
  readonly credentials?: Credentials;
}

export interface CallOptions {
  readonly format: OutputFormat;
  readonly redirect: boolean;
}

export function callOptions(input: JsonObject): CallOptions {
  return { format: outputFormat(input), redirect: optionalBoolean(input, "redirect") ?? false };
}

/** The credentials of an optional policy, as a property to spread. */
export function credentials(
  services: CallServices,
  policy: JsonObject | undefined,
  path: string,
  data: Json,
): { readonly credentials?: Credentials } {
  if (policy === undefined) return {};
  const request: CredentialsRequest = { policy, path, data };
  return { credentials: services.credentials(request) };
}

export async function performCall(
  call: HttpExchange,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const done = await exchange(services.transport, call.request, {
    followRedirects: call.redirect,
    ...(call.credentials === undefined ? {} : { credentials: call.credentials }),
    signal,
  });
  assertStatus(done, call.redirect);
  const { maxJsonDepth } = services.transport.limits;
  return toOutput(done, { format: call.format, method: call.method, maxJsonDepth });
}

/** @throws {ActivityFailure} `communication`, with the status that came back */
export function assertStatus({ request, response }: Exchange, redirect: boolean): void {
  const { status } = response;
  if (status >= 200 && status < (redirect ? 400 : 300)) return;
  const title = STATUS_CODES[status];
  const answer = title === undefined ? status : `${status} ${title}`;
  const hint = status >= 300 && status < 400 ? " (redirects are followed with redirect: true)" : "";
  const detail = `${request.method} ${describeUri(request.url)} answered ${answer}${hint}`;
  throw new ActivityFailure("communication", detail, { status });
}

function httpRequest({ input, idempotencyKey }: ActivityRequest, url: URL): OutgoingRequest {
  const method = methodOf(requiredString(input, "method"));
  addQuery(url, optionalObject(input, "query"));
  const given = headersOf(optionalObject(input, "headers"));
  const body = encodeBody(input["body"], given["content-type"]);
  const headers = { ...defaultHeaders(method, idempotencyKey), ...given };
  if (body === undefined) return { method, url, headers };
  return {
    method,
    url,
    headers: { ...headers, "content-type": body.contentType },
    body: body.bytes,
  };
}
