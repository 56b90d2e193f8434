/**
 * `google.protobuf.Any` in JSON: the message's fields with its type's URL as `@type`, or that and `value` where the message has
 * a JSON form of its own. Only types of the call's own proto documents can be named; an answer of another type comes as
 * `@type` and its bytes in base64 as `value`.
 */
import { isObject, type Json } from "@millrace/language";
import { badArgument } from "../arguments.ts";
import { WireType } from "./scalars.ts";
import type { Reading, Writing } from "./well-known.ts";

export function writeAny({ encoder, writer, value, path, depth }: Writing): void {
  if (!isObject(value)) throw badArgument(path, 'must be an object with "@type"');
  const { "@type": url, ...content } = value;
  if (typeof url !== "string") throw badArgument(`${path}.@type`, "required, as text");
  const name = typeName(url);
  if (encoder.schema.findMessage(name) === undefined) {
    throw badArgument(`${path}.@type`, "names a type that the proto document does not declare");
  }
  encoder.value(writer, 1, { kind: "string" }, url, path, depth);
  const json = encoder.hasOwnForm(name) ? (content["value"] ?? null) : content;
  encoder.value(writer, 2, { kind: "message", name, delimited: false }, json, path, depth);
}

export function readAny({ decoder, reader, end, depth }: Reading): Json {
  let url = "";
  let bytes = new Uint8Array();
  decoder.tags(reader, end, (number, wireType) => {
    if (wireType !== WireType.bytes || (number !== 1 && number !== 2)) return false;
    if (number === 1) url = reader.string();
    else bytes = Uint8Array.from(reader.bytes());
    return true;
  });
  if (url === "" && bytes.length === 0) return {};
  decoder.spend(url.length + 16);
  const name = typeName(url);
  if (decoder.schema.findMessage(name) === undefined) {
    decoder.spend(bytes.length * 2);
    return { "@type": url, value: Buffer.from(bytes).toString("base64") };
  }
  const json = decoder.nested(name, bytes, depth + 1);
  if (!decoder.hasOwnForm(name) && isObject(json)) return { "@type": url, ...json };
  return { "@type": url, value: json };
}

function typeName(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
