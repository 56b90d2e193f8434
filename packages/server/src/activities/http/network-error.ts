/** Turns what the HTTP client throws into failures a workflow can catch. */
import { EgressDenied } from "../egress/policy.ts";
import { ActivityFailure } from "../failure.ts";

/** Why a request ended early: the reason that its abort signal carries. */
export class TimeLimitReached extends Error {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`);
    this.name = "TimeLimitReached";
    this.milliseconds = milliseconds;
  }
}

/** Statuses as a gateway would answer them: 503 may pass by itself, 502 is the other side's doing, 504 is time. */
const STATUS_OF_CODE: Readonly<Record<string, readonly [status: number, text: string]>> = {
  ENOTFOUND: [502, "the host name does not exist"],
  EAI_AGAIN: [503, "the host name could not be resolved"],
  ECONNREFUSED: [503, "the connection was refused"],
  EHOSTUNREACH: [503, "the host is unreachable"],
  ENETUNREACH: [503, "the network is unreachable"],
  ECONNRESET: [502, "the connection was reset"],
  EPIPE: [502, "the connection was closed"],
  ETIMEDOUT: [504, "the connection timed out"],
  UND_ERR_SOCKET: [502, "the connection was closed"],
  UND_ERR_HEADERS_OVERFLOW: [502, "the response's headers are too large"],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: [502, "the response is not as long as it says"],
};

const TIMEOUT_CODES: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  UND_ERR_BODY_TIMEOUT: "the answer stalled",
};

/** `target` is `GET https://host/path`. */
export function networkFailure(cause: unknown, target: string): ActivityFailure {
  if (cause instanceof ActivityFailure) {
    const { kind, status, title, message } = cause;
    return new ActivityFailure(kind, `${target}: ${message}`, { status, title });
  }
  if (cause instanceof TimeLimitReached) {
    return new ActivityFailure("timeout", `${target}: ${cause.message}`);
  }
  const denied = findDenied(cause);
  if (denied !== undefined) {
    const hint = "The operator can allow it in the egress policy.";
    return new ActivityFailure("authorization", `${target}: ${denied.message}. ${hint}`);
  }
  const code = codeOf(cause);
  const late = TIMEOUT_CODES[code];
  if (late !== undefined) return new ActivityFailure("timeout", `${target}: ${late}`);
  const known = STATUS_OF_CODE[code];
  if (known !== undefined) {
    return new ActivityFailure("communication", `${target}: ${known[1]}`, { status: known[0] });
  }
  if (isTls(code)) {
    const detail = `${target}: the TLS handshake failed (${code})`;
    return new ActivityFailure("communication", detail, { status: 502 });
  }
  // undici gives a code to some of its parser's errors only, and asserts that a status has three digits.
  const unparsable = cause instanceof Error && cause.name === "HTTPParserError";
  if (unparsable || code.startsWith("HPE_") || code === "ERR_ASSERTION") {
    const detail = `${target}: the answer is not valid HTTP`;
    return new ActivityFailure("communication", detail, { status: 502 });
  }
  return new ActivityFailure(
    "communication",
    `${target}: the request failed${code && ` (${code})`}`,
  );
}

function isTls(code: string): boolean {
  return /^(ERR_SSL|ERR_TLS|CERT_|EPROTO|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/.test(code);
}

function codeOf(cause: unknown): string {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : "";
}

function findDenied(cause: unknown): EgressDenied | undefined {
  if (cause instanceof EgressDenied) return cause;
  return cause instanceof Error && cause.cause instanceof EgressDenied ? cause.cause : undefined;
}
