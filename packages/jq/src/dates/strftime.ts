/** Formats broken down time as C's strftime does in the C locale, always in UTC. */
import { charge } from "../budget/budget.ts";
import { DAY_NAMES, isoWeek, MONTH_NAMES, secondsOf } from "./calendar.ts";
import type { BrokenTime } from "./calendar.ts";

type Pad = "0" | " " | "";

interface Field {
  readonly value: number | string;
  readonly width: number;
  readonly pad: Pad;
}

function digits(value: number, width: number, pad: Pad = "0"): Field {
  return { value, width, pad };
}

function text(value: string): Field {
  return { value, width: 0, pad: " " };
}

function hour12(hour: number): number {
  return hour % 12 === 0 ? 12 : hour % 12;
}

/** Conversions that stand for a longer format. */
const COMPOSITE: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
  v: "%e-%b-%Y",
};

/** Weeks of the year that begin on a weekday. */
function weekFrom(time: BrokenTime, firstDay: number): number {
  return Math.floor((time.yearday + 7 - ((time.weekday + 7 - firstDay) % 7)) / 7);
}

function dateField(conversion: string, time: BrokenTime): Field | undefined {
  switch (conversion) {
    case "a":
      return text((DAY_NAMES[time.weekday] ?? "?").slice(0, 3));
    case "A":
      return text(DAY_NAMES[time.weekday] ?? "?");
    case "b":
    case "h":
      return text((MONTH_NAMES[time.month] ?? "?").slice(0, 3));
    case "B":
      return text(MONTH_NAMES[time.month] ?? "?");
    case "C":
      return digits(Math.floor(time.year / 100), 2);
    case "d":
      return digits(time.day, 2);
    case "e":
      return digits(time.day, 2, " ");
    case "j":
      return digits(time.yearday + 1, 3);
    case "m":
      return digits(time.month + 1, 2);
    case "u":
      return digits(time.weekday === 0 ? 7 : time.weekday, 1);
    case "w":
      return digits(time.weekday, 1);
    case "y":
      return digits(((time.year % 100) + 100) % 100, 2);
    case "Y":
      return digits(time.year, 1);
    default:
      return weekField(conversion, time);
  }
}

function weekField(conversion: string, time: BrokenTime): Field | undefined {
  switch (conversion) {
    case "g":
      return digits(((isoWeek(time).year % 100) + 100) % 100, 2);
    case "G":
      return digits(isoWeek(time).year, 1);
    case "U":
      return digits(weekFrom(time, 0), 2);
    case "V":
      return digits(isoWeek(time).week, 2);
    case "W":
      return digits(weekFrom(time, 1), 2);
    default:
      return undefined;
  }
}

function clockField(conversion: string, time: BrokenTime): Field | undefined {
  switch (conversion) {
    case "H":
      return digits(time.hour, 2);
    case "I":
      return digits(hour12(time.hour), 2);
    case "k":
      return digits(time.hour, 2, " ");
    case "l":
      return digits(hour12(time.hour), 2, " ");
    case "M":
      return digits(time.minute, 2);
    case "S":
      return digits(time.second, 2);
    case "p":
      return text(time.hour < 12 ? "AM" : "PM");
    case "P":
      return text(time.hour < 12 ? "am" : "pm");
    case "s":
      return digits(secondsOf(time), 1);
    case "z":
      return text("+0000");
    case "Z":
      return text("UTC");
    case "n":
      return text("\n");
    case "t":
      return text("\t");
    case "%":
      return text("%");
    default:
      return undefined;
  }
}

/** A field with the flags glibc knows: `-` no padding, `_` spaces, `0` zeros, `^` and `#` case. */
function layOut(field: Field, flags: string, width: number): string {
  let { pad } = field;
  if (flags.includes("-")) pad = "";
  else if (flags.includes("_")) pad = " ";
  else if (flags.includes("0")) pad = "0";
  const wanted = Math.max(width, pad === "" ? 0 : field.width);
  const filler = pad === "" ? " " : pad;
  const value = typeof field.value === "number" ? String(Math.abs(field.value)) : field.value;
  const sign = typeof field.value === "number" && field.value < 0 ? "-" : "";
  const padded =
    filler === "0"
      ? sign + value.padStart(wanted - sign.length, "0")
      : (sign + value).padStart(wanted, filler);
  if (flags.includes("^")) return padded.toUpperCase();
  if (!flags.includes("#")) return padded;
  return /^[AP]M$/.test(padded) ? padded.toLowerCase() : padded.toUpperCase();
}

const CONVERSION = /%([-_0^#]*)(\d{0,3})[EO]?([a-zA-Z%])/g;

/** `strftime(format)` of normalized time. */
export function formatTime(time: BrokenTime, format: string): string {
  charge((format.length >> 3) + 1);
  return format.replace(CONVERSION, (all, flags: string, width: string, conversion: string) => {
    charge(1 + (Number(width) >> 4));
    const composite = COMPOSITE[conversion];
    const field =
      composite === undefined
        ? (dateField(conversion, time) ?? clockField(conversion, time))
        : text(formatTime(time, composite));
    return field === undefined ? all : layOut(field, flags, Number(width));
  });
}
