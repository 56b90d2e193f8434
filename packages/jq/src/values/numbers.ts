/** Number text: jq prints the shortest digits that read back, with its own rules for exponents. */

const MAX = "1.7976931348623157e+308";

function exponent(power: number): string {
  const digits = String(Math.abs(power));
  return `e${power < 0 ? "-" : "+"}${digits.length < 2 ? "0" : ""}${digits}`;
}

function layOut(digits: string, point: number): string {
  if (point <= -4 || point > digits.length + 15) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return digits[0] + fraction + exponent(point - 1);
  }
  if (point <= 0) return `0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return digits + "0".repeat(point - digits.length);
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Whether JavaScript's text of a number is jq's: the shortest digits, and no exponent in either. */
export function isPlainNumber(value: number): boolean {
  const size = Math.abs(value);
  return (size >= 1e-4 && size < 1e15) || (value === 0 && !Object.is(value, -0));
}

/** JSON text of a number: NaN is null, infinities are the largest finite numbers. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && value < 1e15 && value > -1e15) {
    return value === 0 && Object.is(value, -0) ? "-0" : String(value);
  }
  if (isPlainNumber(value)) return String(value);
  if (Number.isNaN(value)) return "null";
  if (value === Number.POSITIVE_INFINITY) return MAX;
  if (value === Number.NEGATIVE_INFINITY) return `-${MAX}`;
  const [mantissa, power] = Math.abs(value).toExponential().split("e") as [string, string];
  const text = layOut(mantissa.replace(".", ""), Number(power) + 1);
  return value < 0 ? `-${text}` : text;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NAN = /^[+-]?nan$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** The number a text stands for, or undefined; also `nan` and `infinity` as jq reads them. */
export function parseNumber(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  if (NAN.test(text)) return Number.NaN;
  const infinite = INFINITE.exec(text);
  if (infinite === null) return undefined;
  return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Truncation towards zero into a 32-bit range, as C does with an index. */
export function toInt(value: number): number {
  if (value > 2147483647) return 2147483647;
  if (value < -2147483648) return -2147483648;
  return Math.trunc(value);
}
