/** Failures of activities, in the terms of the DSL's standard errors (DSL reference "Standard Error Types"). */
import { STATUS_CODES } from "node:http";
import type { WorkflowError } from "@millrace/engine";
import { type StandardErrorName, standardErrors } from "@millrace/language";

export type FailureKind = StandardErrorName;

/** Thrown inside executors; leaves them as the `error` of a failed outcome. Its message never holds a secret. */
export class ActivityFailure extends Error {
  readonly kind: FailureKind;
  readonly status: number;
  readonly title: string;
  /** URI; the kind's own unless what did the work gave another. */
  readonly type: string;

  constructor(
    kind: FailureKind,
    detail: string,
    options: { status?: number; title?: string; type?: string } = {},
  ) {
    super(detail);
    this.name = "ActivityFailure";
    this.kind = kind;
    this.status = options.status ?? standardErrors[kind].status;
    this.title =
      options.title ??
      (options.status === undefined ? undefined : STATUS_CODES[options.status]) ??
      standardErrors[kind].title;
    this.type = options.type ?? standardErrors[kind].type;
  }
}

/** The workflow error for anything an executor threw; `instance` is the reference of the task. */
export function toWorkflowError(cause: unknown, instance: string): WorkflowError {
  if (cause instanceof ActivityFailure) {
    const { type, status, title, message } = cause;
    return { type, status, title, detail: message, instance };
  }
  // A defect of ours: say that it happened, not what was in memory when it did.
  const name = cause instanceof Error ? cause.name : typeof cause;
  return {
    ...standardErrors.runtime,
    detail: `The activity executor failed unexpectedly (${name}).`,
    instance,
  };
}
