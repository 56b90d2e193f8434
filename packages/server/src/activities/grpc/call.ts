/**
 * `call: grpc` (DSL reference "gRPC Call"): the proto document is fetched and parsed at run time, there is no generated code.
 *
 * The output of a method that answers once is its message, of one that answers with a stream the list of its messages.
 * Connections are plain unless the port is 443, which is also the port when none is given, or the operator says otherwise
 * (`MILLRACE_GRPC_TLS`).
 */
import { isIP } from "node:net";
import { Metadata } from "@grpc/grpc-js";
import type { Json, JsonObject } from "@millrace/language";
import {
  badArgument,
  type Endpoint,
  endpointOf,
  optionalObject,
  requiredString,
} from "../arguments.ts";
import type { ActivityRequest } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";
import { tooLarge } from "../http/compression.ts";
import { credentials } from "../http/call.ts";
import type { Credentials } from "../http/exchange.ts";
import type { Headers, OutgoingRequest } from "../http/message.ts";
import { expandTemplate, resolveUri } from "../http/uri.ts";
import type { CallServices } from "../services.ts";
import { traceHeaders } from "../traced.ts";
import { Channels, describeTarget, type GrpcTarget, schemeOf } from "./channels.ts";
import { Decoder } from "./decode.ts";
import { Encoder } from "./encode.ts";
import { type Invocation, invoke } from "./invoke.ts";
import { findMethod, requestMessages } from "./method.ts";
import { ProtoParser } from "./parse.ts";
import { ProtoSource } from "./protos.ts";

/** Messages of one answer. */
export const MAX_MESSAGES = 10_000;
const DEFAULT_PORT = 443;

interface Grpc {
  readonly protos: ProtoSource;
  readonly channels: Channels;
  close(): Promise<void>;
}

function openGrpc({ clock, transport, door, settings }: CallServices): Grpc {
  const parser = new ProtoParser({ clock });
  const { resources } = settings;
  const maxMessageBytes = transport.limits.maxContentBytes;
  const channels = new Channels({ door, clock, maxMessageBytes });
  return {
    protos: new ProtoSource({
      transport,
      parser,
      clock,
      ...(resources === undefined ? {} : { resources }),
    }),
    channels,
    async close() {
      channels.close();
      await parser.close();
    },
  };
}

export async function callGrpc(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const { input, data } = activity;
  const { protos, channels } = services.keep(openGrpc);
  const target = targetOf(input, services);
  const serviceName = requiredString(serviceOf(input), "name", "service.name");
  const methodName = requiredString(input, "method");
  const schema = await protos.get(protoOf(input, data, services), signal);
  const { service, method } = findMethod(schema, serviceName, methodName);
  const path = `/${service.name}/${method.name}`;
  const messages = requestMessages(new Encoder(schema), method, input["arguments"]);
  const { limits } = services.transport;
  const answers: Json[] = [];
  const decoder = new Decoder(schema, limits.maxContentBytes);
  let bytes = 0;
  const invocation = {
    target,
    path,
    name: `${describeTarget(target)}${path}`,
    messages,
    deadline: deadlineOf(activity, services),
    onMessage(message: Buffer) {
      bytes += message.length;
      if (bytes > limits.maxResponseBytes) throw tooLarge(limits.maxResponseBytes);
      if (answers.length >= MAX_MESSAGES) throw tooMany(MAX_MESSAGES);
      if (answers.length > 0 && !method.responseStream) throw tooMany(1);
      answers.push(decoder.decode(method.responseType, message));
    },
  };
  const config = {
    channels,
    clock: services.clock,
    connectTimeout: limits.connectTimeout,
    maxMessageBytes: limits.maxContentBytes,
  };
  const breaker = services.breaker({ ...target, protocol: schemeOf(target) });
  await authenticated(activity, services, invocation, signal, (metadata) => {
    answers.length = 0;
    return breaker.run(() => invoke({ ...invocation, metadata }, config, signal), signal);
  });
  if (method.responseStream) return answers;
  const [answer] = answers;
  if (answer !== undefined) return answer;
  throw new ActivityFailure("communication", `${invocation.name}: OK, but no message came`, {
    status: 502,
  });
}

