/** The `@format` filters (manual: Format strings and escaping). */
import { charge, chargeString } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { fromBase32, fromBase64, toBase32, toBase64 } from "./base64.ts";
import { isObject } from "./json.ts";
import type { Json } from "./json.ts";
import { describe, toJson, toText } from "./print.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

type Format = (value: Json) => string;

const HTML: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&apos;",
  '"': "&quot;",
  "\0": "\\0",
};

const TSV: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\r": "\\r",
  "\n": "\\n",
  "\\": "\\\\",
  "\0": "\\0",
};

/** Characters escaped between two looks at the budget. */
const PIECE = 16_384;

/** Replaces single characters; in pieces, so that a text which grows past the budget ends on the way. */
function escapeAll(text: string, pattern: RegExp, escape: (char: string) => string): string {
  let out = "";
  for (let at = 0; at < text.length; at += PIECE) {
    const piece = text.slice(at, at + PIECE);
    out += piece.replace(pattern, escape);
    charge(piece.length >> 3);
    chargeString(out.length);
  }
  return out;
}

/** A row of cells: null is empty, containers are refused. */
function row(name: string, separator: string, escape: (text: string) => string): Format {
  return (value) => {
    if (!Array.isArray(value))
      return fail(`${describe(value)} cannot be ${name}-formatted, only array`);
    charge(value.length);
    const cells = value.map((cell) => {
      if (cell === null || Number.isNaN(cell)) return "";
      if (typeof cell === "string") return escape(cell);
      if (typeof cell === "object") return fail(`${describe(cell)} is not valid in a csv row`);
      return toJson(cell);
    });
    return cells.join(separator);
  };
}

function shellWord(value: Json): string {
  if (typeof value === "string")
    return `'${escapeAll(value, /['\0]/g, (c) => (c === "'" ? "'\\''" : "\\0"))}'`;
  if (Array.isArray(value) || isObject(value)) {
    return fail(`${describe(value)} can not be escaped for shell`);
  }
  return toJson(value);
}

function shell(value: Json): string {
  if (!Array.isArray(value)) return shellWord(value);
  charge(value.length);
  return value.map(shellWord).join(" ");
}

/** Characters the native encoder leaves alone but RFC 3986 reserves. */
const RESERVED = /[!'()*]/g;

function uri(value: Json): string {
  const text = toText(value);
  charge(text.length >> 3);
  return encodeURIComponent(text.toWellFormed()).replace(
    RESERVED,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function unUri(value: Json): string {
  const text = toText(value);
  const bytes: number[] = [];
  const invalid = (): never => fail(`${describe(text)} is not a valid uri encoding`);
  const source = encodeUtf8(text);
  for (let i = 0; i < source.length; i += 1) {
    if (source[i] !== 0x25) {
      bytes.push(source[i] as number);
      continue;
    }
    charge(1);
    const hex = String.fromCharCode(...source.slice(i + 1, i + 3));
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) invalid();
    bytes.push(Number.parseInt(hex, 16));
    i += 2;
  }
  return decodeUtf8(bytes) ?? invalid();
}

const FORMATS = new Map<string, Format>([
  ["text", toText],
  ["json", (value) => toJson(value)],
  [
    "csv",
    row("csv", ",", (text) => `"${escapeAll(text, /["\0]/g, (c) => (c === '"' ? '""' : "\\0"))}"`),
  ],
  ["tsv", row("tsv", "\t", (text) => escapeAll(text, /[\t\r\n\\\0]/g, (c) => TSV[c] as string))],
  ["html", (value) => escapeAll(toText(value), /[&<>'"\0]/g, (c) => HTML[c] as string)],
  ["uri", uri],
  ["urid", unUri],
  ["sh", shell],
  ["base64", (value) => toBase64(encodeUtf8(toText(value)))],
  ["base64d", (value) => fromBase64(toText(value))],
  ["base32", (value) => toBase32(encodeUtf8(toText(value)))],
  ["base32d", (value) => fromBase32(toText(value))],
]);

/** Pays for text a format made, which may be longer than what it was made of. */
function paid(format: Format): Format {
  return (value) => {
    const text = format(value);
    chargeString(text.length);
    charge(text.length >> 5);
    return text;
  };
}

export function formatter(name: string): Format {
  const format = FORMATS.get(name);
  return format === undefined ? () => fail(`${name} is not a valid format`) : paid(format);
}

export function isFormat(name: string): boolean {
  return FORMATS.has(name);
}
