/** Payloads and headers between JSON and what goes over the wire, by content type. */
import { type Json, type JsonObject } from "@millrace/language";
import { badArgument, isScalar } from "../arguments.ts";
import { isJson, mediaType } from "../http/message.ts";
import { exceedsDepth, isText } from "../http/output.ts";

/**
 * The bytes of an outgoing payload: JSON types as JSON, text types from a string, all other types from base64. No payload is
 * no bytes.
 * @throws {ActivityFailure} `configuration` when the payload is nothing that the type can carry
 */
export function encodePayload(payload: Json | undefined, contentType: string): Uint8Array {
  if (payload === undefined) return new Uint8Array();
  const type = mediaType(contentType);
  if (isJson(type)) return Buffer.from(JSON.stringify(payload), "utf8");
  if (type !== undefined && isText(type)) {
    if (isScalar(payload)) return Buffer.from(String(payload), "utf8");
    throw badArgument("message.payload", `must be a string for ${type}`);
  }
  const bytes = typeof payload === "string" ? fromBase64(payload) : undefined;
  if (bytes === undefined) throw badArgument("message.payload", `must be base64 for ${type}`);
  return bytes;
}

function fromBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0
    ? Buffer.from(text, "base64")
    : undefined;
}

/**
 * An incoming payload: as {@link encodePayload}, the other way. Where nobody says what it is: JSON if it can be parsed, else
 * text if it is UTF-8, else base64. No bytes are null.
 * @returns undefined for what is not what its content type says, or nested deeper than `maxDepth`
 */
export function decodePayload(
  bytes: Uint8Array,
  contentType: string | undefined,
  maxDepth: number,
): Json | undefined {
  if (bytes.length === 0) return null;
  const type = mediaType(contentType);
  const base64 = (): string => Buffer.from(bytes).toString("base64");
  if (isJson(type)) return parse(bytes, maxDepth);
  if (type !== undefined) return isText(type) ? utf8(bytes) : base64();
  const parsed = parse(bytes, maxDepth);
  return parsed === undefined ? (utf8(bytes) ?? base64()) : parsed;
}

function parse(bytes: Uint8Array, maxDepth: number): Json | undefined {
  const text = utf8(bytes);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Json;
    return exceedsDepth(value, maxDepth) ? undefined : value;
  } catch {
    return undefined;
  }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Headers as text: objects and lists as JSON; null leaves one out.
 * @throws {ActivityFailure} `configuration` for characters with which a header could break out of its line
 */
export function encodeHeaders(headers: JsonObject): Record<string, string> {
  const encoded: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === null) continue;
    const text = isScalar(value) ? String(value) : JSON.stringify(value);
    // oxlint-disable-next-line no-control-regex
    if (name === "" || /[\u0000-\u001f\u007f:]/.test(name) || /[\u0000\r\n]/.test(text))
      throw badArgument(`message.headers.${name}`, "holds characters a header cannot carry");
    encoded.push([name, text]);
  }
  return Object.fromEntries(encoded);
}
