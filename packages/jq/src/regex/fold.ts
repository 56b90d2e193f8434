/** Case folding of single code points. */
export function fold(point: number): number {
  if (point < 128) return point >= 65 && point <= 90 ? point + 32 : point;
  const upper = String.fromCodePoint(point).toUpperCase();
  const base = upper.length <= 2 && [...upper].length === 1 ? upper : String.fromCodePoint(point);
  const lower = base.toLowerCase();
  return [...lower].length === 1 ? (lower.codePointAt(0) as number) : point;
}
