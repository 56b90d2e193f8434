/**
 * Cron expressions as crontab(5) describes them, with the extensions that Quartz made common (seconds, `L`, `W`, `#`, `?`).
 *
 * Five fields (minute, hour, day of month, month, day of week) or six, with seconds first. When both day fields are
 * restricted, a day that satisfies *either* matches (crontab(5)); a day field that begins with `*` or `?` is no restriction
 * in this sense, so both must hold then, and a `+` before the day of week asks for both.
 */
import { parseMonthDays, parseWeekdays } from "./days.ts";
import type { CronExpression, CronField, CronIssue } from "./expression.ts";
import { FieldError, type FieldSpec, HOUR, MINUTE, MONTH, parseField, SECOND } from "./fields.ts";
import { nextCivil } from "./next.ts";

export type ParsedCron =
  | { readonly cron: CronExpression }
  | { readonly issues: readonly [CronIssue, ...CronIssue[]] };

const NICKNAMES: Readonly<Record<string, string>> = {
  "@YEARLY": "0 0 1 1 *",
  "@ANNUALLY": "0 0 1 1 *",
  "@MONTHLY": "0 0 1 * *",
  "@WEEKLY": "0 0 * * 0",
  "@DAILY": "0 0 * * *",
  "@MIDNIGHT": "0 0 * * *",
  "@HOURLY": "0 * * * *",
};

const NEVER = "no date of the calendar matches its days and months";

/** Characters; a list of every second is 169 long. */
const LONGEST = 500;

/** Parses an expression; every field that is wrong is reported. An expression that never fires is wrong. */
export function parseCron(source: string): ParsedCron {
  if (source.length > LONGEST) {
    const text = `${source.slice(0, 40)}…`;
    return whole(text, `it is ${source.length} characters long; expected at most ${LONGEST}`);
  }
  const text = source.trim().toUpperCase();
  if (text.startsWith("@") && NICKNAMES[text] === undefined) return unknownNickname(source);
  const fields = (NICKNAMES[text] ?? text).split(/\s+/).filter((field) => field !== "");
  if (/^(?:CRON_)?TZ=/.test(text)) {
    return whole(source, "the time zone stands beside the expression (timeZone), not in it");
  }
  if (fields.length !== 5 && fields.length !== 6) return wrongCount(source, fields.length);
  return parseFields(source, fields.length === 5 ? ["0", ...fields] : fields);
}

function parseFields(source: string, fields: readonly string[]): ParsedCron {
  const issues: CronIssue[] = [];
  const attempt = <T>(field: CronField, parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      issues.push({ field, text: error.text, message: error.message });
      return undefined;
    }
  };
  const bits = (spec: FieldSpec, index: number) =>
    attempt(spec.name, () => parseField(spec, fields[index] ?? ""));
  const [monthDayText = "", weekdayText = ""] = [fields[3], fields[5]];
  const both = weekdayText.startsWith("+");
  const seconds = bits(SECOND, 0);
  const minutes = bits(MINUTE, 1);
  const hours = bits(HOUR, 2);
  const monthDays = attempt("day of month", () => parseMonthDays(monthDayText));
  const months = bits(MONTH, 4);
  const weekdays = attempt("day of week", () =>
    parseWeekdays(both ? weekdayText.slice(1) : weekdayText),
  );
  const [first, ...more] = issues;
  if (first !== undefined) return { issues: [first, ...more] };
  if (!seconds || !minutes || !hours || !monthDays || !months || !weekdays) {
    throw new Error("a field failed without an issue");
  }
  const unrestricted = /^[*?]/;
  const days =
    both || unrestricted.test(monthDayText) || unrestricted.test(weekdayText) ? "both" : "either";
  const common = { source, seconds, minutes, hours: hours.low, months: months.low };
  return mustFire({ ...common, monthDays, weekdays, days });
}

function mustFire(cron: CronExpression): ParsedCron {
  if (nextCivil(cron, 0) !== undefined) return { cron };
  return whole(cron.source, NEVER);
}

function whole(text: string, message: string): ParsedCron {
  return { issues: [{ text, message }] };
}

function wrongCount(source: string, count: number): ParsedCron {
  const year = count === 7 ? "; a year is no field, use startAt and endAt" : "";
  return whole(
    source,
    `it has ${count} field${count === 1 ? "" : "s"}; expected 5 (minute, hour, day of month, month, day of week), or 6 with seconds first${year}`,
  );
}

function unknownNickname(source: string): ParsedCron {
  const names = Object.keys(NICKNAMES).map((name) => name.toLowerCase());
  return whole(source, `expected one of ${names.join(", ")}, or fields`);
}

/** What is wrong with an expression in one line for its author, or `undefined`. */
export function cronProblem(expression: string): string | undefined {
  const parsed = parseCron(expression);
  if ("cron" in parsed) return undefined;
  const [first] = parsed.issues;
  if (first.message === NEVER) return `"${expression}" never fires: ${NEVER}`;
  const reasons = parsed.issues.map(({ field, text, message }) =>
    field === undefined ? message : `${field} "${text}": ${message}`,
  );
  const shown = expression.length > LONGEST ? first.text : expression;
  return `"${shown}" is not a cron expression: ${reasons.join("; ")}`;
}
