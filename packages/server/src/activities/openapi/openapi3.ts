/** What OpenAPI 3.0 and 3.1 say of an operation. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import { isJson, mediaType } from "../http/message.ts";
import type { OpenApiDocument } from "./document.ts";
import {
  type BodyDeclaration,
  type FieldDeclaration,
  type Found,
  type Parameter,
  serverUrl,
} from "./declarations.ts";
import type { ParameterStyle } from "./styles.ts";

/** Headers that OpenAPI 3 says are described elsewhere ("Parameter Object"). */
const IGNORED_HEADERS = new Set(["accept", "content-type", "authorization"]);

export function openApiParameter(parameter: JsonObject): Parameter | undefined {
  const { name, in: place, required, content, allowReserved } = parameter;
  if (typeof name !== "string") return undefined;
  if (place !== "path" && place !== "query" && place !== "header" && place !== "cookie")
    return undefined;
  if (place === "header" && IGNORED_HEADERS.has(name.toLowerCase())) return undefined;
  const style = styleOf(
    parameter["style"],
    place === "query" || place === "cookie" ? "form" : "simple",
  );
  const explode = parameter["explode"];
  return {
    name,
    in: place,
    required: required === true || place === "path",
    style,
    explode: typeof explode === "boolean" ? explode : style === "form",
    json: isObject(content ?? null) && isJson(mediaType(Object.keys(content as JsonObject)[0])),
    ...(allowReserved === true ? { reserved: true } : {}),
  };
}

function styleOf(style: Json | undefined, usual: ParameterStyle): ParameterStyle {
  switch (style) {
    case undefined:
      return usual;
    case "simple":
    case "label":
    case "matrix":
    case "form":
    case "spaceDelimited":
    case "pipeDelimited":
    case "deepObject":
      return style;
    default:
      throw new ActivityFailure(
        "configuration",
        `The OpenAPI document uses parameter style ${JSON.stringify(style)}, which OpenAPI does not have.`,
      );
  }
}

export async function openApiBody(
  { resolver }: OpenApiDocument,
  { operation }: Found,
): Promise<BodyDeclaration | undefined> {
  const body = await resolver.object(operation, "requestBody");
  if (body === undefined) return undefined;
  const content = body.node["content"];
  const media = Object.entries(content !== undefined && isObject(content) ? content : {}).map(
    ([type, node]) => ({ type, fields: fieldsOf(node) }),
  );
  return { name: "body", required: body.node["required"] === true, media };
}

/** The "Encoding Objects" of a form. */
function fieldsOf(media: Json): Readonly<Record<string, FieldDeclaration>> {
  const encoding = isObject(media) ? media["encoding"] : undefined;
  if (encoding === undefined || !isObject(encoding)) return {};
  const entries = Object.entries(encoding).flatMap(([name, node]) =>
    isObject(node) ? [[name, fieldOf(name, node)] as const] : [],
  );
  return Object.fromEntries(entries);
}

function fieldOf(name: string, node: JsonObject): FieldDeclaration {
  const { contentType, style: written, explode, allowReserved } = node;
  const named = typeof contentType === "string" ? { contentType } : {};
  const styled = written !== undefined || explode !== undefined || allowReserved !== undefined;
  if (!styled) return named;
  const style = styleOf(written, "form");
  return {
    ...named,
    styled: {
      name,
      style,
      explode: typeof explode === "boolean" ? explode : style === "form",
      json: false,
      ...(allowReserved === true ? { reserved: true } : {}),
    },
  };
}

/** The nearest `servers` wins: operation, path, document; without any it is the document's own origin. */
export function openApiServer({ url, root }: OpenApiDocument, { item, operation }: Found): URL {
  const levels = [
    [operation.node, operation.document.url],
    [item.node, item.document.url],
    [root, url],
  ] as const;
  for (const [level, base] of levels) {
    const servers = level["servers"];
    if (!Array.isArray(servers) || servers.length === 0) continue;
    const [server] = servers as readonly Json[];
    if (server === undefined || !isObject(server) || typeof server["url"] !== "string") break;
    return serverUrl(withVariables(server["url"], server), base);
  }
  return new URL("/", url);
}

function withVariables(text: string, server: JsonObject): string {
  const given = server["variables"];
  const variables = given !== undefined && isObject(given) ? given : {};
  return text.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const variable = Object.hasOwn(variables, name) ? (variables[name] ?? null) : null;
    const value = isObject(variable) ? variable["default"] : undefined;
    if (typeof value === "string") return value;
    throw new ActivityFailure(
      "configuration",
      `The server URL's variable {${name}} has no default.`,
    );
  });
}
