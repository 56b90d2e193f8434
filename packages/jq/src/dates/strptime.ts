/** Parses text by a format as glibc's strptime does in the C locale. */
import { charge } from "../budget/budget.ts";
import { breakDown, dateOf, DAY_NAMES, daysTo, MONTH_NAMES, weekdayOf } from "./calendar.ts";
import type { BrokenTime } from "./calendar.ts";

interface Parsed {
  readonly time: BrokenTime;
  /** What of the text was left over. */
  readonly rest: string;
}

interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** 8 and 367 mark fields that were never set, as in jq. */
  weekday: number;
  yearday: number;
}

const COMPOSITE: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

const SPACES = /[ \t\n\v\f\r]*/y;

class TimeParser {
  private readonly text: string;
  private at = 0;
  private readonly fields: Fields = {
    year: 1900,
    month: 0,
    day: 0,
    hour: 0,
    minute: 0,
    second: 0,
    weekday: 8,
    yearday: 367,
  };
  private century: number | undefined;
  private isAfternoon = false;
  /** The hour is of a 12-hour clock. */
  private isHour12 = false;
  private hasDate = false;
  private hasMonth = false;
  private hasDay = false;
  private hasWeekday = false;
  private hasYearday = false;

  constructor(text: string) {
    this.text = text;
  }

  parse(format: string): Parsed | undefined {
    if (!this.follow(format)) return undefined;
    this.settle();
    return { time: this.fields, rest: this.text.slice(this.at) };
  }

  private skipSpaces(): void {
    SPACES.lastIndex = this.at;
    this.at += SPACES.exec(this.text)?.[0].length ?? 0;
  }

