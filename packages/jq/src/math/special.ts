/** The gamma and error functions. */

// Lanczos approximation with g = 607/128 (P. Godfrey's coefficients).
const LANCZOS = [
  0.9999999999999971, 57.15623566586292, -59.59796035547549, 14.136097974741746,
  -0.4919138160976202, 3.399464998481189e-5, 4.652362892704858e-5, -9.837447530487956e-5,
  0.0001580887032249125, -0.00021026444172410488, 0.00021743961811521265, -0.0001643181065367639,
  8.441822398385275e-5, -2.6190838401581408e-5, 3.6899182659531625e-6,
];
const G = 607 / 128;

function lanczosSum(x: number): number {
  let sum = LANCZOS[0] as number;
  for (let i = 1; i < LANCZOS.length; i += 1) sum += (LANCZOS[i] as number) / (x + i - 1);
  return sum;
}

function logGammaPositive(x: number): number {
  if (Number.isInteger(x) && x < 100) return Math.log(gamma(x));
  if (x > 1e15) return x * (Math.log(x) - 1);
  const t = x + G - 0.5;
  return (x - 0.5) * Math.log(t) - t + Math.log(Math.sqrt(2 * Math.PI) * lanczosSum(x));
}

/** Logarithm of the absolute value of gamma, and the sign of gamma. */
export function logGamma(x: number): [number, number] {
  if (Number.isNaN(x)) return [x, 1];
  if (!Number.isFinite(x)) return [Number.POSITIVE_INFINITY, 1];
  if (x > 0) return [logGammaPositive(x), 1];
  if (Number.isInteger(x)) return [Number.POSITIVE_INFINITY, 1];
  const sine = Math.sin(Math.PI * (x % 2));
  return [Math.log(Math.PI / Math.abs(sine)) - logGammaPositive(1 - x), sine < 0 ? -1 : 1];
}

export function gamma(x: number): number {
  if (x === 0) return 1 / x;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (Number.isInteger(x)) {
    if (x < 0) return Number.NaN;
    if (x > 171) return Number.POSITIVE_INFINITY;
    let product = 1;
    for (let i = 2; i < x; i += 1) product *= i;
    return product;
  }
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * (x % 2)) * gamma(1 - x));
  if (x > 171.7) return Number.POSITIVE_INFINITY;
  const t = x + G - 0.5;
  // The power in two halves, because it overflows before gamma does.
  const half = t ** ((x - 0.5) / 2);
  return half * Math.exp(-t) * half * Math.sqrt(2 * Math.PI) * lanczosSum(x);
}

/** erf by its series of positive terms, good up to about 3. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200 && Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc by its continued fraction, from the far end; good from about 2. */
function erfcFraction(x: number): number {
  let fraction = 0;
  for (let n = 120; n > 0; n -= 1) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) < 2.5) return erfSeries(x);
  const tail = Math.abs(x) > 6 ? 0 : erfcFraction(Math.abs(x));
  return x > 0 ? 1 - tail : tail - 1;
}

export function erfc(x: number): number {
  if (x < 2.5) return 1 - erf(x);
  return x > 27 ? 0 : erfcFraction(x);
}
