import type { WorkflowError } from "@millrace/protocol";

/** One line: where, what, and the type's URI for catching it. */
export function describeError(error: WorkflowError): string {
  const { type, status, title, detail, instance } = error;
  const what = [title, detail].filter((part) => part !== undefined && part !== "").join(": ");
  return `${instance ?? "/"}: ${what || "faulted"} (${status} ${type})`;
}
