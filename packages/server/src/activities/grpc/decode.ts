/**
 * Protobuf → JSON (ProtoJSON): an answer, read by the message type that the method gives. Fields without presence appear with
 * their default, so `.count == 0` works in expressions; absent ones with presence do not. Unknown fields are skipped.
 *
 * A few bytes of an answer can stand for much JSON (a repeated message of many fields, all absent), so what comes out is
 * bounded as well as what comes in.
 */
import type { Json } from "@millrace/language";
import protobuf, { type Reader } from "protobufjs/minimal.js";
import { ActivityFailure } from "../failure.ts";
import { tooLarge } from "../http/compression.ts";
import { MAX_DEPTH, NULL_VALUE } from "./encode.ts";
import { defaultOf, readScalar, WireType, wireTypeOf } from "./scalars.ts";
import type { FieldShape, MessageType, Schema, ValueShape } from "./schema.ts";
import { wellKnown } from "./well-known.ts";

/** What is read of a message until its end: the collected values of each field. */
type Values = Map<FieldShape, Json | Json[] | Map<string, Json>>;

export class Decoder {
  readonly schema: Schema;
  readonly #limit: number;
  #left: number;

  /** @param limit characters of JSON, roughly, that all messages together may become */
  constructor(schema: Schema, limit: number) {
    this.schema = schema;
    this.#limit = limit;
    this.#left = limit;
  }

  /** @throws {ActivityFailure} `communication` 502 when the bytes are no such message, or too much comes out */
  decode(name: string, bytes: Uint8Array): Json {
    try {
      return this.nested(name, bytes, 0);
    } catch (error) {
      if (error instanceof ActivityFailure) throw error;
      throw new ActivityFailure("communication", `the answer is not a valid ${name}`, {
        status: 502,
      });
    }
  }

  nested(name: string, bytes: Uint8Array, depth: number): Json {
    const reader = protobuf.Reader.create(bytes);
    return this.message(reader, name, reader.len, depth);
  }

  hasOwnForm(name: string): boolean {
    return wellKnown.has(name);
  }

  message(reader: Reader, name: string, end: number, depth: number): Json {
    if (depth > MAX_DEPTH) throw malformed();
    const special = wellKnown.get(name);
    if (special !== undefined) return special.read({ decoder: this, reader, end, depth });
    return this.fields(reader, this.schema.message(name), end, depth);
  }

  fields(reader: Reader, type: MessageType, end: number, depth: number): Json {
    const values: Values = new Map();
    const oneofs = new Map<string, FieldShape>();
    this.tags(reader, end, (number, wireType) => {
      const field = type.byNumber.get(number);
      if (field === undefined) return false;
      if (field.oneof !== undefined) {
        const rival = oneofs.get(field.oneof);
        if (rival !== undefined) values.delete(rival);
        oneofs.set(field.oneof, field);
      }
      return this.#field(reader, field, wireType, values, depth);
    });
    return this.#toJson(type, values);
  }

  /** Reads tags up to `end`, or to the end of the group; what `take` does not take (false) is skipped. */
  tags(reader: Reader, end: number, take: (number: number, wireType: number) => boolean): void {
    while (reader.pos < end) {
      const tag = reader.uint32();
      const wireType = tag & 7;
      if (wireType === WireType.endGroup) return;
      if (!take(tag >>> 3, wireType)) reader.skipType(wireType);
    }
    if (reader.pos > end) throw malformed();
  }

  /** The end of what a length stands before. */
  lengthEnd(reader: Reader): number {
    const end = reader.uint32() + reader.pos;
    if (end > reader.len) throw malformed();
    return end;
  }

  /** Takes from what may come out. */
  spend(characters: number): void {
    this.#left -= characters;
    if (this.#left < 0) throw tooLarge(this.#limit);
  }

  #field(
    reader: Reader,
    field: FieldShape,
    wireType: number,
    values: Values,
    depth: number,
  ): boolean {
    const { value, key } = field;
    if (key !== undefined) {
      if (wireType !== WireType.bytes) return false;
      this.#entry(reader, field, values, depth);
      return true;
    }
    const own = wireTypeOf(value.kind);
    const packed = field.repeated && wireType === WireType.bytes && own !== WireType.bytes;
    const group = value.kind === "message" && wireType === WireType.group;
    if (!packed && !group && wireType !== own) return false;
    if (!field.repeated) values.set(field, this.#value(reader, value, wireType, depth));
    else {
      const list = (values.get(field) ?? []) as Json[];
      values.set(field, list);
      if (!packed) list.push(this.#value(reader, value, wireType, depth));
      else {
        const end = this.lengthEnd(reader);
        while (reader.pos < end) list.push(this.#value(reader, value, own, depth));
        if (reader.pos > end) throw malformed();
      }
    }
    return true;
  }

  #entry(reader: Reader, field: FieldShape, values: Values, depth: number): void {
    const { key = "string", value } = field;
    let name = defaultOf(key);
    let item: Json | undefined;
    this.tags(reader, this.lengthEnd(reader), (number, wireType) => {
      if (number === 1 && wireType === wireTypeOf(key)) name = readScalar(reader, key);
      else if (number === 2 && wireType === wireTypeOf(value.kind)) {
        item = this.#value(reader, value, wireType, depth);
      } else return false;
      return true;
    });
    const map = (values.get(field) ?? new Map<string, Json>()) as Map<string, Json>;
    const text = String(name);
    this.spend(text.length + 4);
    map.set(text, item ?? this.#absent(value, depth));
    values.set(field, map);
  }

  #value(reader: Reader, shape: ValueShape, wireType: number, depth: number): Json {
    if (shape.kind === "message") {
      const end = wireType === WireType.group ? reader.len : this.lengthEnd(reader);
      return this.message(reader, shape.name, end, depth + 1);
    }
    const json =
      shape.kind === "enum"
        ? this.#name(shape.name, reader.int32())
        : readScalar(reader, shape.kind);
    this.spend(typeof json === "string" ? json.length + 3 : 4);
    return json;
  }

  #name(name: string, number: number): Json {
    if (name === NULL_VALUE) return null;
    return this.schema.enumeration(name).names.get(number) ?? number;
  }

  /** The value of a field or a map entry that is not there. */
  #absent(shape: ValueShape, depth: number): Json {
    if (shape.kind === "enum") {
      return this.#name(shape.name, this.schema.enumeration(shape.name).first);
    }
    if (shape.kind !== "message") return defaultOf(shape.kind);
    return this.nested(shape.name, new Uint8Array(), depth + 1);
  }

  #toJson(type: MessageType, values: Values): Json {
    const properties: [string, Json][] = [];
    for (const field of type.fields) {
      const value = values.get(field);
      if (value === undefined && field.presence) continue;
      this.spend(field.jsonName.length + 4);
      properties.push([field.jsonName, this.#property(field, value)]);
    }
    this.spend(2);
    return Object.fromEntries(properties);
  }

  #property(field: FieldShape, value: Json | Map<string, Json> | undefined): Json {
    if (value instanceof Map) return Object.fromEntries(value);
    if (value !== undefined) return value;
    if (field.key !== undefined) return {};
    if (field.repeated) return [];
    return this.#absent(field.value, 0);
  }
}

export function malformed(): Error {
  return new RangeError("malformed message");
}
