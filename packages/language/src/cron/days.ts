/** The two day fields of a cron expression, with the forms that only they know: `?`, `L`, `W`, `#`. */
import type { MonthDays, Weekdays } from "./expression.ts";
import { FieldError, itemsOf, itemValues, MONTH_DAY, valueOf, WEEKDAY } from "./fields.ts";

/** `*`, `?`, `15`, `1-7`, `L`, `L-3`, `15W`, `LW` and lists of them. @throws {FieldError} */
export function parseMonthDays(text: string): MonthDays {
  const found = { days: 0, beforeLast: 0, nearestWeekday: 0, lastWeekday: false };
  for (const item of itemsOf(text)) {
    const fromLast = /^L(?:-(\d{1,2}))?$/.exec(item);
    const near = /^(\d{1,4})W$/.exec(item);
    if (fromLast !== null) found.beforeLast |= 1 << daysBeforeLast(item, fromLast[1]);
    else if (near !== null) found.nearestWeekday |= 1 << valueOf(MONTH_DAY, near[1] ?? "", item);
    else if (item === "LW") found.lastWeekday = true;
    else for (const day of dayValues(item)) found.days |= 1 << day;
  }
  return found;
}

function daysBeforeLast(item: string, text = "0"): number {
  const days = Number(text);
  if (days <= 30) return days;
  throw new FieldError(item, "no month has a day that far before its last; expected L-1 to L-30");
}

function dayValues(item: string): number[] {
  if (item === "?") return itemValues(MONTH_DAY, "*");
  if (item.includes("#")) {
    throw new FieldError(item, '"#" counts weekdays; it belongs into the day of week (FRI#2)');
  }
  if (/[LW]/.test(item)) {
    throw new FieldError(item, "expected L, L-3, LW, or a day with W such as 15W");
  }
  return itemValues(MONTH_DAY, item);
}

/** `*`, `?`, `MON`, `5`, `MON-FRI`, `FRI#2`, `FRIL`, `5L` and lists of them. @throws {FieldError} */
export function parseWeekdays(text: string): Weekdays {
  const found = { every: 0, nth: [0, 0, 0, 0, 0], last: 0 };
  for (const item of itemsOf(text)) {
    const last = /^(.*?)#?L$/.exec(item);
    const nth = /^(.*)#(.*)$/.exec(item);
    if (last !== null) found.last |= 1 << lastWeekday(item, last[1] ?? "");
    else if (nth === null) for (const day of weekdayValues(item)) found.every |= 1 << day;
    else {
      const index = whichWeek(item, nth[2] ?? "") - 1;
      found.nth[index] = (found.nth[index] ?? 0) | (1 << weekday(item, nth[1] ?? ""));
    }
  }
  return found;
}

function lastWeekday(item: string, day: string): number {
  if (day !== "") return weekday(item, day);
  throw new FieldError(item, "the last of which weekday? Write it before the L, such as FRIL");
}

function whichWeek(item: string, text: string): number {
  if (/^[1-5]$/.test(text)) return Number(text);
  throw new FieldError(
    item,
    `"${text}" does not say which one; expected # and 1-5, such as FRI#2, or FRIL for the last`,
  );
}

function weekday(item: string, text: string): number {
  return valueOf(WEEKDAY, text, item) % 7;
}

function weekdayValues(item: string): number[] {
  if (item === "?") return itemValues(WEEKDAY, "*");
  if (/\dW$/.test(item)) {
    throw new FieldError(
      item,
      '"W" belongs to a day of the month, such as 15W in the field before',
    );
  }
  return itemValues(WEEKDAY, item);
}
