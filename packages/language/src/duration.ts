/**
 * Durations of the DSL (reference, "Duration"): ISO 8601 text or an object of whole units.
 *
 * Years and months have no fixed length, so they are refused rather than guessed; days are 24 hours and weeks 7 days,
 * whatever the time zone does meanwhile.
 */
import { isObject } from "./json.ts";

const UNITS = {
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
} as const;

type Unit = keyof typeof UNITS;

/** Longest duration accepted: 100 years; it keeps every instant computed from it an exact integer. */
export const LONGEST_DURATION = 36_525 * UNITS.days;

const ISO =
  /^P(?!$)(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** A duration that cannot be used; the message says why. */
export class DurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DurationError";
  }
}

/**
 * Milliseconds of an ISO 8601 text (`PT1M30S`, `P1DT2H`, `P2W`, `PT0.25S`) or an object
 * `{days, hours, minutes, seconds, milliseconds}`. Fractions of a millisecond are rounded.
 * @throws {DurationError}
 */
export function parseDuration(value: unknown): number {
  const milliseconds = Math.round(measure(value));
  if (milliseconds < 0) throw new DurationError("a duration cannot be negative");
  if (milliseconds > LONGEST_DURATION)
    throw new DurationError("a duration cannot exceed 100 years");
  return milliseconds;
}

function measure(value: unknown): number {
  if (typeof value === "string") return measureText(value.trim());
  if (isObject(value)) return measureObject(value);
  throw new DurationError(
    'expected an ISO 8601 duration such as "PT1M30S", or an object such as { seconds: 90 }',
  );
}

function measureText(text: string): number {
  const match = ISO.exec(text);
  if (match === null) {
    throw new DurationError(
      `"${text}" is not an ISO 8601 duration (such as "PT1M30S" or "P1DT2H")`,
    );
  }
  const [years, months, weeks, days, hours, minutes, seconds] = match
    .slice(1)
    .map((part) => (part === undefined ? 0 : Number(part)));
  if (years || months) {
    throw new DurationError(`"${text}": years and months have no fixed length; use weeks or days`);
  }
  return (
    ((weeks ?? 0) * 7 + (days ?? 0)) * UNITS.days +
    (hours ?? 0) * UNITS.hours +
    (minutes ?? 0) * UNITS.minutes +
    (seconds ?? 0) * UNITS.seconds
  );
}

function measureObject(object: Readonly<Record<string, unknown>>): number {
  const keys = Object.keys(object);
  if (keys.length === 0) throw new DurationError("a duration object needs at least one unit");
  let total = 0;
  for (const key of keys) {
    const amount = object[key];
    if (!Object.hasOwn(UNITS, key)) {
      throw new DurationError(`"${key}" is not a unit; expected ${Object.keys(UNITS).join(", ")}`);
    }
    if (typeof amount !== "number" || !Number.isFinite(amount)) {
      throw new DurationError(`${key} must be a number`);
    }
    total += amount * UNITS[key as Unit];
  }
  return total;
}
