/** RFC 9457 problem details, made from the catalogue alone. */
import { ERRORS, type ErrorCode, errorType, isErrorCode } from "./errors.ts";
import type { Issue, Problem } from "./schemas/problem.ts";

/** The media type of a problem (RFC 9457 section 3). */
export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** What one occurrence says beyond its kind. */
export interface ProblemOptions {
  /** This occurrence in a sentence: what, and where. */
  readonly detail?: string;
  /** The single faults in the request or document. */
  readonly issues?: readonly Issue[];
  /** Whole seconds after which a retry makes sense; also sent as `Retry-After`. */
  readonly retryAfter?: number;
  /** URI reference of what the occurrence is about, such as `/v1/instances/01H…`. */
  readonly instance?: string;
  readonly requestId?: string;
}

/** A problem document of the kind `code`. */
export function problem(code: ErrorCode, options: ProblemOptions = {}): Problem {
  const { status, title, action } = ERRORS[code];
  const { issues, ...rest } = options;
  return {
    type: errorType(code),
    title,
    status,
    code,
    action,
    ...rest,
    ...(issues === undefined ? {} : { issues: [...issues] }),
  };
}

/**
 * An error that becomes a problem document at the API. Whoever refuses a request throws this; the API writes
 * `toProblem()` and the status.
 */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly options: ProblemOptions;

  constructor(code: ErrorCode, options: ProblemOptions = {}, cause?: unknown) {
    super(options.detail ?? ERRORS[code].title, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = ERRORS[code].status;
    this.options = options;
  }

  toProblem(requestId?: string): Problem {
    return problem(
      this.code,
      requestId === undefined ? this.options : { ...this.options, requestId },
    );
  }
}

/** True when a decoded response body is a problem of this catalogue. */
export function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  const candidate = value as Partial<Problem>;
  return isErrorCode(candidate.code) && candidate.type === errorType(candidate.code);
}
