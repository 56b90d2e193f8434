/**
 * Bodies of requests: JSON, text, forms, several parts, bytes.
 *
 * JSON has no bytes, so these are given as `{ base64: … }` (what `output: content` gives for an image can go in there), for a
 * field of a form with `filename` and `contentType` if need be; `{ text: … }` is a file of text.
 */
import { randomUUID } from "node:crypto";
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument, isScalar } from "../arguments.ts";
import { FORM, isJson, mediaType } from "../http/message.ts";
import { type EncodedBody, encodeBody } from "../http/request.ts";
import type { FieldDeclaration, MediaDeclaration } from "./declarations.ts";
import { queryPairs } from "./styles.ts";

/** The body in a type that the operation takes. */
export function encodeMedia(
  value: Json,
  media: readonly MediaDeclaration[],
): EncodedBody | undefined {
  const chosen = mediaFor(value, media);
  const type = mediaType(chosen?.type);
  if (chosen !== undefined && type === "multipart/form-data")
    return multipart(fieldsOf(value), chosen);
  if (chosen !== undefined && type === FORM && isObject(value)) return urlEncoded(value, chosen);
  const bytes = isObject(value) && !isJson(type) ? bytesOf(value, "body") : undefined;
  if (bytes !== undefined)
    return { bytes, contentType: concrete(chosen?.type) ?? "application/octet-stream" };
  return encodeBody(value, concrete(chosen?.type) ?? (isObject(value) ? JSON_TYPE : undefined));
}

const JSON_TYPE = "application/json";

function concrete(type: string | undefined): string | undefined {
  return type === undefined || type.includes("*") ? undefined : type;
}

/** JSON where the operation takes it, unless these are bytes; for anything but objects, whatever it takes first. */
function mediaFor(value: Json, media: readonly MediaDeclaration[]): MediaDeclaration | undefined {
  const by = (fits: (type: string) => boolean) =>
    media.find(({ type }) => fits(mediaType(type) ?? ""));
  const json = by(isJson);
  const plain = by((type) => !type.includes("*") && type !== "" && !isForm(type));
  const form = by(isForm);
  const fallback: MediaDeclaration = { type: JSON_TYPE, fields: {} };
  if (!isObject(value)) return json ?? plain ?? form ?? (isScalar(value) ? media[0] : fallback);
  if (typeof value["base64"] === "string")
    return by((type) => !isJson(type) && !isForm(type)) ?? json ?? form ?? fallback;
  return json ?? form ?? plain ?? media[0] ?? fallback;
}

function isForm(type: string): boolean {
  return type === FORM || type === "multipart/form-data";
}

function fieldsOf(value: Json): JsonObject {
  if (isObject(value)) return value;
  throw badArgument("parameters.body", "must be an object of fields");
}

function urlEncoded(value: JsonObject, { fields }: MediaDeclaration): EncodedBody {
  const pairs = Object.entries(value).flatMap(([name, item]) => {
    if (item === null) return [];
    const declared = Object.hasOwn(fields, name) ? fields[name]?.styled : undefined;
    const usual = { name, style: "form", explode: true, json: isNested(item) } as const;
    return queryPairs(declared ?? usual, item);
  });
  // The form of HTML, which every reader of this type knows, has + for a space.
  return { bytes: Buffer.from(pairs.join("&").replaceAll("%20", "+")), contentType: FORM };
}

/** OpenAPI ("Encoding Object"): what is no list of scalars goes as JSON. */
function isNested(item: Json): boolean {
  return Array.isArray(item) ? !item.every(isScalar) : isObject(item);
}

/** A field of several parts with its headers (RFC 7578). */
interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly contentType?: string;
  readonly bytes: Uint8Array;
}

export function multipart(value: JsonObject, { fields }: MediaDeclaration): EncodedBody {
  const parts = Object.entries(value).flatMap(([name, item]) =>
    partsOf(name, item, Object.hasOwn(fields, name) ? (fields[name] ?? {}) : {}),
  );
  const boundary = `millrace-${randomUUID()}`;
  const chunks = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\n${headersOf(part)}\r\n\r\n`),
    part.bytes,
    Buffer.from("\r\n"),
  ]);
  const bytes = Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
  return { bytes, contentType: `multipart/form-data; boundary=${boundary}` };
}

function partsOf(name: string, item: Json, declared: FieldDeclaration): readonly Part[] {
  if (item === null) return [];
  const typed = concrete(declared.contentType?.split(",")[0]?.trim());
  const type = typed === undefined ? {} : { contentType: typed };
  if (isScalar(item)) return [{ name, ...type, bytes: Buffer.from(String(item)) }];
  if (Array.isArray(item) && !isJson(mediaType(typed)))
    return (item as readonly Json[]).flatMap((each) => partsOf(name, each, declared));
  const bytes = isObject(item) ? bytesOf(item, name) : undefined;
  if (bytes === undefined || !isObject(item))
    return [{ name, contentType: typed ?? JSON_TYPE, bytes: Buffer.from(JSON.stringify(item)) }];
  const { filename, contentType } = item;
  const own = typeof contentType === "string" ? contentType : typed;
  return [
    {
      name,
      filename: typeof filename === "string" ? filename : name,
      contentType: own ?? (item["text"] === undefined ? "application/octet-stream" : "text/plain"),
      bytes,
    },
  ];
}

const FILE_KEYS = new Set(["base64", "text", "filename", "contentType"]);

/** The bytes of `{ base64 }` or `{ text }`; undefined for any other object. */
function bytesOf(value: JsonObject, name: string): Uint8Array | undefined {
  const { base64, text } = value;
  if (!Object.keys(value).every((key) => FILE_KEYS.has(key))) return undefined;
  if (typeof text === "string" && base64 === undefined) return Buffer.from(text);
  if (typeof base64 !== "string" || text !== undefined) return undefined;
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(base64) && base64.length % 4 === 0)
    return Buffer.from(base64, "base64");
  throw badArgument(`parameters.${name}.base64`, "is not Base64 (RFC 4648 section 4)");
}

function headersOf({ name, filename, contentType }: Part): string {
  const file = filename === undefined ? "" : `; filename="${quoted(filename)}"`;
  const disposition = `Content-Disposition: form-data; name="${quoted(name)}"${file}`;
  if (contentType === undefined) return disposition;
  if (!/^[\w.+/*-]+(;[\x20-\x7e]*)?$/.test(contentType))
    throw badArgument(`parameters.${name}.contentType`, "is not a media type");
  return `${disposition}\r\nContent-Type: ${contentType}`;
}

/** As browsers write it (HTML "multipart/form-data encoding algorithm"): nothing can end the quotes or the line. */
function quoted(text: string): string {
  return text.toWellFormed().replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
