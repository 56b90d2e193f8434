/** Base64 and base32 (RFC 4648), read as leniently as jq does. */
import { charge } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { describe } from "./print.ts";
import { decodeUtf8 } from "./utf8.ts";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** The code of `=`. */
const PADDING = 61;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const CHUNK = 4096;

/** Text of ASCII codes, in pieces because a call takes only so many arguments. */
function fromCodes(codes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < codes.length; i += CHUNK) {
    text += String.fromCharCode(...codes.subarray(i, i + CHUNK));
  }
  return text;
}

/** Regroups bytes into symbols of `width` bits, padded to a multiple of `block` symbols. */
function encode(bytes: ArrayLike<number>, alphabet: string, width: number, block: number): string {
  charge(bytes.length >> 2);
  const symbols = Math.ceil((bytes.length * 8) / width);
  const codes = new Uint8Array(Math.ceil(symbols / block) * block).fill(PADDING);
  const mask = (1 << width) - 1;
  let size = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    held = ((held << 8) | (bytes[i] as number)) & 0xfff;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      codes[size++] = alphabet.charCodeAt((held >> bits) & mask);
    }
  }
  if (bits > 0) codes[size] = alphabet.charCodeAt((held << (width - bits)) & mask);
  return fromCodes(codes);
}

interface Decoded {
  readonly bytes: number[];
  readonly symbols: number;
}

/** Reads symbols up to the first padding; undefined at a foreign character. */
function decode(text: string, alphabet: string, width: number): Decoded | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  let symbols = 0;
  for (const char of text) {
    if (char === "=") break;
    const symbol = alphabet.indexOf(char);
    if (symbol < 0) return undefined;
    symbols += 1;
    if (symbols % CHUNK === 0) charge(CHUNK >> 3);
    held = ((held << width) | symbol) & 0xffff;
    bits += width;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
    }
  }
  return { bytes, symbols };
}

export function toBase64(bytes: ArrayLike<number>): string {
  return encode(bytes, BASE64, 6, 4);
}

export function toBase32(bytes: ArrayLike<number>): string {
  return encode(bytes, BASE32, 5, 8);
}

export function fromBase64(text: string): string {
  const decoded = decode(text, BASE64, 6);
  if (decoded === undefined) return fail(`${describe(text)} is not valid base64 data`);
  if (decoded.symbols % 4 === 1) return fail(`${describe(text)} trailing base64 byte found`);
  return decodeUtf8(decoded.bytes, false) as string;
}

export function fromBase32(text: string): string {
  const decoded = decode(text, BASE32, 5);
  if (decoded === undefined) return fail(`${describe(text)} is not valid base32 data`);
  return decodeUtf8(decoded.bytes, false) as string;
}
