/** Rounding and the parts of doubles, as the C library defines them. */

/** Halves go away from zero. */
export function round(x: number): number {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}

/** Halves go to the even neighbour. */
export function roundEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

const bits = new DataView(new ArrayBuffer(8));

/** x as a fraction in [0.5, 1) and a power of two. */
export function frexp(x: number): [number, number] {
  if (x === 0 || !Number.isFinite(x)) return [x, 0];
  const scaled = Math.abs(x) < 2.2250738585072014e-308 ? x * 2 ** 54 : x;
  bits.setFloat64(0, scaled);
  const high = bits.getUint32(0);
  const exponent = ((high >>> 20) & 0x7ff) - 1022;
  bits.setUint32(0, ((high & 0x800fffff) | 0x3fe00000) >>> 0);
  return [bits.getFloat64(0), scaled === x ? exponent : exponent - 54];
}

/** x times two to the power of n, without overflowing on the way. */
export function ldexp(x: number, n: number): number {
  let power = Math.min(Math.max(Math.trunc(n), -2200), 2200);
  let value = x;
  for (; power > 1000; power -= 1000) value *= 2 ** 1000;
  for (; power < -1000; power += 1000) value *= 2 ** -1000;
  return value * 2 ** power;
}

export function logb(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  return Number.isFinite(x) ? frexp(x)[1] - 1 : Math.abs(x);
}

export function significand(x: number): number {
  return x === 0 || !Number.isFinite(x) ? x : frexp(x)[0] * 2;
}

/** Fraction and whole part, both with the sign of x. */
export function modf(x: number): [number, number] {
  if (Math.abs(x) === Number.POSITIVE_INFINITY) return [x > 0 ? 0 : -0, x];
  const whole = Math.trunc(x);
  // What is left of a whole negative number is -0.
  return [x === whole && x < 0 ? -0 : x - whole, whole];
}

/** The next double from x towards y. */
export function nextAfter(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  if (x === y) return y;
  if (x === 0) return y > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  bits.setFloat64(0, x);
  const away = x > 0 === y > x;
  bits.setBigInt64(0, bits.getBigInt64(0) + (away ? 1n : -1n));
  return bits.getFloat64(0);
}

/** x minus the nearest multiple of y; of two, the even one. */
export function ieeeRemainder(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y) || y === 0 || !Number.isFinite(x)) return Number.NaN;
  if (!Number.isFinite(y)) return x;
  const size = Math.abs(y);
  let rest = Math.abs(x % (size * 2 === Number.POSITIVE_INFINITY ? size : 2 * size));
  if (2 * rest > size || rest > size / 2) {
    rest -= size;
    if (rest >= size / 2) rest -= size;
  }
  return x < 0 || Object.is(x, -0) ? -rest : rest;
}

/** a * b + c with the rounding error of the product added back. */
export function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  if (!Number.isFinite(sum) || Math.abs(a) > 1e150 || Math.abs(b) > 1e150) return sum;
  const split = 134217729;
  const aHigh = a * split - (a * split - a);
  const bHigh = b * split - (b * split - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  const productError = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  const part = sum - product;
  const sumError = product - (sum - part) + (c - part);
  return sum + (productError + sumError);
}
