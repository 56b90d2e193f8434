/** Durations as people write them in a query or a setting: `30s`, `500ms`, `2m`, `1h`, or ISO 8601 `PT1M30S`. */

const UNITS: Readonly<Record<string, number>> = Object.freeze({
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
});

const SHORT = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/;
const ISO = /^P(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?$/;

/** Milliseconds, or `undefined` when the text is no duration. A bare number is none: it does not say its unit. */
export function parseDuration(text: string): number | undefined {
  const short = SHORT.exec(text);
  if (short) return Math.round(Number(short[1]) * (UNITS[short[2] as string] as number));
  const iso = ISO.exec(text);
  if (!iso || text === "P" || text.endsWith("T")) return undefined;
  const [days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0));
  return Math.round(
    (days ?? 0) * 86_400_000 +
      (hours ?? 0) * 3_600_000 +
      (minutes ?? 0) * 60_000 +
      (seconds ?? 0) * 1_000,
  );
}

/** Whole milliseconds as ISO 8601: `PT1M30S`, `P1DT2H`, `PT0.25S`; `PT0S` for none. */
export function formatDuration(milliseconds: number): string {
  const seconds = (milliseconds % 60_000) / 1_000;
  const date = unit(Math.floor(milliseconds / 86_400_000), "D");
  const time =
    unit(Math.floor(milliseconds / 3_600_000) % 24, "H") +
    unit(Math.floor(milliseconds / 60_000) % 60, "M") +
    unit(seconds, "S");
  if (date === "" && time === "") return "PT0S";
  return `P${date}${time === "" ? "" : `T${time}`}`;
}

function unit(amount: number, letter: string): string {
  return amount === 0 ? "" : `${amount}${letter}`;
}
