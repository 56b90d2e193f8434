/** Messages with a JSON form of their own (ProtoJSON, "JSON Representation"). */
import { isObject, type Json } from "@millrace/language";
import type { Reader, Writer } from "protobufjs/minimal.js";
import { badArgument } from "../arguments.ts";
import { readAny, writeAny } from "./any.ts";
import type { Decoder } from "./decode.ts";
import type { Encoder } from "./encode.ts";
import { defaultOf, readScalar, WireType, wireTypeOf } from "./scalars.ts";
import type { FieldShape, MessageType, ScalarKind, ValueShape } from "./schema.ts";
import { readDuration, readTimestamp, writeDuration, writeTimestamp } from "./time.ts";

export interface Writing {
  readonly encoder: Encoder;
  readonly writer: Writer;
  readonly value: Json;
  readonly path: string;
  readonly depth: number;
}

export interface Reading {
  readonly decoder: Decoder;
  readonly reader: Reader;
  readonly end: number;
  readonly depth: number;
}

export interface WellKnown {
  write(writing: Writing): void;
  read(reading: Reading): Json;
}

const WRAPPERS: Readonly<Record<string, ScalarKind>> = {
  DoubleValue: "double",
  FloatValue: "float",
  Int64Value: "int64",
  UInt64Value: "uint64",
  Int32Value: "int32",
  UInt32Value: "uint32",
  BoolValue: "bool",
  StringValue: "string",
  BytesValue: "bytes",
};

function wrapper(kind: ScalarKind): WellKnown {
  return {
    write: ({ encoder, writer, value, path, depth }) =>
      encoder.value(writer, 1, { kind }, value, path, depth),
    read({ decoder, reader, end }) {
      let value = defaultOf(kind);
      decoder.tags(reader, end, (number, wireType) => {
        if (number !== 1 || wireType !== wireTypeOf(kind)) return false;
        value = readScalar(reader, kind);
        return true;
      });
      decoder.spend(typeof value === "string" ? value.length + 3 : 4);
      return value;
    },
  };
}

const VALUE: ValueShape = { kind: "message", name: "google.protobuf.Value", delimited: false };
const STRUCT: ValueShape = { kind: "message", name: "google.protobuf.Struct", delimited: false };
const LIST: ValueShape = { kind: "message", name: "google.protobuf.ListValue", delimited: false };

const value: WellKnown = {
  write({ encoder, writer, value: json, path, depth }) {
    const put = (number: number, shape: ValueShape, item: Json = json): void =>
      encoder.value(writer, number, shape, item, path, depth);
    if (json === null) put(1, { kind: "int32" }, 0);
    else if (typeof json === "number") put(2, { kind: "double" });
    else if (typeof json === "string") put(3, { kind: "string" });
    else if (typeof json === "boolean") put(4, { kind: "bool" });
    else put(Array.isArray(json) ? 6 : 5, Array.isArray(json) ? LIST : STRUCT);
  },
  read({ decoder, reader, end, depth }) {
    let json: Json = null;
    decoder.tags(reader, end, (number, wireType) => {
      if (number === 1 && wireType === WireType.varint) {
        reader.int32();
        json = null;
      } else if (number === 2 && wireType === WireType.fixed64) json = readScalar(reader, "double");
      else if (number === 3 && wireType === WireType.bytes) json = reader.string();
      else if (number === 4 && wireType === WireType.varint) json = reader.bool();
      else if ((number === 5 || number === 6) && wireType === WireType.bytes) {
        const name = number === 5 ? "google.protobuf.Struct" : "google.protobuf.ListValue";
        json = decoder.message(reader, name, decoder.lengthEnd(reader), depth + 1);
      } else return false;
      return true;
    });
    decoder.spend(typeof json === "string" ? (json as string).length + 3 : 4);
    return json;
  },
};

const list: WellKnown = {
  write({ encoder, writer, value: json, path, depth }) {
    if (!Array.isArray(json)) throw badArgument(path, "must be a list");
    for (const [index, item] of (json as readonly Json[]).entries()) {
      encoder.value(writer, 1, VALUE, item, `${path}[${index}]`, depth);
    }
  },
  read({ decoder, reader, end, depth }) {
    const items: Json[] = [];
    decoder.tags(reader, end, (number, wireType) => {
      if (number !== 1 || wireType !== WireType.bytes) return false;
      items.push(decoder.message(reader, VALUE.name, decoder.lengthEnd(reader), depth + 1));
      return true;
    });
    return items;
  },
};

/** What the plain reading gives is `{ fields: { … } }`: the fields themselves are the JSON. */
const STRUCT_FIELDS: FieldShape = {
  name: "fields",
  jsonName: "fields",
  number: 1,
  value: VALUE,
  key: "string",
  repeated: false,
  packed: false,
  presence: false,
  required: false,
};
const STRUCT_TYPE: MessageType = {
  name: STRUCT.name,
  fields: [STRUCT_FIELDS],
  byName: new Map([["fields", STRUCT_FIELDS]]),
  byNumber: new Map([[1, STRUCT_FIELDS]]),
};

const struct: WellKnown = {
  write({ encoder, writer, value: json, path, depth }) {
    if (!isObject(json)) throw badArgument(path, "must be an object");
    encoder.fields(writer, STRUCT_TYPE, { fields: json }, path, depth);
  },
  read({ decoder, reader, end, depth }) {
    const whole = decoder.fields(reader, STRUCT_TYPE, end, depth);
    return (isObject(whole) && whole["fields"]) || {};
  },
};

/** Paths in lowerCamelCase, separated by commas. */
const fieldMask: WellKnown = {
  write({ encoder, writer, value: json, path, depth }) {
    if (typeof json !== "string" || !/^[A-Za-z0-9.,]*$/.test(json)) {
      throw badArgument(path, "must be names of fields in lowerCamelCase, separated by commas");
    }
    for (const name of json === "" ? [] : json.split(",")) {
      const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      encoder.value(writer, 1, { kind: "string" }, snake, path, depth);
    }
  },
  read({ decoder, reader, end }) {
    const paths: string[] = [];
    decoder.tags(reader, end, (number, wireType) => {
      if (number !== 1 || wireType !== WireType.bytes) return false;
      const name = reader.string();
      decoder.spend(name.length + 1);
      paths.push(name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
      return true;
    });
    return paths.join(",");
  },
};

export const wellKnown: ReadonlyMap<string, WellKnown> = new Map<string, WellKnown>(
  [
    ...Object.entries(WRAPPERS).map(([name, kind]) => [name, wrapper(kind)] as const),
    ["Value", value] as const,
    ["ListValue", list] as const,
    ["Struct", struct] as const,
    ["FieldMask", fieldMask] as const,
    ["Timestamp", { write: writeTimestamp, read: readTimestamp }] as const,
    ["Duration", { write: writeDuration, read: readDuration }] as const,
    ["Any", { write: writeAny, read: readAny }] as const,
  ].map(([name, mapping]) => [`google.protobuf.${name}`, mapping]),
);
