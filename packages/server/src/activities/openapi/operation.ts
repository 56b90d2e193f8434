/** Finds an operation in an OpenAPI document, with its parameters, body and server in one form for all versions. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import { entriesOf, type OpenApiDocument } from "./document.ts";
import type { Found, Operation } from "./declarations.ts";
import { openApiBody, openApiParameter, openApiServer } from "./openapi3.ts";
import { keyParameters } from "./security.ts";
import { swaggerBody, swaggerParameter, swaggerServer } from "./swagger.ts";

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch"];

/** @throws {ActivityFailure} `configuration` when there is no such operation */
export async function findOperation(document: OpenApiDocument, id: string): Promise<Operation> {
  const found = await lookFor(document, id);
  if (found !== undefined) return describe(document, found);
  throw new ActivityFailure(
    "configuration",
    `The OpenAPI document has no operation ${JSON.stringify(id)}.`,
  );
}

/** Path items that stand elsewhere are looked at last: each may be another document to fetch. */
async function lookFor(document: OpenApiDocument, id: string): Promise<Found | undefined> {
  const { resolver, root } = document;
  const paths = await resolver.object({ node: root, document: resolver.root }, "paths");
  if (paths === undefined) return undefined;
  const all = Object.entries(paths.node).filter(([path]) => path.startsWith("/"));
  const elsewhere = ([, item]: readonly [string, Json]): boolean =>
    isObject(item) && item["$ref"] !== undefined;
  for (const entry of [...all.filter((each) => !elsewhere(each)), ...all.filter(elsewhere)]) {
    const [path, node] = entry;
    const item = await resolver.object({ node, document: paths.document });
    if (item === undefined) continue;
    const method = METHODS.find((name) => {
      const operation = item.node[name];
      return operation !== undefined && isObject(operation) && operation["operationId"] === id;
    });
    if (method === undefined) continue;
    const operation = { node: item.node[method] as JsonObject, document: item.document };
    return { id, path, method, item, operation };
  }
  return undefined;
}

async function describe(document: OpenApiDocument, found: Found): Promise<Operation> {
  const { id, path, method } = found;
  const { swagger } = document;
  const declared = await declaredParameters(document, found);
  const body = swagger
    ? swaggerBody(document, found, declared)
    : await openApiBody(document, found);
  const described = declared.flatMap((parameter) => {
    const one = swagger ? swaggerParameter(parameter) : openApiParameter(parameter);
    return one === undefined ? [] : [one];
  });
  const { parameters, key } = await keyParameters(document, found, described);
  return {
    id,
    path,
    method,
    server: swagger ? swaggerServer(document, found) : openApiServer(document, found),
    parameters,
    ...(body === undefined ? {} : { body }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Those of the path, overridden by those of the operation with the same name and place. */
async function declaredParameters(
  document: OpenApiDocument,
  { item, operation }: Found,
): Promise<readonly JsonObject[]> {
  const merged = new Map<string, JsonObject>();
  for (const level of [item, operation]) {
    for (const { node } of await entriesOf(document, level, "parameters")) {
      if (typeof node["name"] !== "string") continue;
      merged.set(JSON.stringify([node["in"], node["name"]]), node);
    }
  }
  return [...merged.values()];
}