  private follow(format: string): boolean {
    for (let i = 0; i < format.length; i += 1) {
      charge(1);
      const char = format[i] as string;
      if (/[ \t\n\v\f\r]/.test(char)) this.skipSpaces();
      else if (char !== "%") {
        if (this.text[this.at] !== char) return false;
        this.at += 1;
      } else {
        i += 1;
        while (/[-_0^#EO]/.test(format[i] ?? "")) i += 1;
        if (!this.conversion(format[i] ?? "")) return false;
      }
    }
    return true;
  }

  /** A number of up to some digits within bounds, after optional spaces. */
  private number(low: number, high: number, width: number, set: (value: number) => void): boolean {
    this.skipSpaces();
    let end = this.at;
    let value = 0;
    while (end - this.at < width && /\d/.test(this.text[end] ?? "")) {
      value = value * 10 + Number(this.text[end]);
      end += 1;
      if (value * 10 > high) break;
    }
    if (end === this.at || value < low || value > high) return false;
    this.at = end;
    set(value);
    return true;
  }

  /** The longest of some names, or their first three letters. */
  private name(names: readonly string[], set: (index: number) => void): boolean {
    const rest = this.text.slice(this.at, this.at + 10).toLowerCase();
    for (const [index, name] of names.entries()) {
      const full = name.toLowerCase();
      const found = [full, full.slice(0, 3)].find((form) => rest.startsWith(form));
      if (found === undefined) continue;
      this.at += found.length;
      set(index);
      return true;
    }
    return false;
  }

  private conversion(kind: string): boolean {
    const composite = COMPOSITE[kind];
    if (composite !== undefined) return this.follow(composite);
    const { fields } = this;
    switch (kind) {
      case "%":
        this.at += 1;
        return this.text[this.at - 1] === "%";
      case "n":
      case "t":
        this.skipSpaces();
        return true;
      case "Z":
        // glibc reads nothing here.
        return true;
      case "z":
        return this.zone();
      case "s":
        return this.number(0, 1e15, 16, (value) => this.epoch(value));
      case "p":
      case "P":
        return this.name(["AM", "PM"], (index) => {
          this.isAfternoon = index === 1;
        });
      case "H":
      case "k":
        return this.number(0, 23, 2, (value) => {
          fields.hour = value;
          this.isHour12 = false;
        });
      case "I":
      case "l":
        return this.number(1, 12, 2, (value) => {
          fields.hour = value % 12;
          this.isHour12 = true;
        });
      case "M":
        return this.number(0, 59, 2, (value) => {
          fields.minute = value;
        });
      case "S":
        return this.number(0, 61, 2, (value) => {
          fields.second = value;
        });
      default:
        return this.dateConversion(kind);
    }
  }

  private dateConversion(kind: string): boolean {
    switch (kind) {
      case "Y":
        return this.number(0, 9999, 4, (value) => this.setYear(value));
      case "y":
        return this.number(0, 99, 2, (value) => this.setYear(value + (value < 69 ? 2000 : 1900)));
      case "C":
        return this.number(0, 99, 2, (value) => {
          this.century = value;
          this.hasDate = true;
        });
      case "m":
        return this.number(1, 12, 2, (value) => this.setMonth(value - 1));
      case "b":
      case "B":
      case "h":
        return this.name(MONTH_NAMES, (index) => this.setMonth(index));
      case "d":
      case "e":
        return this.number(1, 31, 2, (value) => this.setDay(value));
      case "j":
        return this.number(1, 366, 3, (value) => {
          this.fields.yearday = value - 1;
          this.hasYearday = true;
        });
      case "a":
      case "A":
        return this.name(DAY_NAMES, (index) => this.setWeekday(index));
      case "u":
        return this.number(1, 7, 1, (value) => this.setWeekday(value % 7));
      case "w":
        return this.number(0, 6, 1, (value) => this.setWeekday(value));
      case "U":
      case "V":
      case "W":
        return this.number(0, 53, 2, () => undefined);
      case "G":
        return this.number(0, 9999, 4, () => undefined);
      case "g":
        return this.number(0, 99, 2, () => undefined);
      default:
        return false;
    }
  }

  private setYear(year: number): void {
    this.fields.year = year;
    this.hasDate = true;
  }

  private setMonth(month: number): void {
    this.fields.month = month;
    this.hasMonth = true;
    this.hasDate = true;
  }

  private setDay(day: number): void {
    this.fields.day = day;
    this.hasDay = true;
    this.hasDate = true;
  }

  private setWeekday(weekday: number): void {
    this.fields.weekday = weekday;
    this.hasWeekday = true;
  }

  /** `Z`, `+hh`, `+hhmm` or `+hh:mm`; read for form only, as jq has no place for it. */
  private zone(): boolean {
    this.skipSpaces();
    const found = /^(?:Z|[+-]\d{2}(?::?\d{2})?)/.exec(this.text.slice(this.at, this.at + 6));
    if (found === null) return false;
    this.at += found[0].length;
    return true;
  }

  private epoch(seconds: number): void {
    Object.assign(this.fields, breakDown(seconds));
    this.hasWeekday = true;
    this.hasYearday = true;
    this.hasMonth = true;
    this.hasDay = true;
  }

  /** Fills in what follows from what was read. */
  private settle(): void {
    const { fields } = this;
    if (this.isHour12 && this.isAfternoon) fields.hour += 12;
    if (this.century !== undefined) fields.year = this.century * 100 + (fields.year % 100);
    if (this.hasYearday && !(this.hasMonth && this.hasDay)) {
      const { month, day } = dateOf(daysTo(fields.year, 0, 1) + fields.yearday);
      fields.month = month;
      fields.day = day;
      this.hasDate = true;
    }
    if (!this.hasDate) return;
    const days = daysTo(fields.year, fields.month, fields.day);
    if (!this.hasWeekday) fields.weekday = weekdayOf(days);
    if (!this.hasYearday) fields.yearday = days - daysTo(fields.year, 0, 1);
  }
}

/** `strptime(format)`, or undefined when the text does not match. */
export function parseTime(text: string, format: string): Parsed | undefined {
  const parsed = new TimeParser(text).parse(format);
  if (parsed === undefined) return undefined;
  return parsed.rest === "" || /^[ \t\n\v\f\r]/.test(parsed.rest) ? parsed : undefined;
}
