/** JSON → protobuf (ProtoJSON): the arguments of a call, checked against the message type that the method takes. */
import { isObject, type Json } from "@millrace/language";
import protobuf, { type Writer } from "protobufjs/minimal.js";
import { badArgument } from "../arguments.ts";
import { mapKey, WireType, wireTypeOf, writeScalar } from "./scalars.ts";
import type { FieldShape, MessageType, Schema, ValueShape } from "./schema.ts";
import { wellKnown } from "./well-known.ts";

/** Nesting that protobuf's own libraries take. */
export const MAX_DEPTH = 100;

/** How many names an error lists. */
const LISTED = 12;

export class Encoder {
  readonly schema: Schema;

  constructor(schema: Schema) {
    this.schema = schema;
  }

  /** @throws {ActivityFailure} `configuration` naming the argument that does not fit */
  encode(name: string, value: Json, path: string): Uint8Array {
    const writer = protobuf.Writer.create();
    this.message(writer, name, value, path, 0);
    return writer.finish();
  }

  /** True for a message whose JSON is not an object of its fields. */
  hasOwnForm(name: string): boolean {
    return wellKnown.has(name);
  }

  /** Writes the fields of a message, without a tag or a length. */
  message(writer: Writer, name: string, value: Json, path: string, depth: number): void {
    if (depth > MAX_DEPTH) throw badArgument(path, `is nested more than ${MAX_DEPTH} deep`);
    const special = wellKnown.get(name);
    if (special !== undefined) {
      special.write({ encoder: this, writer, value, path, depth });
      return;
    }
    if (!isObject(value)) throw badArgument(path, `must be an object (${name})`);
    this.fields(writer, this.schema.message(name), value, path, depth);
  }

  fields(
    writer: Writer,
    type: MessageType,
    value: Readonly<Record<string, Json>>,
    path: string,
    depth: number,
  ): void {
    const given = new Map<FieldShape, string>();
    const oneofs = new Map<string, string>();
    for (const [name, json] of Object.entries(value)) {
      const field = type.byName.get(name);
      if (field === undefined) throw unknownField(type, name, path);
      if (json === null && !takesNull(field.value)) continue;
      const twin = given.get(field);
      if (twin !== undefined) throw badArgument(`${path}.${name}`, `is given as ${twin} as well`);
      given.set(field, name);
      const rival = field.oneof === undefined ? undefined : oneofs.get(field.oneof);
      if (rival !== undefined) {
        throw badArgument(`${path}.${name}`, `${field.oneof} can hold this or ${rival}, not both`);
      }
      if (field.oneof !== undefined) oneofs.set(field.oneof, name);
      this.#field(writer, field, json, `${path}.${name}`, depth);
    }
    const missing = type.fields.find((field) => field.required && !given.has(field));
    if (missing !== undefined) throw badArgument(`${path}.${missing.jsonName}`, "required");
  }

  #field(writer: Writer, field: FieldShape, json: Json, path: string, depth: number): void {
    if (field.key !== undefined) this.#map(writer, field, json, path, depth);
    else if (field.repeated) this.#repeated(writer, field, json, path, depth);
    else this.value(writer, field.number, field.value, json, path, depth);
  }

  #repeated(writer: Writer, field: FieldShape, json: Json, path: string, depth: number): void {
    if (!Array.isArray(json)) throw badArgument(path, "must be a list");
    const items = json as readonly Json[];
    const { value } = field;
    if (!field.packed || wireTypeOf(value.kind) === WireType.bytes) {
      for (const [index, item] of items.entries()) {
        this.value(writer, field.number, value, item, `${path}[${index}]`, depth);
      }
      return;
    }
    if (items.length === 0) return;
    writer.uint32((field.number << 3) | WireType.bytes).fork();
    for (const [index, item] of items.entries()) {
      this.#bare(writer, value, item, `${path}[${index}]`, depth);
    }
    writer.ldelim();
  }

  #map(writer: Writer, field: FieldShape, json: Json, path: string, depth: number): void {
    const { key, number, value } = field;
    if (!isObject(json) || key === undefined) throw badArgument(path, "must be an object (a map)");
    for (const [name, item] of Object.entries(json)) {
      const at = `${path}.${name}`;
      writer.uint32((number << 3) | WireType.bytes).fork();
      writer.uint32((1 << 3) | wireTypeOf(key));
      writeScalar(writer, key, mapKey(key, name, path), `${path}, key ${name}`);
      this.value(writer, 2, value, item, at, depth);
      writer.ldelim();
    }
  }

  /** Writes one value with its tag. */
  value(
    writer: Writer,
    number: number,
    shape: ValueShape,
    json: Json,
    path: string,
    depth: number,
  ): void {
    const delimited = shape.kind === "message" && shape.delimited;
    const wireType = delimited ? WireType.group : wireTypeOf(shape.kind);
    writer.uint32((number << 3) | wireType);
    this.#bare(writer, shape, json, path, depth);
    if (delimited) writer.uint32((number << 3) | WireType.endGroup);
  }

  #bare(writer: Writer, shape: ValueShape, json: Json, path: string, depth: number): void {
    if (shape.kind === "enum") writer.int32(this.#enumeration(shape.name, json, path));
    else if (shape.kind !== "message") writeScalar(writer, shape.kind, json, path);
    else if (shape.delimited) this.message(writer, shape.name, json, path, depth + 1);
    else {
      writer.fork();
      this.message(writer, shape.name, json, path, depth + 1);
      writer.ldelim();
    }
  }

  #enumeration(name: string, json: Json, path: string): number {
    if (json === null && name === NULL_VALUE) return 0;
    const type = this.schema.enumeration(name);
    if (typeof json === "number" && Number.isInteger(json) && Math.abs(json) < 2 ** 31) return json;
    const number = typeof json === "string" ? type.numbers.get(json) : undefined;
    if (number === undefined) {
      throw badArgument(path, `must be one of ${list(type.numbers.keys())} (${name})`);
    }
    return number;
  }
}

export const NULL_VALUE = "google.protobuf.NullValue";

/** Elsewhere null means "absent". */
function takesNull(shape: ValueShape): boolean {
  return (
    (shape.kind === "message" && shape.name === "google.protobuf.Value") ||
    (shape.kind === "enum" && shape.name === NULL_VALUE)
  );
}

function unknownField(type: MessageType, name: string, path: string): Error {
  const names = list(type.fields.map(({ jsonName }) => jsonName));
  const known = names === "" ? "it has none" : `it has ${names}`;
  return badArgument(`${path}.${name}`, `${type.name} has no such field; ${known}`);
}

function list(names: Iterable<string>): string {
  const all = [...names];
  const more = all.length > LISTED ? ` and ${all.length - LISTED} more` : "";
  return `${all.slice(0, LISTED).join(", ")}${more}`;
}
