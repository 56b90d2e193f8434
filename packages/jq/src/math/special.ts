/** The gamma and error functions. */

// Lanczos approximation with g = 607/128 (P. Godfrey's coefficients).
const LANCZOS = [
  0.99999999999999709182, 57.156235665862923517, -59.597960355475491248, 14.136097974741747174,
  -0.49191381609762019978, 0.33994649984811888699e-4, 0.46523628927048575665e-4,
  -0.98374475304879564677e-4, 0.15808870322491248884e-3, -0.21026444172410488319e-3,
  0.2174396181152126432e-3, -0.16431810653676389022e-3, 0.84418223983852743293e-4,
  -0.2619083840158140867e-4, 0.36899182659531622704e-5,
];
const G = 607 / 128;

function lanczosSum(x: number): number {
  let sum = LANCZOS[0] as number;
  for (let i = 1; i < LANCZOS.length; i += 1) sum += (LANCZOS[i] as number) / (x + i - 1);
  return sum;
}

function logGammaPositive(x: number): number {
  if (x === 1 || x === 2) return 0;
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
