/**
 * `call: asyncapi` (DSL reference "AsyncAPI Call"): publishes one message, or brings the messages of a subscription to the
 * instance, over the protocol of one of the document's servers. A publication's output is null: there is no answer.
 */
import type { Json, JsonObject } from "@millrace/language";
import { badArgument, endpointOf, optionalObject, optionalString } from "../arguments.ts";
import type { DocumentRequest } from "../documents/source.ts";
import type { ActivityRequest, Feed } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";
import { credentials } from "../http/call.ts";
import { resolveUri } from "../http/uri.ts";
import type { CallServices } from "../services.ts";
import { withTimeLimit } from "../time-limit.ts";
import { traceHeaders } from "../traced.ts";
import { fillAddress } from "./address.ts";
import { brokerCredentials } from "./credentials.ts";
import { type AsyncApiDocument, asyncApiDocument } from "./document.ts";
import {
  describeMessage,
  locate,
  type MessageContent,
  type MessageDefinition,
  mismatch,
} from "./message.ts";
import { bindingOf, findOperation, type Operation } from "./operation.ts";
import { encodeHeaders, encodePayload } from "./payload.ts";
import {
  failureAt,
  type OutgoingMessage,
  placeOf,
  type ProtocolContext,
  type ProtocolTarget,
} from "./protocol.ts";
import { type SelectedServer, selectServer } from "./server.ts";
import { bring } from "./subscription.ts";

export async function callAsyncApi(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
  feed: Feed,
): Promise<Json> {
  const { input } = activity;
  const message = optionalObject(input, "message");
  const subscription = optionalObject(input, "subscription");
  if ((message === undefined) === (subscription === undefined))
    throw badArgument("message", "exactly one of message and subscription is required");
  if (message !== undefined) return publish(activity, services, signal, message);
  const call = await prepare(activity, services, signal);
  const { document, definitions, server, target } = call;
  const protocol = await server.entry.load();
  const { maxJsonDepth } = services.transport.limits;
  await bring({
    open: (inner) => protocol.subscribe(target, contextOf(activity, services, inner)),
    target,
    definitions,
    ...(document.defaultContentType && { contentType: document.defaultContentType }),
    maxJsonDepth,
    clock: services.clock,
    signal,
    feed,
  });
  return null;
}

async function publish(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
  argument: JsonObject,
): Promise<Json> {
  const headers = optionalObject(argument, "headers", "message.headers") ?? {};
  const content: MessageContent = { payload: argument["payload"], headers };
  const { document, definitions, server, target } = await prepare(
    activity,
    services,
    signal,
    content,
  );
  const definition = definitionOf(definitions, content);
  const untraced = outgoing(document, definition, content, activity.idempotencyKey);
  const message = withTrace(untraced, activity, server.entry.family);
  const { clock, transport } = services;
  const limit = transport.limits.maxContentBytes;
  if (message.payload.length > limit)
    throw badArgument("message.payload", `is larger than ${limit} bytes`);
  const protocol = await server.entry.load();
  const found = definition && {
    ...target,
    bindings: { ...target.bindings, message: definition.bindings },
  };
  const send = (): Promise<void> =>
    withTimeLimit(clock, transport.limits.headersTimeout, signal, async (limited) => {
      try {
        await protocol.publish(found ?? target, message, contextOf(activity, services, limited));
      } catch (error) {
        throw failureAt(target, error, limited);
      }
    });
  // The HTTP transport has its own breaker.
  if (server.entry.family === "http") await send();
  else await services.breaker(placeOf(target)).run(send, signal);
  return null;
}

interface Prepared {
  readonly document: AsyncApiDocument;
  readonly server: SelectedServer;
  readonly target: ProtocolTarget;
  readonly definitions: readonly MessageDefinition[];
}

/** Document, operation, server and address. @param content what is published */
async function prepare(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
  content?: MessageContent,
): Promise<Prepared> {
  const { input, data } = activity;
  const document = await openDocument(activity, services, signal);
  const operation = await findOperation(document, wantedOf(input, content));
  const argument = optionalObject(input, "server") ?? {};
  const variables = optionalObject(argument, "variables", "server.variables") ?? {};
  const name = optionalString(argument, "name", "server.name");
  const wanted = optionalString(input, "protocol");
  const server = await selectServer(document, operation, {
    variables,
    ...(name === undefined ? {} : { name }),
    ...(wanted === undefined ? {} : { protocol: wanted }),
  });
  const { family } = server.entry;
  const address = await fillAddress(document, operation, {
    variables,
    family,
    ...(content === undefined ? {} : { content }),
  });
  const names = [...new Set([family, server.place.protocol])];
  const definitions: MessageDefinition[] = [];
  for (const message of operation.messages)
    definitions.push(await describeMessage(document, message, names));
  const policy = optionalObject(input, "authentication");
  const { credentials: proof } = credentials(services, policy, "authentication", data);
  return {
    document,
    server,
    definitions,
    target: {
      ...server.place,
      address,
      bindings: await bindingsOf(document, server, operation, names),
      credentials: await brokerCredentials(proof, server.place, family, signal),
      ...(proof === undefined ? {} : { httpCredentials: proof }),
    },
  };
}