/** Does `perform` with the metadata of the call; once more when credentials have an answer to a refusal. */
async function authenticated(
  activity: ActivityRequest,
  services: CallServices,
  { target, path }: Pick<Invocation, "target" | "path">,
  signal: AbortSignal,
  perform: (metadata: Metadata) => Promise<void>,
): Promise<void> {
  const { input, data, idempotencyKey } = activity;
  const policy = optionalObject(serviceOf(input), "authentication", "service.authentication");
  const credential = grpcCredentials(services, policy, data);
  const metadataWith = (headers: Headers): Metadata => {
    const metadata = new Metadata();
    metadata.set("idempotency-key", idempotencyKey);
    for (const [name, value] of traceHeaders(activity)) metadata.set(name, value);
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return metadata;
  };
  if (credential === undefined) return perform(metadataWith({}));
  const request = asHttp(target, path);
  try {
    await perform(metadataWith(await credential.headers(request, signal)));
  } catch (error) {
    const refused = error instanceof ActivityFailure && error.kind === "authentication";
    const response = { status: 401, headers: {}, content: Buffer.alloc(0) };
    const answer = refused ? await credential.answer?.(request, response, signal) : undefined;
    if (answer === undefined) throw error;
    await perform(metadataWith(answer));
  }
}

function grpcCredentials(
  services: CallServices,
  policy: JsonObject | undefined,
  data: Json,
): Credentials | undefined {
  if (policy?.["digest"] !== undefined) {
    throw badArgument("service.authentication.digest", "gRPC has no challenge to answer");
  }
  return credentials(services, policy, "service.authentication", data).credentials;
}

/** The call as HTTP would see it, for credentials. */
function asHttp({ host, port, tls }: GrpcTarget, path: string): OutgoingRequest {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  const url = new URL(path, `${tls ? "https" : "http"}://${name}:${port}`);
  return { method: "POST", url, headers: {} };
}

function serviceOf(input: JsonObject): JsonObject {
  const service = optionalObject(input, "service");
  if (service === undefined) throw badArgument("service", "required");
  return service;
}

function targetOf(input: JsonObject, { settings }: CallServices): GrpcTarget {
  const service = serviceOf(input);
  const host = requiredString(service, "host", "service.host");
  const name = host.toLowerCase();
  if (isIP(host) === 0 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) {
    throw badArgument("service.host", "must be a host name or an address, without scheme or port");
  }
  const port = service["port"] ?? DEFAULT_PORT;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw badArgument("service.port", "must be a whole number from 1 to 65535");
  }
  const tls = port === DEFAULT_PORT || settings.grpcTls?.includes(`${name}:${port}`) === true;
  return { host: name, port, tls };
}

function protoOf(input: JsonObject, data: Json, services: CallServices) {
  const proto = optionalObject(input, "proto");
  if (proto === undefined) throw badArgument("proto", "required");
  const endpoint = endpointOf(proto["endpoint"], "proto.endpoint");
  const { authentication: policy } = endpoint;
  return {
    url: protoUrl(endpoint, data),
    ...(policy === undefined ? {} : { policy }),
    ...credentials(services, policy, "proto.endpoint.authentication", data),
  };
}

function protoUrl({ uri }: Endpoint, data: Json): URL {
  if (!/^file:/i.test(uri)) return resolveUri(uri, data, "proto.endpoint");
  const text = expandTemplate(uri, data, "proto.endpoint");
  if (!URL.canParse(text)) throw badArgument("proto.endpoint", "must be an absolute URI");
  return new URL(text);
}

function deadlineOf({ deadline }: ActivityRequest, { clock, transport }: CallServices): Date {
  const now = clock.now();
  const last = now + transport.limits.totalTimeout;
  // Of the machine's own time, which grpc-js reads.
  return new Date(Date.now() + Math.min(deadline ?? last, last) - now);
}

function tooMany(limit: number): ActivityFailure {
  const detail = `more than ${limit} ${limit === 1 ? "message" : "messages"} came`;
  return new ActivityFailure("communication", detail, { status: 502, title: "Response Too Large" });
}
