/** From whatever a handler threw to a problem of the catalogue. */
import { type ErrorCode, type Issue, ProblemError, type ProblemOptions } from "@millrace/protocol";
import type { FastifyError, FastifySchemaValidationError } from "fastify";
import { VaultError, type VaultErrorKind } from "../secrets/vault-error.ts";
import { PayloadError, type PayloadErrorKind } from "../payloads/payloads.ts";
import { RuntimeError, type RuntimeErrorKind } from "../runtime.ts";
import { WorkerError, type WorkerErrorKind } from "../workers/worker-error.ts";

/** The problem that tells a caller about `error`; `internal` when it is the server's own fault. */
export function toProblemError(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof RuntimeError) return fromRuntime(error);
  if (error instanceof VaultError) return fromVault(error);
  if (error instanceof PayloadError) return fromPayloads(error);
  if (error instanceof WorkerError) return fromWorker(error);
  return fromFramework(error as FastifyError);
}

/** Codes of the runtime's outcomes; some depend on their subject. */
type BySubject = "not-found" | "conflict";
const RUNTIME_CODES: { readonly [Kind in Exclude<RuntimeErrorKind, BySubject>]: ErrorCode } = {
  "key-reuse": "idempotency-key-reuse",
  "invalid-state": "instance-terminal",
  "not-retryable": "instance-not-retryable",
  overloaded: "overloaded",
  "invalid-workflow": "workflow-invalid",
  "invalid-function": "function-invalid",
  "invalid-schedule": "schedule-invalid",
  "invalid-calendar": "calendar-invalid",
  "invalid-input": "invalid-request",
  "not-owner": "unavailable",
  unavailable: "unavailable",
  "shutting-down": "shutting-down",
};

function codeOf({ kind, subject }: RuntimeError): ErrorCode {
  if (kind === "not-found") return `${subject ?? "instance"}-not-found`;
  if (kind === "conflict") {
    if (subject === "calendar") return "calendar-in-use";
    return subject === "schedule" ? "schedule-conflict" : "workflow-conflict";
  }
  return RUNTIME_CODES[kind];
}

function fromRuntime(error: RuntimeError): ProblemError {
  const code = codeOf(error);
  const options: ProblemOptions = {
    detail: error.message,
    ...(error.issues === undefined ? {} : { issues: error.issues }),
    ...retryAfter(code, error.retryAfterMs),
  };
  return new ProblemError(code, options, error);
}

const VAULT_CODES: { readonly [Kind in VaultErrorKind]: ErrorCode } = {
  "no-master-key": "no-master-key",
  unreadable: "master-key-missing",
  "too-large": "payload-too-large",
  busy: "unavailable",
};

function fromVault({ kind, message }: VaultError): ProblemError {
  const code = VAULT_CODES[kind];
  return new ProblemError(code, { detail: message, ...retryAfter(code, undefined) });
}

const PAYLOAD_CODES: { readonly [Kind in PayloadErrorKind]: ErrorCode } = {
  missing: "payload-corrupt",
  corrupt: "payload-corrupt",
  "digest-mismatch": "digest-mismatch",
  "too-large": "payload-too-large",
  unavailable: "unavailable",
};

function fromPayloads(error: PayloadError): ProblemError {
  const code = PAYLOAD_CODES[error.kind];
  return new ProblemError(code, { detail: error.message, ...retryAfter(code, undefined) }, error);
}

const WORKER_CODES: { readonly [Kind in WorkerErrorKind]: ErrorCode } = {
  "task-lost": "task-lost",
  overloaded: "overloaded",
  "too-fast": "rate-limited",
  "no-such-payload": "invalid-request",
  "too-large": "payload-too-large",
  unavailable: "unavailable",
};

function fromWorker({ kind, message }: WorkerError): ProblemError {
  const code = WORKER_CODES[kind];
  const issues = [{ path: "body.digest", message }];
  return new ProblemError(code, {
    detail: message,
    ...(kind === "no-such-payload" ? { issues } : {}),
    ...retryAfter(code, undefined),
  });
}

/** Every 503 and 429 says when to come back: whole seconds, at least one. */
function retryAfter(code: ErrorCode, milliseconds: number | undefined): ProblemOptions {
  const temporary = TEMPORARY.has(code);
  if (!temporary) return {};
  return { retryAfter: Math.max(1, Math.ceil((milliseconds ?? 1_000) / 1_000)) };
}

const TEMPORARY: ReadonlySet<ErrorCode> = new Set([
  "overloaded",
  "unavailable",
  "shutting-down",
  "rate-limited",
]);

/** Everything else in a list's query has passed its schema, so `invalid-input` means the cursor. */
export function refuseCursor(cursor: string | undefined): (error: unknown) => never {
  return (error) => {
    if (
      cursor === undefined ||
      !(error instanceof RuntimeError) ||
      error.kind !== "invalid-input"
    ) {
      throw error;
    }
    throw new ProblemError("invalid-cursor", { detail: `cursor=${cursor}` }, error);
  };
}

const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = Object.freeze({
  FST_ERR_CTP_BODY_TOO_LARGE: "payload-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
  FST_ERR_CTP_INVALID_TYPE: "unsupported-media-type",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid-body",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid-body",
  FST_ERR_BAD_URL: "invalid-request",
  FST_ERR_MAX_LIMIT_REACHED: "invalid-request",
  FST_ERR_ASYNC_CONSTRAINT: "invalid-request",
});

function fromFramework(error: FastifyError): ProblemError {
  if (Array.isArray(error.validation)) {
    const issues = error.validation.map((fault) => issue(fault, error.validationContext ?? ""));
    const first = issues[0];
    const detail = [first?.path ?? "", first?.message ?? ""].filter((part) => part !== "");
    return new ProblemError("invalid-request", { detail: detail.join(": "), issues });
  }
  const code = FRAMEWORK_CODES[error.code ?? ""] ?? otherCode(error);
  if (code === undefined) return new ProblemError("internal", {}, error);
  return new ProblemError(code, { detail: error.message });
}

/** What else the framework refuses, and a connection that ends in the middle of a request, is the caller's doing. */
function otherCode(error: Partial<FastifyError>): ErrorCode | undefined {
  const { code = "", statusCode = 500 } = error;
  if (code === "ECONNRESET") return "invalid-body";
  return code.startsWith("FST_ERR_") && statusCode < 500 ? "invalid-request" : undefined;
}

/** `query.limit: must be >= 1`. */
function issue(fault: FastifySchemaValidationError, context: string): Issue {
  const part = context === "querystring" ? "query" : context;
  const steps = fault.instancePath.split("/").slice(1);
  return {
    path: [part, ...steps.map(decodePointer)].filter((step) => step !== "").join("."),
    message: `${fault.message ?? "not valid"}${expected(fault)}`,
  };
}

function expected(fault: FastifySchemaValidationError): string {
  const { allowedValues, additionalProperty } = fault.params as {
    readonly allowedValues?: readonly string[];
    readonly additionalProperty?: string;
  };
  if (allowedValues !== undefined) return `: ${allowedValues.join(", ")}`;
  return additionalProperty === undefined ? "" : `: ${additionalProperty}`;
}

function decodePointer(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}
