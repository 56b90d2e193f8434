/**
 * Cron expressions: read, and asked whether they ever fire.
 *
 * Five fields (minute, hour, day of month, month, day of week), or six with seconds first; `*`, lists, ranges, steps,
 * names of months and days, `?`, `L` (last day), `nL` (last weekday n), `n#k` (k-th weekday n), `nW` (nearest working
 * day) and the usual nicknames. As in Vixie cron, when both day fields are restricted a day matches either of them.
 */

export type Cron =
  | { readonly ok: true; /** False when no date ever matches, such as 30 February. */ readonly fires: boolean }
  | { readonly ok: false; readonly message: string };

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/** Longest each month ever gets. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const SECOND: Field = { name: "second", min: 0, max: 59 };
const FIELDS: readonly Field[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of week", min: 0, max: 7, names: DAYS },
];

const NICKNAMES: ReadonlySet<string> = new Set([
  ...["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"],
]);

/** A field's values; `open` when it restricts nothing, `special` when it holds L, W or #. */
interface Values {
  readonly values: ReadonlySet<number>;
  readonly open: boolean;
  readonly special: boolean;
}

class CronError extends Error {}

export function parseCron(text: string): Cron {
  const trimmed = text.trim().toLowerCase();
  if (trimmed.startsWith("@")) {
    if (NICKNAMES.has(trimmed)) return { ok: true, fires: true };
    return { ok: false, message: `unknown nickname; expected ${[...NICKNAMES].join(", ")}` };
  }
  const parts = trimmed === "" ? [] : trimmed.split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) {
    const message = `expected 5 fields (minute hour day month weekday), got ${parts.length}`;
    return { ok: false, message };
  }
  try {
    const fields = parts.length === 6 ? [SECOND, ...FIELDS] : FIELDS;
    const values = fields.map((field, index) => parseField(parts[index] ?? "", field));
    const [day, month, weekday] = values.slice(-3) as [Values, Values, Values];
    return { ok: true, fires: everFires(day, month, weekday) };
  } catch (error) {
    if (error instanceof CronError) return { ok: false, message: error.message };
    throw error;
  }
}

/** A weekday comes every week; a day of the month needs a month that has it. */
function everFires(day: Values, month: Values, weekday: Values): boolean {
  if (day.open || day.special || !weekday.open) return true;
  return [...month.values].some((m) => [...day.values].some((d) => d <= (LONGEST[m - 1] ?? 0)));
}

function parseField(text: string, field: Field): Values {
  if (text === "*" || text === "?") return { values: span(field.min, field.max, 1), open: true, special: false };
  const values = new Set<number>();
  let special = false;
  for (const part of text.split(",")) {
    if (isSpecial(part, field)) special = true;
    else for (const value of parseRange(part, field)) values.add(value);
  }
  return { values, open: false, special };
}

function isSpecial(part: string, field: Field): boolean {
  if (field.name === "day of month") return part === "l" || /^([1-9]|[12]\d|3[01])w$/.test(part);
  if (field.name !== "day of week") return false;
  const match = /^([a-z]{3}|[0-7])(?:l|#[1-5])$/.exec(part);
  return match !== null && (/\d/.test(match[1] ?? "") || DAYS.includes(match[1] ?? ""));
}

function parseRange(part: string, field: Field): ReadonlySet<number> {
  const match = /^(\*|[a-z]+|\d+)(?:-([a-z]+|\d+))?(?:\/(\d+))?$/.exec(part);
  if (match === null) throw new CronError(`"${part}" is not a ${field.name}`);
  const [, from = "", to, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step < 1) throw new CronError(`a step of ${field.name} must be at least 1`);
  if (from === "*") {
    if (to !== undefined) throw new CronError(`"${part}" is not a ${field.name}`);
    return span(field.min, field.max, step);
  }
  const first = valueOf(from, field);
  const last = to === undefined ? (stepText === undefined ? first : field.max) : valueOf(to, field);
  if (last < first) throw new CronError(`the range ${part} of ${field.name} runs backwards`);
  return span(first, last, step);
}

function valueOf(text: string, field: Field): number {
  const named = field.names?.indexOf(text) ?? -1;
  const value = named >= 0 ? named + (field.name === "month" ? 1 : 0) : Number(text);
  if (Number.isInteger(value) && value >= field.min && value <= field.max) return value;
  throw new CronError(`${field.name} must be ${field.min} to ${field.max}, got "${text}"`);
}

function span(from: number, to: number, step: number): ReadonlySet<number> {
  const values = new Set<number>();
  for (let value = from; value <= to; value += step) values.add(value);
  return values;
}
