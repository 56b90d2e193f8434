/** `call: openapi` (DSL reference "OpenAPI Call"): an HTTP call whose request follows from a document. */
import type { Json } from "@millrace/language";
import { badArgument, endpointOf, optionalObject, requiredString } from "../arguments.ts";
import type { ActivityRequest } from "../executor.ts";
import { callOptions, credentials, performCall } from "../http/call.ts";
import type { OutgoingRequest } from "../http/message.ts";
import { appendQuery, defaultHeaders } from "../http/request.ts";
import { resolveUri } from "../http/uri.ts";
import type { DocumentRequest } from "../documents/source.ts";
import type { CallServices } from "../services.ts";
import { openApiDocument } from "./document.ts";
import type { Operation } from "./declarations.ts";
import { findOperation } from "./operation.ts";
import { type PlacedParameters, placeParameters } from "./parameters.ts";
import { asApiKey } from "./security.ts";

export async function callOpenApi(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const { input, data } = activity;
  const resource = optionalObject(input, "document");
  if (resource === undefined) throw badArgument("document", "required");
  const operationId = requiredString(input, "operationId");
  const endpoint = endpointOf(resource["endpoint"], "document.endpoint");
  const at = "document.endpoint.authentication";
  const first: DocumentRequest = {
    url: resolveUri(endpoint.uri, data, "document.endpoint"),
    ...(endpoint.authentication === undefined ? {} : { policy: endpoint.authentication }),
    ...credentials(services, endpoint.authentication, at, data),
  };
  const root = await services.documents.get(first, signal);
  // The credentials are for the origin that the author named.
  const fetch = (url: URL) =>
    services.documents.get(url.origin === first.url.origin ? { ...first, url } : { url }, signal);
  const operation = await findOperation(openApiDocument({ root, fetch }), operationId);
  const placed = placeParameters(operation, optionalObject(input, "parameters") ?? {});
  const policy = optionalObject(input, "authentication");
  const { credentials: given } = credentials(services, policy, "authentication", data);
  const { key } = operation;
  const own = given === undefined || key === undefined ? given : asApiKey(given, key);
  return performCall(
    {
      request: toRequest(operation, placed, activity.idempotencyKey),
      method: operation.method,
      ...callOptions(input),
      ...(own === undefined ? {} : { credentials: own }),
    },
    services,
    signal,
  );
}

function toRequest(
  operation: Operation,
  placed: PlacedParameters,
  idempotencyKey: string,
): OutgoingRequest {
  const method = operation.method.toUpperCase();
  const url = new URL(operation.server);
  url.pathname = `${url.pathname.replace(/\/$/, "")}${placed.path}`;
  url.hash = "";
  appendQuery(url, placed.query);
  const headers = { ...defaultHeaders(method, idempotencyKey), ...placed.headers };
  if (placed.body === undefined) return { method, url, headers };
  const { bytes, contentType } = placed.body;
  return { method, url, headers: { ...headers, "content-type": contentType }, body: bytes };
}
