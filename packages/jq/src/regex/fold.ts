/** The code point a string consists of, or undefined when it has more than one. */
function only(text: string): number | undefined {
  const point = text.codePointAt(0) as number;
  return text.length === (point > 0xffff ? 2 : 1) ? point : undefined;
}

export function upperOf(point: number): number {
  return only(String.fromCodePoint(point).toUpperCase()) ?? point;
}

/** Case folding of single code points: by way of the upper case, which more letters share. */
export function fold(point: number): number {
  if (point < 128) return point >= 65 && point <= 90 ? point + 32 : point;
  return only(String.fromCodePoint(upperOf(point)).toLowerCase()) ?? point;
}
