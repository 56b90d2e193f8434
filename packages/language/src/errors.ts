/**
 * The standard error types of the DSL (reference, "Standard Error Types").
 *
 * The language was renamed, and its documents write the same types under several addresses: two hosts, with
 * `/spec/1.0.x/errors/<name>` or `/dsl/errors/types/<name>`. All of them name one error, so they are compared and
 * shown in one canonical form. Any other URI is the user's own and passes unchanged.
 */

export type StandardErrorName =
  | "configuration"
  | "validation"
  | "expression"
  | "authentication"
  | "authorization"
  | "timeout"
  | "communication"
  | "runtime";

export interface StandardError {
  /** Canonical URI. */
  readonly type: string;
  /** Default status; a more exact one may be used. */
  readonly status: number;
  readonly title: string;
}

const BASE = "https://open-workflow-specification.org/spec/1.0.0/errors/";

function standard(name: StandardErrorName, status: number, title: string): StandardError {
  return { type: BASE + name, status, title };
}

export const standardErrors: Readonly<Record<StandardErrorName, StandardError>> = {
  configuration: standard("configuration", 400, "Configuration Error"),
  validation: standard("validation", 400, "Validation Error"),
  expression: standard("expression", 400, "Expression Error"),
  authentication: standard("authentication", 401, "Authentication Error"),
  authorization: standard("authorization", 403, "Authorization Error"),
  timeout: standard("timeout", 408, "Timeout"),
  communication: standard("communication", 500, "Communication Error"),
  runtime: standard("runtime", 500, "Runtime Error"),
};

const KNOWN =
  /^https?:\/\/(?:www\.)?(?:serverlessworkflow\.io|open-workflow-specification\.org)\/(?:spec\/1\.0\.\d+\/errors|dsl\/errors\/types)\/([a-z]+)\/?$/;

/** The canonical URI of a standard error written in any of its forms; every other URI as it is. */
export function canonicalErrorType(uri: string): string {
  const name = KNOWN.exec(uri)?.[1];
  return name !== undefined && Object.hasOwn(standardErrors, name) ? BASE + name : uri;
}

/** The evaluation of a runtime expression failed, budgets included. */
export class ExpressionError extends Error {
  /** The expression as written. */
  readonly source: string;
  /** Offset in `source`, when known. */
  readonly position?: number;
  constructor(message: string, source: string, position?: number) {
    super(message);
    this.name = "ExpressionError";
    this.source = source;
    if (position !== undefined) this.position = position;
  }
}
