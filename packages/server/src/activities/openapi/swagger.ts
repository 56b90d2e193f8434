/** What Swagger 2.0 says of an operation. */
import type { Json, JsonObject } from "@millrace/language";
import { FORM } from "../http/message.ts";
import type { OpenApiDocument } from "./document.ts";
import { type BodyDeclaration, type Found, type Parameter, serverUrl } from "./declarations.ts";
import type { ParameterStyle } from "./styles.ts";

const STYLES: Readonly<Record<string, ParameterStyle>> = {
  ssv: "spaceDelimited",
  tsv: "tabDelimited",
  pipes: "pipeDelimited",
};

export function swaggerParameter(parameter: JsonObject): Parameter | undefined {
  const { name, in: place, required, collectionFormat, type } = parameter;
  if (typeof name !== "string") return undefined;
  const target = place === "formData" ? "form" : place;
  if (target !== "path" && target !== "query" && target !== "header" && target !== "form")
    return undefined;
  const format = typeof collectionFormat === "string" ? collectionFormat : "csv";
  const own = Object.hasOwn(STYLES, format) ? STYLES[format] : undefined;
  return {
    name,
    in: target,
    required: required === true || target === "path",
    style: own ?? (target === "query" || target === "form" ? "form" : "simple"),
    explode: format === "multi",
    json: false,
    ...(type === "file" ? { file: true } : {}),
  };
}

export function swaggerBody(
  { root }: OpenApiDocument,
  { operation }: Found,
  declared: readonly JsonObject[],
): BodyDeclaration | undefined {
  const consumes = textsOf(operation.node["consumes"] ?? root["consumes"]);
  const media = consumes.map((type) => ({ type, fields: {} }));
  const body = declared.find((parameter) => parameter["in"] === "body");
  if (body !== undefined) {
    const name = typeof body["name"] === "string" ? body["name"] : "body";
    return { name, required: body["required"] === true, media };
  }
  const fields = declared.filter((parameter) => parameter["in"] === "formData");
  if (fields.length === 0) return undefined;
  const multipart =
    fields.some((field) => field["type"] === "file") ||
    (consumes.length > 0 && consumes.every((type) => type.startsWith("multipart/")));
  const type = multipart ? "multipart/form-data" : FORM;
  return { name: "body", required: false, media: [{ type, fields: {} }] };
}

/** `schemes`, `host` and `basePath`; each falls back to where the document was found. HTTPS is preferred. */
export function swaggerServer({ url, root }: OpenApiDocument, { operation }: Found): URL {
  const schemes = textsOf(operation.node["schemes"] ?? root["schemes"]);
  const own = url.protocol.slice(0, -1);
  const scheme = ["https", "http"].find((name) => schemes.includes(name)) ?? own;
  const host = typeof root["host"] === "string" ? root["host"] : url.host;
  const basePath = typeof root["basePath"] === "string" ? root["basePath"] : "/";
  return serverUrl(`${scheme}://${host}${basePath.startsWith("/") ? "" : "/"}${basePath}`, url);
}

function textsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
