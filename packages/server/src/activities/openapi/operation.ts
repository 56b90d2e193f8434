/** Finds an operation in an OpenAPI document, with its parameters, body and server in one form for all versions. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import { dereference } from "../documents/reference.ts";
import { FORM } from "../http/message.ts";
import type { OpenApiDocument } from "./document.ts";

export interface Operation {
  readonly id: string;
  /** In lower case, as in the document. */
  readonly method: string;
  /** Templated, such as `/pet/{petId}`. */
  readonly path: string;
  readonly server: URL;
  readonly parameters: readonly Parameter[];
  readonly body?: BodyDeclaration;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header" | "cookie" | "form";
  readonly required: boolean;
  readonly style: ParameterStyle;
  /** Each item or property stands for itself. */
  readonly explode: boolean;
  /** Declared with a media type: the value goes as JSON. */
  readonly json: boolean;
}
export type ParameterStyle =
  | "simple"
  | "form"
  | "spaceDelimited"
  | "pipeDelimited"
  | "tabDelimited"
  | "deepObject";

export interface BodyDeclaration {
  /** The name it has among the call's parameters. */
  readonly name: string;
  readonly required: boolean;
  readonly contentTypes: readonly string[];
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch"];

/** @throws {ActivityFailure} `configuration` when there is no such operation */
export function findOperation(document: OpenApiDocument, id: string): Operation {
  const { root } = document;
  const paths = isObject(root["paths"]) ? root["paths"] : {};
  for (const [path, entry] of Object.entries(paths)) {
    const item = dereference(root, entry) ?? {};
    for (const method of METHODS) {
      const operation = item[method];
      if (isObject(operation) && operation["operationId"] === id) {
        return describe(document, { id, path, method, item, operation });
      }
    }
  }
  throw new ActivityFailure(
    "configuration",
    `The OpenAPI document has no operation ${JSON.stringify(id)}.`,
  );
}

interface Found {
  readonly id: string;
  readonly path: string;
  readonly method: string;
  readonly item: JsonObject;
  readonly operation: JsonObject;
}

function describe(document: OpenApiDocument, found: Found): Operation {
  const { id, path, method } = found;
  const { root } = document;
  const declared = declaredParameters(root, found);
  const swagger = root["swagger"] !== undefined;
  const body = swagger ? swaggerBody(root, found, declared) : openApiBody(root, found);
  return {
    id,
    path,
    method,
    server: swagger ? swaggerServer(document, found) : openApiServer(document, found),
    parameters: declared.flatMap((parameter) => {
      const described = swagger ? swaggerParameter(parameter) : openApiParameter(parameter);
      return described === undefined ? [] : [described];
    }),
    ...(body === undefined ? {} : { body }),
  };
}

/** Those of the path, overridden by those of the operation with the same name and place. */
function declaredParameters(root: JsonObject, { item, operation }: Found): readonly JsonObject[] {
  const merged = new Map<string, JsonObject>();
  for (const entry of [...list(item["parameters"]), ...list(operation["parameters"])]) {
    const parameter = dereference(root, entry);
    if (parameter === undefined || typeof parameter["name"] !== "string") continue;
    merged.set(JSON.stringify([parameter["in"], parameter["name"]]), parameter);
  }
  return [...merged.values()];
}

/** Headers that OpenAPI 3 says are described elsewhere ("Parameter Object"). */
const IGNORED_HEADERS = new Set(["accept", "content-type", "authorization"]);

function openApiParameter(parameter: JsonObject): Parameter | undefined {
  const { name, in: place, required, content } = parameter;
  if (typeof name !== "string") return undefined;
  if (place !== "path" && place !== "query" && place !== "header" && place !== "cookie")
    return undefined;
  if (place === "header" && IGNORED_HEADERS.has(name.toLowerCase())) return undefined;
  const style = openApiStyle(parameter["style"], place);
  const explode = parameter["explode"];
  return {
    name,
    in: place,
    required: required === true || place === "path",
    style,
    explode: typeof explode === "boolean" ? explode : style === "form",
    json: isObject(content),
  };
}

function openApiStyle(style: Json | undefined, place: Parameter["in"]): ParameterStyle {
  switch (style) {
    case undefined:
      return place === "query" || place === "cookie" ? "form" : "simple";
    case "simple":
    case "form":
    case "spaceDelimited":
    case "pipeDelimited":
    case "deepObject":
      return style;
    default:
      throw new ActivityFailure(
        "configuration",
        `The OpenAPI document uses parameter style ${JSON.stringify(style)}, which is not supported by this version.`,
      );
  }
}

function swaggerParameter(parameter: JsonObject): Parameter | undefined {
  const { name, in: place, required, collectionFormat } = parameter;
  if (typeof name !== "string") return undefined;
  const target = place === "formData" ? "form" : place;
  if (target !== "path" && target !== "query" && target !== "header" && target !== "form")
    return undefined;
  const styles: Readonly<Record<string, ParameterStyle>> = {
    ssv: "spaceDelimited",
    tsv: "tabDelimited",
    pipes: "pipeDelimited",
  };
  return {
    name,
    in: target,
    required: required === true || target === "path",
    style:
      (typeof collectionFormat === "string" ? styles[collectionFormat] : undefined) ??
      (target === "query" || target === "form" ? "form" : "simple"),
    explode: collectionFormat === "multi",
    json: false,
  };
}

function openApiBody(root: JsonObject, { operation }: Found): BodyDeclaration | undefined {
  const body = dereference(root, operation["requestBody"]);
  if (body === undefined) return undefined;
  const content = isObject(body["content"]) ? body["content"] : {};
  return { name: "body", required: body["required"] === true, contentTypes: Object.keys(content) };
}

function swaggerBody(
  root: JsonObject,
  { operation }: Found,
  declared: readonly JsonObject[],
): BodyDeclaration | undefined {
  const consumes = list(operation["consumes"] ?? root["consumes"]).filter(
    (t) => typeof t === "string",
  );
  const body = declared.find((parameter) => parameter["in"] === "body");
  if (body !== undefined) {
    return {
      name: typeof body["name"] === "string" ? body["name"] : "body",
      required: body["required"] === true,
      contentTypes: consumes,
    };
  }
  const fields = declared.filter((parameter) => parameter["in"] === "formData");
  if (fields.length === 0) return undefined;
  if (fields.some((field) => field["type"] === "file")) {
    throw new ActivityFailure("configuration", "File uploads are not supported by this version.");
  }
  return { name: "body", required: false, contentTypes: [FORM] };
}

/** The nearest `servers` wins: operation, path, document; without any it is the document's own origin. */
function openApiServer({ url, root }: OpenApiDocument, { item, operation }: Found): URL {
  const servers = [operation, item, root]
    .map((level) => list(level["servers"]))
    .find((s) => s.length > 0);
  const server = servers?.[0];
  if (!isObject(server) || typeof server["url"] !== "string") return new URL("/", url);
  const variables = isObject(server["variables"]) ? server["variables"] : {};
  const text = server["url"].replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    const value = isObject(variable) ? variable["default"] : undefined;
    if (typeof value === "string") return value;
    throw new ActivityFailure(
      "configuration",
      `The server URL's variable {${name}} has no default.`,
    );
  });
  return serverUrl(text, url);
}

/** `schemes`, `host` and `basePath`; each falls back to where the document was found. HTTPS is preferred. */
function swaggerServer({ url, root }: OpenApiDocument, { operation }: Found): URL {
  const schemes = list(operation["schemes"] ?? root["schemes"]);
  const own = url.protocol.slice(0, -1);
  const scheme = ["https", "http"].find((name) => schemes.includes(name)) ?? own;
  const host = typeof root["host"] === "string" ? root["host"] : url.host;
  const basePath = typeof root["basePath"] === "string" ? root["basePath"] : "/";
  return serverUrl(`${scheme}://${host}${basePath.startsWith("/") ? "" : "/"}${basePath}`, url);
}

function serverUrl(text: string, base: URL): URL {
  const url = URL.canParse(text, base.href) ? new URL(text, base) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "") return url;
  throw new ActivityFailure("configuration", "The OpenAPI document has no usable server URL.");
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