async function openDocument(
  { input, data }: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<AsyncApiDocument> {
  const resource = optionalObject(input, "document");
  if (resource === undefined) throw badArgument("document", "required");
  const endpoint = endpointOf(resource["endpoint"], "document.endpoint");
  const policy = endpoint.authentication;
  const at = "document.endpoint.authentication";
  const first: DocumentRequest = {
    url: resolveUri(endpoint.uri, data, "document.endpoint"),
    ...(policy === undefined ? {} : { policy }),
    ...credentials(services, policy, at, data),
  };
  const root = await services.documents.get(first, signal);
  // The credentials are for the origin that the author named.
  const fetch = (url: URL) =>
    services.documents.get(url.origin === first.url.origin ? { ...first, url } : { url }, signal);
  return asyncApiDocument({ root, fetch });
}

function wantedOf(input: JsonObject, content: MessageContent | undefined) {
  const operation = optionalString(input, "operation");
  const channel = optionalString(input, "channel");
  if (operation === undefined && channel === undefined)
    throw badArgument("operation", "one of operation and channel is required");
  return {
    direction: content === undefined ? ("subscribe" as const) : ("publish" as const),
    ...(operation === undefined ? {} : { operation }),
    ...(channel === undefined ? {} : { channel }),
  };
}

async function bindingsOf(
  document: AsyncApiDocument,
  server: SelectedServer,
  { channel, operation }: Operation,
  names: readonly string[],
) {
  return {
    server: await bindingOf(document, server.object, names),
    channel: await bindingOf(document, channel, names),
    operation: await bindingOf(document, operation, names),
    message: {},
  };
}

/**
 * The first definition that the message is of; undefined when the document has none.
 * @throws {ActivityFailure} `validation` when the message is of none of them
 */
function definitionOf(
  definitions: readonly MessageDefinition[],
  content: MessageContent,
): MessageDefinition | undefined {
  const problems: string[] = [];
  for (const definition of definitions) {
    const problem = mismatch(definition, content);
    if (problem === undefined) return definition;
    problems.push(`${definition.name}: ${problem}`);
  }
  const [first] = problems;
  if (first === undefined) return undefined;
  const others = problems.length === 1 ? "" : `, and is none of ${problems.length - 1} others`;
  throw new ActivityFailure("validation", `with.message does not match ${first}${others}`);
}

function outgoing(
  document: AsyncApiDocument,
  definition: MessageDefinition | undefined,
  content: MessageContent,
  messageId: string,
): OutgoingMessage {
  const { payload, headers } = content;
  const fallback = typeof payload === "string" ? "text/plain; charset=utf-8" : "application/json";
  const contentType = definition?.contentType ?? document.defaultContentType ?? fallback;
  const location = definition?.correlationId;
  const correlationId = location === undefined ? undefined : locate(location, content);
  return {
    payload: encodePayload(payload, contentType),
    contentType,
    headers: encodeHeaders(headers),
    ...(correlationId === undefined ? {} : { correlationId }),
    messageId,
  };
}

/** Protocols whose messages always have room for headers; over HTTP the transport sends the context. */
const WITH_HEADERS: ReadonlySet<string> = new Set(["amqp", "kafka", "mqtt5", "nats"]);

function withTrace(
  message: OutgoingMessage,
  activity: ActivityRequest,
  family: string,
): OutgoingMessage {
  if (!WITH_HEADERS.has(family) || Object.hasOwn(message.headers, "traceparent")) return message;
  return {
    ...message,
    headers: { ...message.headers, ...Object.fromEntries(traceHeaders(activity)) },
  };
}

function contextOf(
  { instanceId, activityId }: ActivityRequest,
  { door, transport, clock }: CallServices,
  signal: AbortSignal,
): ProtocolContext {
  return {
    door,
    transport,
    clock,
    signal,
    maxMessageBytes: transport.limits.maxContentBytes,
    subscriptionId: `millrace-${instanceId}-${activityId}`,
  };
}
