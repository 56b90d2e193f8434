/** When a cron expression matches next, on the clock of a wall that knows no shifts. */
import {
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  SECONDS_PER_DAY,
  weekdayOfDays,
} from "./calendar.ts";
import type { Bits, CronExpression, MonthDays, Weekdays } from "./expression.ts";

/** The calendar repeats, weekdays included, after 400 years: what does not match in them never does. */
const MONTHS_PER_CYCLE = 4_800;
/** Days 0, 7, 14, 21 and 28: shifted by a weekday's first date, all of its dates in a month. */
const WEEKLY = 0b1_0000001_0000001_0000001_0000001;

/**
 * The first civil second after `after` that the expression matches, or `undefined` when it never does.
 * @param after civil seconds (calendar.ts), an integer
 */
export function nextCivil(cron: CronExpression, after: number): number | undefined {
  const today = Math.floor((after + 1) / SECONDS_PER_DAY);
  const date = civilFromDays(today);
  let { year, month } = date;
  let mask = datesOf(cron, year, month) & (-1 << date.day);
  if (((mask >>> date.day) & 1) === 1) {
    const time = nextTime(cron, after + 1 - today * SECONDS_PER_DAY);
    if (time !== undefined) return today * SECONDS_PER_DAY + time;
    mask &= ~(1 << date.day);
  }
  for (let months = 0; months <= MONTHS_PER_CYCLE; months++) {
    if (mask !== 0) {
      const day = daysFromCivil(year, month, lowestBit(mask));
      return day * SECONDS_PER_DAY + firstTime(cron);
    }
    month = month === 12 ? 1 : month + 1;
    if (month === 1) year++;
    mask = datesOf(cron, year, month);
  }
  return undefined;
}

/** Dates of the month that match, as bits 1…31. */
function datesOf(cron: CronExpression, year: number, month: number): number {
  if (((cron.months >>> month) & 1) === 0) return 0;
  const length = daysInMonth(year, month);
  const first = weekdayOfDays(daysFromCivil(year, month, 1));
  const all = length === 31 ? -2 : (1 << (length + 1)) - 2;
  const byDay = byMonthDay(cron.monthDays, length, first);
  const byWeek = byWeekday(cron.weekdays, length, first);
  return all & (cron.days === "both" ? byDay & byWeek : byDay | byWeek);
}

/** @param first the weekday of the month's first day; @param length its days */
function byMonthDay(rule: MonthDays, length: number, first: number): number {
  let mask = rule.days;
  for (let rest = rule.beforeLast; rest !== 0; rest &= rest - 1) {
    const day = length - lowestBit(rest);
    if (day >= 1) mask |= 1 << day;
  }
  for (let rest = rule.nearestWeekday; rest !== 0; rest &= rest - 1) {
    const day = lowestBit(rest);
    if (day <= length) mask |= 1 << nearestWeekday(day, length, first);
  }
  if (rule.lastWeekday) {
    const weekday = (first + length - 1) % 7;
    mask |= 1 << (length - (weekday === 6 ? 1 : weekday === 0 ? 2 : 0));
  }
  return mask;
}

/** Monday to Friday: the day itself, else the day before or after it that is in the same month. */
function nearestWeekday(day: number, length: number, first: number): number {
  const weekday = (first + day - 1) % 7;
  if (weekday === 6) return day === 1 ? 3 : day - 1;
  if (weekday === 0) return day === length ? day - 2 : day + 1;
  return day;
}

function byWeekday(rule: Weekdays, length: number, first: number): number {
  if (rule.every === 0x7f) return -2;
  let mask = 0;
  for (let weekday = 0; weekday < 7; weekday++) {
    const bit = 1 << weekday;
    const date = 1 + ((weekday - first + 7) % 7);
    if (rule.every & bit) mask |= WEEKLY << date;
    if (rule.last & bit) mask |= 1 << (date + 28 <= length ? date + 28 : date + 21);
    for (let week = 0; week < 5; week++) {
      const day = date + 7 * week;
      if ((rule.nth[week] ?? 0) & bit && day <= length) mask |= 1 << day;
    }
  }
  return mask;
}

/** The first second of a day, from `second` on, whose time matches. */
function nextTime(cron: CronExpression, second: number): number | undefined {
  const hour = Math.floor(second / 3600);
  if ((cron.hours >>> hour) & 1) {
    const minute = Math.floor(second / 60) % 60;
    if (has(cron.minutes, minute)) {
      const found = nextBit(cron.seconds, second % 60);
      if (found >= 0) return hour * 3600 + minute * 60 + found;
    }
    const found = nextBit(cron.minutes, minute + 1);
    if (found >= 0) return hour * 3600 + found * 60 + nextBit(cron.seconds, 0);
  }
  const later = cron.hours & (-1 << (hour + 1));
  return later === 0 ? undefined : firstTime(cron, lowestBit(later));
}

function firstTime(cron: CronExpression, hour = lowestBit(cron.hours)): number {
  return hour * 3600 + nextBit(cron.minutes, 0) * 60 + nextBit(cron.seconds, 0);
}

function has(bits: Bits, value: number): boolean {
  return (((value < 32 ? bits.low : bits.high) >>> (value & 31)) & 1) === 1;
}

/** The smallest member from `from` (0…60) on, or -1. */
function nextBit(bits: Bits, from: number): number {
  if (from < 32) {
    const low = bits.low & (-1 << from);
    if (low !== 0) return lowestBit(low);
  }
  const high = from < 32 ? bits.high : bits.high & (-1 << (from - 32));
  return high === 0 ? -1 : 32 + lowestBit(high);
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
