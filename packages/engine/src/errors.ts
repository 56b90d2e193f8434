/** The errors the engine itself raises (DSL reference "Standard Error Types"). */
import { standardErrors } from "@millrace/language";
import type { WorkflowError } from "./error.ts";

/** An error on its way up through the frames; becomes an outcome at the task that raised it. */
export class TaskError extends Error {
  readonly error: WorkflowError;
  constructor(error: WorkflowError) {
    super(error.detail ?? error.title ?? error.type);
    this.error = error;
  }
}

/** An error that no `try` catches: the instance's own budget is spent. */
export class FatalError extends TaskError {}

export type StandardError = keyof typeof standardErrors;

/** A standard error with its canonical type and default status. */
export function standardError(
  kind: StandardError,
  detail: string,
  instance: string,
): WorkflowError {
  const { type, status, title } = standardErrors[kind];
  return { type, status, title, detail, instance };
}
