/**
 * jq counts, slices and sorts strings by code point; JavaScript by UTF-16 unit. The functions here
 * translate, with a fast path for strings without surrogates.
 */
import { chargeScan } from "../budget/budget.ts";

const SURROGATE = /[\ud800-\udfff]/;
const HIGH = 0xd800;

/** True when code points and UTF-16 units are the same thing in this string. */
export function isSimple(text: string): boolean {
  chargeScan(text.length);
  return !SURROGATE.test(text);
}

function isPairAt(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit < HIGH || unit > 0xdbff) return false;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}

/** Number of code points between two unit offsets. */
export function countPoints(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i += isPairAt(text, i) ? 2 : 1) count += 1;
  return count;
}

export function pointLength(text: string): number {
  return isSimple(text) ? text.length : countPoints(text, 0, text.length);
}

/** Unit offset reached by walking n code points from a unit offset. */
export function advance(text: string, from: number, points: number): number {
  let at = from;
  for (let n = points; n > 0 && at < text.length; n -= 1) at += isPairAt(text, at) ? 2 : 1;
  return at;
}

export function slicePoints(text: string, from: number, to: number): string {
  if (isSimple(text)) return text.slice(from, to);
  const start = advance(text, 0, from);
  return text.slice(start, advance(text, start, to - from));
}

/** Code points of a string; unpaired surrogates stand for themselves. */
export function toPoints(text: string): number[] {
  chargeScan(text.length * 16);
  const points: number[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const point = text.codePointAt(i) as number;
    if (point > 0xffff) i += 1;
    points.push(point);
  }
  return points;
}

/** Code points of a string without surrogates, or undefined when it has some. */
export function toUnits(text: string): number[] | undefined {
  chargeScan(text.length * 16);
  const units: number[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit >= HIGH && unit <= 0xdfff) return undefined;
    units.push(unit);
  }
  return units;
}

/** Orders strings by code point: a surrogate unit stands for something above U+FFFF. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    chargeScan(i);
    const xs = x >= HIGH && x <= 0xdfff;
    const ys = y >= HIGH && y <= 0xdfff;
    if (xs !== ys) return xs ? 1 : -1;
    return x - y;
  }
  chargeScan(length);
  return a.length - b.length;
}

export function byteLength(text: string): number {
  chargeScan(text.length);
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (isPairAt(text, i)) {
      bytes += 2;
      i += 1;
    } else bytes += 2;
  }
  return bytes;
}
