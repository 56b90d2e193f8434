/** `google.protobuf.Timestamp` is RFC 3339 text in JSON, `google.protobuf.Duration` seconds with an `s`: `1.5s`. */
import type { Json } from "@millrace/language";
import { badArgument } from "../arguments.ts";
import { WireType } from "./scalars.ts";
import type { Reading, Writing } from "./well-known.ts";

const TIMESTAMP =
  /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;
const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
/** 10,000 years (duration.proto), and 0001-01-01 to 9999-12-31 (timestamp.proto). */
const MAX_DURATION = 315_576_000_000;
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

interface Time {
  readonly seconds: number;
  readonly nanos: number;
}

export function writeTimestamp(writing: Writing): void {
  const { value, path } = writing;
  const expected = "must be a time such as 2026-11-21T14:03:07.25Z, from year 1 to 9999";
  const match = typeof value === "string" ? TIMESTAMP.exec(value.toUpperCase()) : null;
  if (match === null) throw badArgument(path, expected);
  const [, date, time, fraction = "", zone] = match;
  const seconds = Date.parse(`${date}T${time}${zone}`) / 1000;
  // Date.parse takes 30 February for 2 March.
  const sameDay = new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) === date;
  if (!sameDay || !(seconds >= FIRST_SECOND && seconds <= LAST_SECOND)) {
    throw badArgument(path, expected);
  }
  write(writing, { seconds, nanos: Number(fraction.padEnd(9, "0")) });
}

export function writeDuration(writing: Writing): void {
  const { value, path } = writing;
  const match = typeof value === "string" ? DURATION.exec(value) : null;
  const [, minus, whole, fraction = ""] = match ?? [];
  const seconds = Number(whole);
  if (match === null || seconds > MAX_DURATION) {
    throw badArgument(path, "must be a duration in seconds such as 1.5s");
  }
  const sign = minus === "-" ? -1 : 1;
  write(writing, { seconds: sign * seconds, nanos: sign * Number(fraction.padEnd(9, "0")) });
}

/** What is out of range is an invalid date, whose conversion throws: the answer is malformed. */
export function readTimestamp(reading: Reading): Json {
  const { seconds, nanos } = read(reading);
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0) throw new RangeError("time");
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}${fractionOf(nanos)}Z`;
}

export function readDuration(reading: Reading): Json {
  const { seconds, nanos } = read(reading);
  const mixed = seconds !== 0 && nanos !== 0 && Math.sign(seconds) !== Math.sign(nanos);
  if (mixed || Math.abs(seconds) > MAX_DURATION) throw new RangeError("duration");
  const sign = seconds < 0 || nanos < 0 ? "-" : "";
  return `${sign}${Math.abs(seconds)}${fractionOf(Math.abs(nanos))}s`;
}

function write({ encoder, writer, path, depth }: Writing, { seconds, nanos }: Time): void {
  encoder.value(writer, 1, { kind: "int64" }, seconds, path, depth);
  encoder.value(writer, 2, { kind: "int32" }, nanos, path, depth);
}

function read({ decoder, reader, end }: Reading): Time {
  let seconds = 0;
  let nanos = 0;
  decoder.tags(reader, end, (number, wireType) => {
    if (wireType !== WireType.varint) return false;
    if (number === 1) seconds = Number(reader.int64());
    else if (number === 2) nanos = reader.int32();
    else return false;
    return true;
  });
  if (Math.abs(nanos) > 999_999_999) throw new RangeError("nanos");
  decoder.spend(32);
  return { seconds, nanos };
}

/** With 0, 3, 6 or 9 digits. */
function fractionOf(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  return `.${digits.replace(/(000){1,2}$/, "")}`;
}
