/** Instants as commands take them. */
import { parseInstant } from "@millrace/language";
import { CommandError, EXIT } from "../../exit.ts";

/** @param option that has the text */
export function readTime(option: string, text: string): Date {
  const instant = parseInstant(text);
  if (instant !== undefined) return new Date(instant);
  throw new CommandError(
    `${option}: ${text}: expected one such as 2026-11-21T03:00:00Z or 2026-11-21T03:00:00+01:00`,
    EXIT.invalid,
  );
}
