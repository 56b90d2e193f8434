/** Bessel functions of integer order. */
import { charge } from "../budget/budget.ts";

/** From here on Hankel's asymptotic expansion is exact to the last digits for low orders. */
const FAR = 60;
const EULER = 0.5772156649015329;

/** Bessel's integral by the trapezoidal rule, which converges exponentially for periodic functions. */
function integral(order: number, x: number): number {
  const points = Math.ceil(Math.abs(x) + order) + 40;
  charge(points);
  let sum = 0;
  for (let k = 0; k < points; k += 1) {
    const angle = (2 * Math.PI * k) / points;
    sum += Math.cos(order * angle - x * Math.sin(angle));
  }
  return sum / points;
}

interface Wave {
  readonly p: number;
  readonly q: number;
  readonly phase: number;
}

function hankel(order: number, x: number): Wave {
  const mu = 4 * order * order;
  let term = 1;
  let p = 1;
  let q = 0;
  for (let k = 1; k < 30; k += 1) {
    const next = (term * (mu - (2 * k - 1) ** 2)) / (k * 8 * x);
    if (Math.abs(next) > Math.abs(term)) break;
    term = next;
    const sign = k % 4 < 2 ? 1 : -1;
    if (k % 2 === 1) q += sign * term;
    else p += (k % 4 === 2 ? -1 : 1) * term;
  }
  return { p, q, phase: x - (order / 2 + 0.25) * Math.PI };
}

function firstKind(order: number, x: number): number {
  if (Math.abs(x) < FAR) return integral(order, x);
  const { p, q, phase } = hankel(order, Math.abs(x));
  const value =
    Math.sqrt(2 / (Math.PI * Math.abs(x))) * (p * Math.cos(phase) - q * Math.sin(phase));
  return x < 0 && order % 2 === 1 ? -value : value;
}

/** J of order n. */
export function besselJ(n: number, x: number): number {
  if (Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return 0;
  const order = Math.abs(Math.trunc(n));
  const sign = n < 0 && order % 2 === 1 ? -1 : 1;
  if (order < 2) return sign * firstKind(order, x);
  if (Math.abs(x) + order < 1e5) return sign * integral(order, x);
  if (order >= Math.abs(x)) return 0;
  let [before, at] = [firstKind(0, x), firstKind(1, x)];
  for (let k = 1; k < order; k += 1) {
    charge(1);
    [before, at] = [at, ((2 * k) / x) * at - before];
  }
  return sign * at;
}

/** Neumann's series in Bessel functions of the first kind. */
function secondKindNear(order: 0 | 1, x: number): number {
  const log = Math.log(x / 2) + EULER;
  let sum = 0;
  const terms = Math.ceil(x / 2) + 20;
  for (let k = 1; k <= terms; k += 1) {
    const sign = k % 2 === 0 ? 1 : -1;
    if (order === 0) sum += (sign * integral(2 * k, x)) / k;
    else sum += (sign * (2 * k + 1) * integral(2 * k + 1, x)) / (k * (k + 1));
  }
  if (order === 0) return (2 / Math.PI) * log * integral(0, x) - (4 / Math.PI) * sum;
  const smooth = (log - 1) * integral(1, x) - integral(0, x) / x - sum;
  return (2 / Math.PI) * smooth;
}

function secondKind(order: 0 | 1, x: number): number {
  if (x < FAR) return secondKindNear(order, x);
  const { p, q, phase } = hankel(order, x);
  return Math.sqrt(2 / (Math.PI * x)) * (p * Math.sin(phase) + q * Math.cos(phase));
}

/** Y of order n; defined for positive x. */
export function besselY(n: number, x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!Number.isFinite(x)) return 0;
  const order = Math.abs(Math.trunc(n));
  const sign = n < 0 && order % 2 === 1 ? -1 : 1;
  if (order < 2) return sign * secondKind(order as 0 | 1, x);
  let [before, at] = [secondKind(0, x), secondKind(1, x)];
  for (let k = 1; k < order && Number.isFinite(at); k += 1) {
    charge(1);
    [before, at] = [at, ((2 * k) / x) * at - before];
  }
  return sign * at;
}
