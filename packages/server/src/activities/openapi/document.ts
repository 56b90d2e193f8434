/** OpenAPI documents among documents. */
import { isObject, type JsonObject } from "@millrace/language";
import { type LocatedObject, Resolver, type ResolverConfig } from "../documents/resolver.ts";
import { ActivityFailure } from "../failure.ts";

export interface OpenApiDocument {
  /** Where it was found, after redirects: what relative server URLs resolve against. */
  readonly url: URL;
  readonly root: JsonObject;
  readonly swagger: boolean;
  readonly resolver: Resolver;
}

/** @throws {ActivityFailure} `configuration` when it is neither OpenAPI 3 nor Swagger 2.0 */
export function openApiDocument(config: ResolverConfig): OpenApiDocument {
  const { url, name, root } = config.root;
  const version = isObject(root) ? (root["openapi"] ?? root["swagger"]) : undefined;
  const known = typeof version === "string" && /^(3\.[012](\.|$)|2\.0$)/.test(version);
  // Unquoted in YAML, Swagger's version is a number.
  if (!isObject(root) || !(known || version === 2)) {
    const detail = `${name} is not an OpenAPI 3 or Swagger 2.0 document`;
    throw new ActivityFailure("configuration", detail);
  }
  return { url, root, swagger: root["swagger"] !== undefined, resolver: new Resolver(config) };
}

/** An item of the operation being described, with the document it stands in. */
export type Entry = LocatedObject;

/** The items of a list that stands there; each with its references followed. */
export async function entriesOf(
  { resolver }: OpenApiDocument,
  from: Entry,
  key: string,
): Promise<readonly Entry[]> {
  const list = await resolver.find(from, key);
  if (list === undefined || !Array.isArray(list.node)) return [];
  const entries: Entry[] = [];
  for (const node of list.node) {
    const entry = await resolver.object({ node, document: list.document });
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}
