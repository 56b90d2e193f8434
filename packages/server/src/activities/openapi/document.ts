/** OpenAPI documents among documents. */
import { isObject, type JsonObject } from "@millrace/language";
import type { FetchedDocument } from "../documents/source.ts";
import { ActivityFailure } from "../failure.ts";

export interface OpenApiDocument {
  /** Where it was found, after redirects: what relative server URLs resolve against. */
  readonly url: URL;
  readonly root: JsonObject;
}

/** @throws {ActivityFailure} `configuration` when it is neither OpenAPI 3 nor Swagger 2.0 */
export function openApiDocument({ url, name, root }: FetchedDocument): OpenApiDocument {
  const version = isObject(root) ? (root["openapi"] ?? root["swagger"]) : undefined;
  const known = typeof version === "string" && /^(3\.[012](\.|$)|2\.0$)/.test(version);
  // Unquoted in YAML, Swagger's version is a number.
  if (!isObject(root) || !(known || version === 2)) {
    const detail = `${name} is not an OpenAPI 3 or Swagger 2.0 document`;
    throw new ActivityFailure("configuration", detail);
  }
  return { url, root };
}
