/** DSL "Status Phases". */
export const STATUSES = Object.freeze([
  "pending",
  "running",
  "waiting",
  "suspended",
  "cancelled",
  "faulted",
  "completed",
] as const);

/** True when the instance will never change again. */
export function isFinal(status: (typeof STATUSES)[number]): boolean {
  return status === "completed" || status === "faulted" || status === "cancelled";
}
