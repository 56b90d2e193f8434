/**
 * Scalar values between JSON and protobuf's wire format (ProtoJSON, "JSON Representation"; "Encoding"). One departure: 64-bit
 * integers are JSON numbers where those are exact, and texts elsewhere.
 */
import type { Json } from "@millrace/language";
import type { Long, Reader, Writer } from "protobufjs";
import { badArgument } from "../arguments.ts";
import type { ScalarKind } from "./schema.ts";

export const WireType = { varint: 0, fixed64: 1, bytes: 2, group: 3, endGroup: 4, fixed32: 5 };

const WIRE_TYPES: Readonly<Record<ScalarKind, number>> = {
  double: WireType.fixed64,
  float: WireType.fixed32,
  int32: WireType.varint,
  uint32: WireType.varint,
  sint32: WireType.varint,
  fixed32: WireType.fixed32,
  sfixed32: WireType.fixed32,
  int64: WireType.varint,
  uint64: WireType.varint,
  sint64: WireType.varint,
  fixed64: WireType.fixed64,
  sfixed64: WireType.fixed64,
  bool: WireType.varint,
  string: WireType.bytes,
  bytes: WireType.bytes,
};

export function wireTypeOf(kind: ScalarKind | "enum" | "message"): number {
  if (kind === "enum") return WireType.varint;
  return kind === "message" ? WireType.bytes : WIRE_TYPES[kind];
}

export function defaultOf(kind: ScalarKind): string | number | boolean {
  if (kind === "bool") return false;
  return kind === "string" || kind === "bytes" ? "" : 0;
}

/** Writes the value without its tag. @throws {ActivityFailure} `configuration` naming `path` */
export function writeScalar(writer: Writer, kind: ScalarKind, value: Json, path: string): void {
  switch (kind) {
    case "double":
    case "float":
      writer[kind](floating(value, kind, path));
      return;
    case "int32":
    case "sint32":
    case "sfixed32":
      writer[kind](Number(integer(value, -(2n ** 31n), 2n ** 31n - 1n, kind, path)));
      return;
    case "uint32":
    case "fixed32":
      writer[kind](Number(integer(value, 0n, 2n ** 32n - 1n, kind, path)));
      return;
    case "int64":
    case "sint64":
    case "sfixed64":
      writer[kind](toLong(integer(value, -(2n ** 63n), 2n ** 63n - 1n, kind, path), false));
      return;
    case "uint64":
    case "fixed64":
      writer[kind](toLong(integer(value, 0n, 2n ** 64n - 1n, kind, path), true));
      return;
    case "bool":
      if (typeof value !== "boolean") throw badArgument(path, "must be true or false");
      writer.bool(value);
      return;
    case "string":
      if (typeof value !== "string") throw badArgument(path, "must be a string");
      writer.string(value.toWellFormed());
      return;
    case "bytes":
      writer.bytes(base64(value, path));
      return;
  }
}

export function readScalar(reader: Reader, kind: ScalarKind): string | number | boolean {
  switch (kind) {
    case "double":
      return fromFloating(reader.double());
    case "float":
      return fromFloating(shortest(reader.float()));
    case "int64":
    case "sint64":
    case "sfixed64":
      return fromLong(reader[kind](), false);
    case "uint64":
    case "fixed64":
      return fromLong(reader[kind](), true);
    case "bytes":
      return Buffer.from(reader.bytes()).toString("base64");
    default:
      return reader[kind]();
  }
}

/** The key of a map entry from the name of a JSON property. */
export function mapKey(kind: ScalarKind, name: string, path: string): Json {
  if (kind !== "bool") return name;
  if (name === "true" || name === "false") return name === "true";
  throw badArgument(path, "has a key that is neither true nor false");
}

export function fromLong(value: unknown, unsigned: boolean): string | number {
  const { low, high } = value as Long;
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  const exact = unsigned ? bits : BigInt.asIntN(64, bits);
  const near = Number(exact);
  return Number.isSafeInteger(near) ? near : String(exact);
}

export function toLong(value: bigint, unsigned: boolean): Long {
  const bits = BigInt.asUintN(64, value);
  const low = Number(bits & 0xffff_ffffn) | 0;
  return { low, high: Number(bits >> 32n) | 0, unsigned };
}

function integer(value: Json, least: bigint, most: bigint, kind: ScalarKind, path: string): bigint {
  const expected = `must be a whole number from ${least} to ${most} (${kind})`;
  if (typeof value === "number" && Number.isInteger(value)) {
    if (!Number.isSafeInteger(value) && most > 2n ** 53n) {
      throw badArgument(path, `${expected}; write so large a number as text, to keep its digits`);
    }
  } else if (typeof value !== "string" || !/^-?\d{1,20}$/.test(value)) {
    throw badArgument(path, expected);
  }
  const whole = BigInt(value);
  if (whole < least || whole > most) throw badArgument(path, expected);
  return whole;
}

const NOT_FINITE = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

function floating(value: Json, kind: "double" | "float", path: string): number {
  const number = typeof value === "string" ? (NOT_FINITE.get(value) ?? numeric(value)) : value;
  if (typeof number !== "number") throw badArgument(path, `must be a number (${kind})`);
  if (kind === "float" && Number.isFinite(number) && !Number.isFinite(Math.fround(number))) {
    throw badArgument(path, "is too large for a float");
  }
  return number;
}

function numeric(text: string): number | undefined {
  return /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function fromFloating(value: number): string | number {
  return Number.isFinite(value) ? value : String(value);
}

/** The shortest number that is the same float: 0.1 rather than 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function base64(value: Json, path: string): Buffer {
  const expected = "must be bytes in base64";
  if (typeof value !== "string") throw badArgument(path, expected);
  // Node.js skips what is not base64, so it is looked for here. The URL-safe alphabet counts too.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(value) || value.replace(/=+$/, "").length % 4 === 1) {
    throw badArgument(path, expected);
  }
  return Buffer.from(value, "base64");
}
