/** One field of a cron expression: a list of values, ranges and steps. What only day fields know is in `days.ts`. */
import { suggestion } from "../nearest.ts";
import type { Bits, CronField } from "./expression.ts";

/** Thrown inside the parser; becomes a `CronIssue`. */
export class FieldError extends Error {
  readonly text: string;
  constructor(text: string, message: string) {
    super(message);
    this.name = "FieldError";
    this.text = text;
  }
}

export interface FieldSpec {
  readonly name: CronField;
  readonly min: number;
  readonly max: number;
  /** Names of the values from `min` on. */
  readonly names?: readonly string[];
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

export const SECOND: FieldSpec = { name: "second", min: 0, max: 59 };
export const MINUTE: FieldSpec = { name: "minute", min: 0, max: 59 };
export const HOUR: FieldSpec = { name: "hour", min: 0, max: 23 };
export const MONTH_DAY: FieldSpec = { name: "day of month", min: 1, max: 31 };
export const MONTH: FieldSpec = { name: "month", min: 1, max: 12, names: MONTHS };
/** 7 is Sunday too; `valueOf` lets it pass, the bit sets know only 0. */
export const WEEKDAY: FieldSpec = { name: "day of week", min: 0, max: 6, names: WEEKDAYS };

/** The values of one item of a list: a value, a range or `*`, each with a step or without (`3/10`, `1-30/7`). */
export function itemValues(spec: FieldSpec, item: string): number[] {
  const [base = "", step, ...more] = item.split("/");
  if (more.length > 0) throw new FieldError(item, 'has more than one "/"');
  const by = step === undefined ? 1 : stepOf(spec, item, step);
  const [from, to] = rangeOf(spec, base, item, step !== undefined);
  const values: number[] = [];
  const size = spec.max - spec.min + 1;
  for (let value = from; value <= to; value += by)
    values.push(((value - spec.min) % size) + spec.min);
  return values;
}

/** First and last value; the last is beyond the field's end when the range goes around it. */
function rangeOf(spec: FieldSpec, base: string, item: string, stepped: boolean): [number, number] {
  if (base === "*") return [spec.min, spec.max];
  const [first = "", last, ...more] = base.split("-");
  if (more.length > 0) throw new FieldError(item, 'has more than one "-"');
  const from = valueOf(spec, first, item);
  if (last === undefined)
    return stepped ? [from > spec.max ? spec.min : from, spec.max] : [from, from];
  const to = valueOf(spec, last, item);
  // Also for 5-7, Friday to Sunday: 7 is not smaller than 5, and goes around to 0 as it should.
  return [from, to >= from ? to : to + (spec.max - spec.min + 1)];
}

function stepOf(spec: FieldSpec, item: string, text: string): number {
  const step = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (step < 1) throw new FieldError(item, `"${text}" is no step; expected a number from 1 on`);
  const size = spec.max - spec.min + 1;
  if (step >= size && size > 1) {
    throw new FieldError(
      item,
      `a step of ${step} leaves nothing to step to: the field has ${size} values, and counting starts anew with each round`,
    );
  }
  return step;
}

/** The number that a number or a name stands for. @throws {FieldError} */
export function valueOf(spec: FieldSpec, text: string, item = text): number {
  if (/^\d{1,4}$/.test(text)) {
    const value = Number(text);
    if (spec === WEEKDAY && value === 7) return value;
    if (value >= spec.min && value <= spec.max) return value;
    throw new FieldError(item, `${value} is out of range; expected ${expected(spec)}`);
  }
  const index = spec.names?.indexOf(text) ?? -1;
  if (index >= 0) return index + spec.min;
  const hint = spec.names === undefined ? "" : suggestion(text, spec.names);
  if (text === "") throw new FieldError(item, `a value is missing; expected ${expected(spec)}`);
  throw new FieldError(item, `"${text}" is no value${hint}; expected ${expected(spec)}`);
}

function expected(spec: FieldSpec): string {
  if (spec.names === undefined) return `${spec.min}-${spec.max}`;
  const max = spec === WEEKDAY ? 7 : spec.max;
  return `${spec.min}-${max} or ${spec.names[0]}-${spec.names.at(-1)}`;
}

/** The items of a list, none of them empty. @throws {FieldError} */
export function itemsOf(text: string): readonly string[] {
  const items = text.split(",");
  if (items.includes("")) throw new FieldError(text, 'has a "," with nothing before or after it');
  return items;
}

/** A field without day-specific forms, as bits 0…31 in `low` and 32…59 in `high`. @throws {FieldError} */
export function parseField(spec: FieldSpec, text: string): Bits {
  let low = 0;
  let high = 0;
  for (const item of itemsOf(text)) {
    refuseDayForms(spec, item);
    for (const value of itemValues(spec, item)) {
      if (value < 32) low |= 1 << value;
      else high |= 1 << (value - 32);
    }
  }
  return { low, high };
}

function refuseDayForms(spec: FieldSpec, item: string): void {
  const form = /^\?|^L$|#|\dW$/.exec(item)?.[0].at(-1);
  if (form === undefined) return;
  throw new FieldError(
    item,
    `"${form}" says something about days, not about a ${spec.name}; write * for every ${spec.name}`,
  );
}
