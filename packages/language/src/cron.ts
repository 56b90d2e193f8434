/** Cron expressions: whether they are right, and ever fire. The one place of the package that speaks `Date`. */
import { Cron } from "croner";

/**
 * What is wrong with a cron expression (croner's dialect, the one schedules run by), or `undefined`.
 * @param from epoch milliseconds: the instant after which it must fire at least once
 */
export function cronProblem(expression: string, from: number): string | undefined {
  try {
    const cron = new Cron(expression, { paused: true, timezone: "UTC" });
    // oxlint-disable-next-line no-restricted-globals -- a given instant in croner's type; reads no clock
    const next = cron.nextRun(new Date(from));
    return next === null ? `"${expression}" never fires: no date matches it` : undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : "";
    return `"${expression}" is not a cron expression: ${reason}`;
  }
}
