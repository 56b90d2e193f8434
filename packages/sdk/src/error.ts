/** What a call of the client rejects with. */
import type { ErrorCode, Problem } from "@millrace/protocol";

/** `unreachable`: no answer came, after all retries. `unexpected-answer`: something other than Millrace answered. */
export type MillraceErrorCode = ErrorCode | "unreachable" | "unexpected-answer";

export class MillraceError extends Error {
  override readonly name = "MillraceError";
  /** Branch on this. */
  readonly code: MillraceErrorCode;
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** What the server said (RFC 9457): `detail`, `action`, `issues` … */
  readonly problem: Problem | undefined;

  constructor(
    code: MillraceErrorCode,
    message: string,
    more: { readonly status?: number; readonly problem?: Problem; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.status = more.status ?? 0;
    this.problem = more.problem;
  }

  static of(problem: Problem): MillraceError {
    return new MillraceError(problem.code, problem.detail ?? problem.title, {
      status: problem.status,
      problem,
    });
  }
}
