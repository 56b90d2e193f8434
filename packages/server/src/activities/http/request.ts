/** Builds the HTTP request of a call from its arguments (DSL reference "HTTP Call"). */
import { validateHeaderName, validateHeaderValue } from "node:http";
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument, isScalar } from "../arguments.ts";
import { FORM, type Headers, isJson, isSafe, mediaType } from "./message.ts";
import { encodeStrict } from "./uri.ts";

/** Names that frame the message or name its target; they follow from the request and cannot be given. */
const RESERVED_HEADERS = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The method in upper case. CONNECT and TRACE are refused: they speak to proxies and expose credentials. */
export function methodOf(method: string): string {
  const upper = method.toUpperCase();
  if (/^[A-Z][A-Z-]*$/.test(upper) && upper !== "CONNECT" && upper !== "TRACE") return upper;
  throw badArgument("method", `${JSON.stringify(method)} is not a method that can be called`);
}

/** Headers with lower-case names and string values; null leaves one out, a list is joined with commas. */
export function headersOf(input: JsonObject | undefined, path = "headers"): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [given, value] of Object.entries(input ?? {})) {
    const name = given.toLowerCase();
    if (value === null) continue;
    const values = Array.isArray(value) ? value : [value];
    if (!values.every(isScalar)) throw badArgument(`${path}.${given}`, "must be a string");
    if (RESERVED_HEADERS.has(name)) {
      throw badArgument(`${path}.${given}`, "is set by Millrace and cannot be given");
    }
    addHeader(headers, given, values.join(", "), path);
  }
  return headers;
}

/** Sets one header after checking that neither name nor value can break out of its line. */
export function addHeader(
  headers: Record<string, string>,
  name: string,
  value: string,
  path = "headers",
): void {
  const lower = name.toLowerCase();
  try {
    validateHeaderName(lower);
    validateHeaderValue(lower, value);
  } catch {
    // Node's own message repeats the value, which may be a secret.
    throw badArgument(`${path}.${name}`, "holds characters a header cannot carry");
  }
  headers[lower] = value;
}

/** Appends query parameters; a list repeats its name, null leaves the parameter out. */
export function addQuery(url: URL, query: JsonObject | undefined, path = "query"): void {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === null) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === null) continue;
      if (!isScalar(item))
        throw badArgument(`${path}.${name}`, "must be a scalar or a list of them");
      pairs.push(`${encodeStrict(name)}=${encodeStrict(String(item))}`);
    }
  }
  appendQuery(url, pairs);
}

/** Appends already encoded `name=value` pairs. */
export function appendQuery(url: URL, pairs: readonly string[]): void {
  if (pairs.length === 0) return;
  const existing = url.search.slice(1);
  url.search = [...(existing === "" ? [] : [existing]), ...pairs].join("&");
}

export interface EncodedBody {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/**
 * The body's bytes. A string goes as it is (`text/plain` unless a type is given); a form type takes an object of
 * fields; everything else goes as JSON. A null body is no body.
 */
export function encodeBody(
  body: Json | undefined,
  contentType: string | undefined,
): EncodedBody | undefined {
  if (body === undefined || body === null) return undefined;
  const type = mediaType(contentType);
  if (type?.startsWith("multipart/")) {
    throw badArgument("headers.content-type", `${type} is not supported by this version`);
  }
  const encode = (text: string, fallback: string): EncodedBody => ({
    bytes: Buffer.from(text, "utf8"),
    contentType: contentType ?? fallback,
  });
  if (typeof body === "string") return encode(body, "text/plain; charset=utf-8");
  if (type === FORM) return encode(encodeForm(body), FORM);
  if (type !== undefined && !isJson(type) && isScalar(body)) return encode(String(body), type);
  return encode(JSON.stringify(body), "application/json");
}

function encodeForm(body: Json): string {
  if (!isObject(body))
    throw badArgument("body", `must be a string or an object of fields for ${FORM}`);
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === null) continue;
      if (!isScalar(item)) throw badArgument(`body.${name}`, "must be a scalar or a list of them");
      form.append(name, String(item));
    }
  }
  return form.toString();
}

/**
 * What every request carries unless the author gave it. `Idempotency-Key` goes with methods that may change something,
 * so that a receiver can recognise the redelivery of an activity.
 */
export function defaultHeaders(method: string, idempotencyKey: string): Headers {
  return {
    accept: "application/json, text/*;q=0.9, */*;q=0.8",
    "user-agent": "millrace",
    ...(isSafe(method) ? {} : { "idempotency-key": idempotencyKey }),
  };
}
