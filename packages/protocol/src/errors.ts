/**
 * The one catalogue of errors that a Millrace API answers with. `docs/errors.md` is generated from it
 * (`npm run docs -w @millrace/protocol`), and a test keeps the two equal.
 *
 * A code never changes its meaning and is never reused: clients branch on `code` (or `type`), never on titles.
 */

/** One kind of error. */
export interface ErrorDefinition {
  /** HTTP status the API answers with. */
  readonly status: number;
  /** Short summary of the kind; the same for every occurrence (RFC 9457 section 3.1.3). */
  readonly title: string;
  /** What the caller should do about it, in one sentence. */
  readonly action: string;
  /** True when the same request may succeed later, unchanged. */
  readonly retryable?: true;
}

/** Wraps an entry so that its literal keys stay known while its shape is checked. */
function catalogue<const Code extends string>(
  entries: Readonly<Record<Code, ErrorDefinition>>,
): Readonly<Record<Code, ErrorDefinition>> {
  return Object.freeze(entries);
}

export const ERRORS = catalogue({
  "invalid-request": {
    status: 400,
    title: "The request is not as the API describes it",
    action: "Correct the places that `issues` names; /openapi.json describes every request.",
  },
  "invalid-body": {
    status: 400,
    title: "The request body cannot be read",
    action:
      "Send valid UTF-8 and valid JSON, not too deeply nested and without `__proto__` or `constructor.prototype` keys.",
  },
  "invalid-cursor": {
    status: 400,
    title: "The cursor is not one that this API gave",
    action:
      "Pass `nextCursor` of the previous page unchanged, or leave `cursor` out to start over.",
  },
  "invalid-event": {
    status: 400,
    title: "The event is not a valid CloudEvent",
    action:
      "Send CloudEvents 1.0 with `id`, `source`, `specversion` and `type`; `issues` names what is missing or malformed.",
  },
  "invalid-digest": {
    status: 400,
    title: "The digest is malformed",
    action:
      "Name a payload by its SHA-256 in 64 lower-case hexadecimal digits; in `Content-Digest` and `Repr-Digest` as RFC 9530 has it: `sha-256=:BASE64:`.",
  },
  "invalid-message": {
    status: 400,
    title: "The body is not a message",
    action:
      'Send `{"message": "…"}`: one member, a text without lone surrogates. For bytes of any kind use `PUT /v1/payloads`.',
  },
  "digest-mismatch": {
    status: 400,
    title: "The bytes do not have the digest that was sent with them",
    action:
      "Nothing was stored. Compute the digest of the bytes as they are sent, and send them again.",
  },
  unauthorized: {
    status: 401,
    title: "The request carries no valid API key",
    action: "Send `Authorization: Bearer KEY` or `X-API-Key: KEY` with a key the server was given.",
  },
  "origin-refused": {
    status: 403,
    title: "A web page of another origin may not call this server",
    action:
      "Call from a page of this server, add the page's origin to MILLRACE_ORIGINS, or set an API key.",
  },
  "route-not-found": {
    status: 404,
    title: "There is nothing at this address",
    action: "Check the path; /openapi.json lists every one.",
  },
  "workflow-not-found": {
    status: 404,
    title: "No such workflow",
    action: "Check namespace, name and version, or apply the workflow first.",
  },
  "function-not-found": {
    status: 404,
    title: "No such function",
    action: "Check name and version; only functions stored through the API can be deleted.",
  },
  "instance-not-found": {
    status: 404,
    title: "No such instance",
    action: "Check the id; `GET /v1/instances` lists what there is.",
  },
  "secret-not-found": {
    status: 404,
    title: "No such secret",
    action: "Check its name; `millrace secret list` shows what there is.",
  },
  "schedule-not-found": {
    status: 404,
    title: "No such schedule",
    action: "Check its name; `millrace schedule list` shows what there is.",
  },
  "calendar-not-found": {
    status: 404,
    title: "No such calendar",
    action: "Check its name; `millrace calendar list` shows what there is.",
  },
  "webhook-not-found": {
    status: 404,
    title: "No such webhook",
    action: "Check its name; `millrace webhook list` shows what there is.",
  },
  "channel-not-found": {
    status: 404,
    title: "No such channel",
    action: "Check its name; `millrace channel list` shows what there is.",
  },
  "message-not-found": {
    status: 404,
    title: "No such message",
    action: "Check the digest; the message may have been deleted, or never sent to this server.",
  },
  "payload-not-found": {
    status: 404,
    title: "No such payload",
    action: "Check the digest; `millrace payload list` shows what is kept.",
  },
  "method-not-allowed": {
    status: 405,
    title: "This address does not take this method",
    action: "Use one of the methods that the `Allow` header names.",
  },
  "not-acceptable": {
    status: 406,
    title: "There is no representation in the media type asked for",
    action:
      "Ask for application/json (or application/yaml for the definition of a workflow); what is no text is at /v1/payloads.",
  },
  "request-timeout": {
    status: 408,
    title: "The request took too long to arrive",
    action: "Send it again, whole and without pauses.",
    retryable: true,
  },
  "workflow-conflict": {
    status: 409,
    title: "This workflow version is already applied with other content",
    action: "Raise `document.version`; an applied version never changes.",
  },
  "schedule-conflict": {
    status: 409,
    title: "There is a schedule of this name, or it belongs to a definition",
    action:
      "Choose another name, or update the one there is; what a definition made is changed by applying a new version of it.",
  },
  "calendar-in-use": {
    status: 409,
    title: "A schedule refers to the calendar",
    action:
      "Take the calendar out of the schedule that `detail` names, and of others that may follow, or delete them.",
  },
  "webhook-conflict": {
    status: 409,
    title: "There is a webhook of this name",
    action: "Choose another name, or change the one there is.",
  },
  "channel-conflict": {
    status: 409,
    title: "There is a channel of this name",
    action: "Choose another name, or change the one there is.",
  },
  "instance-terminal": {
    status: 409,
    title: "The instance has already ended",
    action: "Nothing is left to do; start a new instance if you want another run.",
  },
  "instance-not-retryable": {
    status: 409,
    title: "The instance cannot be retried",
    action:
      "Only a faulted instance can, and `detail` says why this one cannot; `millrace describe ID` shows how it stands.",
  },
  "task-lost": {
    status: 409,
    title: "The task is not, or no longer, in this worker's hands",
    action:
      "Stop the work: what was sent has no effect. Another worker goes on with it, or nobody waits for it.",
  },
  "no-master-key": {
    status: 409,
    title: "The server has no master key to protect secrets with",
    action:
      "Give the server one with MILLRACE_MASTER_KEY_FILE, MILLRACE_MASTER_KEY or MILLRACE_MASTER_KEY_COMMAND, and start it again.",
  },
  "master-key-missing": {
    status: 409,
    title: "A key or a secret cannot be opened with the master keys of this server",
    action: "Add the master key that `detail` names to the server's keys, below the one in use.",
  },
  "precondition-failed": {
    status: 412,
    title: "It is not in the state that the request asks for",
    action: "Leave `If-Match` out, or send the `ETag` that the server gives.",
  },
  "payload-too-large": {
    status: 413,
    title: "The request body is larger than the server takes",
    action:
      "Send less, or raise MILLRACE_MAX_BODY_BYTES on the server (for `PUT /v1/payloads`, MILLRACE_PAYLOAD_MAX_BYTES).",
  },
  "unsupported-media-type": {
    status: 415,
    title: "The request body is of a media type that this address does not take",
    action: "Set `Content-Type` to one that /openapi.json lists for this request.",
  },
  "range-not-satisfiable": {
    status: 416,
    title: "The range begins behind the last byte",
    action: "Ask for bytes that there are: `Content-Range` of the answer says how many.",
  },
  "misdirected-request": {
    status: 421,
    title: "The Host header names a host that this server does not answer for",
    action:
      "Call the server by localhost or its address, or add the name to MILLRACE_ALLOWED_HOSTS.",
  },
  "workflow-invalid": {
    status: 422,
    title: "The workflow definition is not valid",
    action:
      "Correct the places that `issues` names; `millrace validate FILE` checks a file offline.",
  },
  "function-invalid": {
    status: 422,
    title: "The function is not valid",
    action: "Correct what `issues` names; a function is one task of the DSL.",
  },
  "schedule-invalid": {
    status: 422,
    title: "The schedule is not valid",
    action: "Correct what `issues` names; `millrace schedule preview` shows when it would fire.",
  },
  "calendar-invalid": {
    status: 422,
    title: "The calendar is not valid",
    action:
      "Correct the dates that `issues` names: YYYY-MM-DD, YYYY-MM-DD/YYYY-MM-DD, or --MM-DD for every year.",
  },
  "webhook-invalid": {
    status: 422,
    title: "The webhook cannot be as it is asked for",
    action: "Correct what `issues` names.",
  },
  "channel-invalid": {
    status: 422,
    title: "The channel cannot be as it is asked for",
    action: "Correct what `issues` names.",
  },
  "idempotency-key-reuse": {
    status: 422,
    title: "The idempotency key was already used with a different request",
    action:
      "Use a new key for a new request; repeat a request with the very same workflow, version and input.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    action: "Wait as long as `Retry-After` says, then try again.",
    retryable: true,
  },
  "headers-too-large": {
    status: 431,
    title: "The request headers are larger than the server takes",
    action: "Send smaller headers.",
  },
  internal: {
    status: 500,
    title: "The server failed",
    action:
      "Report it together with `requestId`; the server's log has the cause under the same id.",
  },
  "payload-corrupt": {
    status: 500,
    title: "The stored bytes are damaged or missing, and there is no second copy",
    action:
      "Put the same bytes again, which mends it. `millrace payload verify DIGEST` shows every copy; MILLRACE_PAYLOAD_MIRROR keeps a second one.",
  },
  overloaded: {
    status: 503,
    title: "The server has more work queued than it accepts",
    action: "Nothing was accepted. Wait as long as `Retry-After` says, then try again.",
    retryable: true,
  },
  unavailable: {
    status: 503,
    title: "The server cannot reach what it needs to answer",
    action: "Try again in a moment with the same Idempotency-Key; /readyz says what is missing.",
    retryable: true,
  },
  "shutting-down": {
    status: 503,
    title: "The server is shutting down",
    action: "Try again; another node, or this one once restarted, will answer.",
    retryable: true,
  },
});

export type ErrorCode = keyof typeof ERRORS;

/** Every code, in the catalogue's order. */
export const ERROR_CODES = Object.freeze(Object.keys(ERRORS) as ErrorCode[]);

/** The problem type URI of a code (RFC 9457 section 3.1.1): `urn:millrace:error:<code>`. */
export function errorType(code: ErrorCode): string {
  return `urn:millrace:error:${code}`;
}

/** True when `code` is in the catalogue. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}
