/** Whether a cron expression is right and ever fires. The one place that speaks Date, from a given instant. */
import { Cron } from "croner";

/** What is wrong with it, or `undefined`. */
export function cronProblem(expression: string): string | undefined {
  try {
    const from = new Date(0);
    const next = new Cron(expression, { paused: true, timezone: "UTC" }).nextRun(from);
    return next === null ? `"${expression}" never fires: no date matches it` : undefined;
  } catch (error) {
    return `"${expression}" is not a cron expression: ${(error as Error).message}`;
  }
}
