/**
 * Columns as one parameter each, in the form that is cheapest for both sides: a text array would be escaped and parsed
 * character by character.
 */

/** U+001F, the unit separator. JSON text holds no control character, and neither do ids. */
const SEPARATOR = "\x1f";

/**
 * Texts without U+001F as one text, for `string_to_array($n, E'\x1f', '')`; the empty text stands for NULL.
 * JSON and ids only: what a user may word freely goes as an array.
 */
export function joined<T>(rows: readonly T[], pick: (row: T) => string | undefined): string {
  let text = "";
  for (const [index, row] of rows.entries()) {
    if (index > 0) text += SEPARATOR;
    text += pick(row) ?? "";
  }
  return text;
}

const HEADER = 20;
const BYTEA = 17;
const INT8 = 20;
const INT4 = 23;

/** Whole numbers (at most 2^53) as a `bigint[]` in PostgreSQL's binary form; undefined is NULL. */
export function bigints<T>(rows: readonly T[], pick: (row: T) => number | undefined): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + rows.length * 12);
  let nulls = 0;
  let at = HEADER;
  for (const row of rows) {
    const value = pick(row);
    if (value === undefined) {
      nulls = 1;
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
    at = buffer.writeUInt32BE(value >>> 0, at);
  }
  return header(buffer, INT8, rows.length, nulls).subarray(0, at);
}

/** Whole numbers of 32 bits as an `int[]` in PostgreSQL's binary form. */
export function ints<T>(rows: readonly T[], pick: (row: T) => number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + rows.length * 8);
  let at = HEADER;
  for (const row of rows) {
    at = buffer.writeInt32BE(4, at);
    at = buffer.writeInt32BE(pick(row), at);
  }
  return header(buffer, INT4, rows.length, 0);
}

/** 64-bit hashes, 16 hexadecimal digits each, as a `bigint[]` in PostgreSQL's binary form. */
export function hashes<T>(rows: readonly T[], pick: (row: T) => string): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + rows.length * 12);
  let at = HEADER;
  for (const row of rows) {
    at = buffer.writeInt32BE(8, at);
    at += buffer.write(pick(row), at, 8, "hex");
  }
  return header(buffer, INT8, rows.length, 0);
}

/** SHA-256 digests, 64 hexadecimal digits each, as a `bytea[]` in PostgreSQL's binary form. */
export function digests<T>(rows: readonly T[], pick: (row: T) => string): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + rows.length * 36);
  let at = HEADER;
  for (const row of rows) {
    at = buffer.writeInt32BE(32, at);
    const written = buffer.write(pick(row), at, 32, "hex");
    if (written !== 32) throw new Error("not a SHA-256 digest in hexadecimal");
    at += written;
  }
  return header(buffer, BYTEA, rows.length, 0);
}

/** Bytes as a `bytea[]` in PostgreSQL's binary form. */
export function byteas<T>(rows: readonly T[], pick: (row: T) => Buffer): Buffer {
  let length = HEADER;
  for (const row of rows) length += 4 + pick(row).length;
  const buffer = Buffer.allocUnsafe(length);
  let at = HEADER;
  for (const row of rows) {
    const bytes = pick(row);
    at = buffer.writeInt32BE(bytes.length, at);
    buffer.set(bytes, at);
    at += bytes.length;
  }
  return header(buffer, BYTEA, rows.length, 0);
}

/** One dimension from 1; see array_recv in PostgreSQL's arrayfuncs.c. */
function header(buffer: Buffer, type: number, length: number, nulls: number): Buffer {
  let at = buffer.writeInt32BE(1, 0);
  at = buffer.writeInt32BE(nulls, at);
  at = buffer.writeInt32BE(type, at);
  at = buffer.writeInt32BE(length, at);
  buffer.writeInt32BE(1, at);
  return buffer;
}

/** The plain array, for texts that may hold any character. */
export const column = <T, V>(rows: readonly T[], pick: (row: T) => V): V[] => rows.map(pick);

/**
 * SQL: each row of `given AS n`, with the place (`found`) of the row of `table AS x` that `key` names, to be joined by `ctid`.
 *
 * Joined by the key itself, a table that was all but empty when the plan was made is read as a whole, for each given row
 * once: and live tables are all but empty now and then. A subquery leaves no other plan than its index.
 */
export const eachFound = (table: string, given: string, key: string): string =>
  `(SELECT n.*, (SELECT x.ctid FROM ${table} AS x WHERE ${key}) AS found FROM ${given}) AS n`;

/** SQL that reads what {@link joined} made. */
export const split = (parameter: number): string => `string_to_array($${parameter}, E'\\x1f', '')`;
