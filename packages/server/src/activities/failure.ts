/** Failures of activities, in the terms of the DSL's standard errors (DSL reference "Standard Error Types"). */
import { STATUS_CODES } from "node:http";
import type { WorkflowError } from "@millrace/engine";

const STANDARD_ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/";

export type FailureKind =
  | "authentication"
  | "authorization"
  | "communication"
  | "configuration"
  | "expression"
  | "runtime"
  | "timeout"
  | "validation";

const DEFAULT_STATUS: Readonly<Record<FailureKind, number>> = {
  authentication: 401,
  authorization: 403,
  communication: 500,
  configuration: 400,
  expression: 400,
  runtime: 500,
  timeout: 408,
  validation: 400,
};

const DEFAULT_TITLE: Readonly<Record<FailureKind, string>> = {
  authentication: "Authentication Failed",
  authorization: "Not Authorized",
  communication: "Communication Error",
  configuration: "Configuration Error",
  expression: "Expression Error",
  runtime: "Runtime Error",
  timeout: "Request Timeout",
  validation: "Validation Error",
};

/** Thrown inside executors; leaves them as the `error` of a failed outcome. Its message never holds a secret. */
export class ActivityFailure extends Error {
  readonly kind: FailureKind;
  readonly status: number;
  readonly title: string;

  constructor(
    kind: FailureKind,
    detail: string,
    options: { status?: number; title?: string } = {},
  ) {
    super(detail);
    this.name = "ActivityFailure";
    this.kind = kind;
    this.status = options.status ?? DEFAULT_STATUS[kind];
    this.title =
      options.title ??
      (options.status === undefined ? undefined : STATUS_CODES[options.status]) ??
      DEFAULT_TITLE[kind];
  }
}

/** The workflow error for anything an executor threw; `instance` is the reference of the task. */
export function toWorkflowError(cause: unknown, instance: string): WorkflowError {
  if (cause instanceof ActivityFailure) {
    const { kind, status, title, message } = cause;
    return { type: `${STANDARD_ERRORS}${kind}`, status, title, detail: message, instance };
  }
  // A defect of ours: say that it happened, not what was in memory when it did.
  const name = cause instanceof Error ? cause.name : typeof cause;
  return {
    type: `${STANDARD_ERRORS}runtime`,
    status: 500,
    title: DEFAULT_TITLE.runtime,
    detail: `The activity executor failed unexpectedly (${name}).`,
    instance,
  };
}
