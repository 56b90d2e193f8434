/** UTF-8 without the encoder classes, which are host objects. */
import { charge, chargeScan } from "../budget/budget.ts";

/** Bytes of a text; an unpaired surrogate, which has no encoding, becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  charge(text.length >> 1);
  const bytes = new Uint8Array(text.length * 3);
  let size = 0;
  const push = (byte: number): void => {
    bytes[size++] = byte;
  };
  for (let i = 0; i < text.length; i += 1) {
    let point = text.codePointAt(i) as number;
    if (point > 0xffff) i += 1;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) push(point);
    else if (point < 0x800) push(0xc0 | (point >> 6));
    else if (point < 0x10000) {
      push(0xe0 | (point >> 12));
      push(0x80 | ((point >> 6) & 63));
    } else {
      push(0xf0 | (point >> 18));
      push(0x80 | ((point >> 12) & 63));
      push(0x80 | ((point >> 6) & 63));
    }
    if (point >= 0x80) push(0x80 | (point & 63));
  }
  return bytes.subarray(0, size);
}

/** How many bytes follow a leading byte, or -1. */
function following(lead: number): number {
  if (lead < 0x80) return 0;
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) return 2;
  return lead >= 0xf0 && lead <= 0xf4 ? 3 : -1;
}

const SMALLEST = [0, 0x80, 0x800, 0x10000];

/** One code point at an offset, or -1 when the bytes there are no UTF-8. */
function pointAt(bytes: ArrayLike<number>, at: number): number {
  const lead = bytes[at] as number;
  const more = following(lead);
  if (more < 0) return -1;
  let point = more === 0 ? lead : lead & (0x3f >> more);
  for (let i = 1; i <= more; i += 1) {
    const byte = bytes[at + i];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 63);
  }
  if (point < (SMALLEST[more] as number) || point > 0x10ffff) return -1;
  return point >= 0xd800 && point <= 0xdfff ? -1 : point;
}

/** How many bytes at an offset that are no UTF-8 become one U+FFFD, as jq counts them. */
function malformed(bytes: ArrayLike<number>, at: number): number {
  const more = following(bytes[at] as number);
  if (more < 0) return 1;
  if (at + more >= bytes.length) return bytes.length - at;
  let size = 1;
  while (size <= more && ((bytes[at + size] as number) & 0xc0) === 0x80) size += 1;
  return size;
}

/** Text of UTF-8 bytes; malformed parts become U+FFFD, or make it undefined when `strict`. */
export function decodeUtf8(bytes: ArrayLike<number>, strict = true): string | undefined {
  chargeScan(bytes.length * 8);
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const point = pointAt(bytes, i);
    if (point < 0) {
      if (strict) return undefined;
      text += "\ufffd";
      i += malformed(bytes, i);
    } else {
      text += String.fromCodePoint(point);
      i += 1 + following(bytes[i] as number);
    }
  }
  return text;
}
