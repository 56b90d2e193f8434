/** Instants as text, by arithmetic alone: the engine knows no clock and no Date. */
import { civilFromDays } from "@millrace/language";

const DAY = 86_400_000;

/** Epoch milliseconds as ISO 8601 in UTC with milliseconds, such as `2026-01-31T12:00:00.000Z`. */
export function isoInstant(milliseconds: number): string {
  const days = Math.floor(milliseconds / DAY);
  const rest = milliseconds - days * DAY;
  const { year, month, day } = civilFromDays(days);
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  const hours = Math.floor(rest / 3_600_000);
  const minutes = Math.floor(rest / 60_000) % 60;
  const seconds = Math.floor(rest / 1000) % 60;
  return `${date}T${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(Math.floor(rest % 1000), 3)}Z`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
