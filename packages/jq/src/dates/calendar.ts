/** Calendar arithmetic in UTC on the proleptic Gregorian calendar. */

export const DAY_SECONDS = 86_400;

/** jq's "broken down time": the fields of C's `struct tm`, with the full year. */
export interface BrokenTime {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** From 0, Sunday. */
  readonly weekday: number;
  /** From 0. */
  readonly yearday: number;
}

/** Days from 1970-01-01 to a date; months and days outside their range carry over. */
export function daysTo(year: number, month: number, day: number): number {
  const years = year + Math.floor(month / 12);
  const monthInYear = ((month % 12) + 12) % 12;
  // Years are counted from March so that the leap day is the last of its year.
  const marchYear = monthInYear < 2 ? years - 1 : years;
  const marchMonth = (monthInYear + 10) % 12;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * marchMonth + 2) / 5);
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leaps + dayOfYear - 719_468 + day - 1;
}

export function weekdayOf(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export function dateOf(days: number): CivilDate {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const cut =
    dayOfEra -
    Math.floor(dayOfEra / 1460) +
    Math.floor(dayOfEra / 36_524) -
    Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor(cut / 365);
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - (365 * yearOfEra + leaps);
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = (marchMonth + 2) % 12;
  return { year: yearOfEra + era * 400 + (month < 2 ? 1 : 0), month, day };
}

/** Broken down time of whole seconds since the epoch. */
export function breakDown(seconds: number): BrokenTime {
  const days = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds - days * DAY_SECONDS;
  const { year, month, day } = dateOf(days);
  return {
    year,
    month,
    day,
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
    weekday: weekdayOf(days),
    yearday: days - daysTo(year, 0, 1),
  };
}

/** Seconds since the epoch of broken down time; fields outside their range carry over. */
export function secondsOf(time: BrokenTime): number {
  const days = daysTo(time.year, time.month, time.day);
  return days * DAY_SECONDS + time.hour * 3600 + time.minute * 60 + time.second;
}

/** ISO 8601 week and the year it belongs to. */
export function isoWeek(time: BrokenTime): { readonly year: number; readonly week: number } {
  const days = daysTo(time.year, time.month, time.day);
  const thursday = days - ((time.weekday + 6) % 7) + 3;
  const { year } = dateOf(thursday);
  return { year, week: Math.floor((thursday - daysTo(year, 0, 1)) / 7) + 1 };
}

export const DAY_NAMES = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];

export const MONTH_NAMES = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
