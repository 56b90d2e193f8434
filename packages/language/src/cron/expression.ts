/** A cron expression, parsed: which values each field allows, as bit sets (bit n = value n). */

/** A set of 0…59: `low` has 0…31, `high` 32…59. */
export interface Bits {
  readonly low: number;
  readonly high: number;
}

/** What the day-of-month field allows. A day that a month does not have never matches in it. */
export interface MonthDays {
  /** Bits 1…31. */
  readonly days: number;
  /** Bit n: the n-th day before the last (`L` is bit 0, `L-3` bit 3). */
  readonly beforeLast: number;
  /** Bit n: the weekday (Monday to Friday) nearest to day n in the same month (`15W`). */
  readonly nearestWeekday: number;
  /** `LW`: the last weekday (Monday to Friday) of the month. */
  readonly lastWeekday: boolean;
}

/** What the day-of-week field allows; bit 0 = Sunday … bit 6 = Saturday. */
export interface Weekdays {
  readonly every: number;
  /** `FRI#2`: at index 1 the weekdays whose second in the month matches; five entries. */
  readonly nth: readonly number[];
  /** `FRIL`: the weekdays whose last in the month matches. */
  readonly last: number;
}

export interface CronExpression {
  /** As written. */
  readonly source: string;
  readonly seconds: Bits;
  readonly minutes: Bits;
  /** Bits 0…23. */
  readonly hours: number;
  readonly monthDays: MonthDays;
  /** Bits 1…12. */
  readonly months: number;
  readonly weekdays: Weekdays;
  /** Whether a day must satisfy one of the two day fields, or both. */
  readonly days: "either" | "both";
}

export type CronField = "second" | "minute" | "hour" | "day of month" | "month" | "day of week";

/** What is wrong with an expression, and in which field; without `field` it is the expression as a whole. */
export interface CronIssue {
  readonly field?: CronField;
  /** The part of the expression that is wrong. */
  readonly text: string;
  readonly message: string;
}

/** All 24 hours: such an expression means an interval rather than times of day. */
export const EVERY_HOUR = 0xff_ffff;
