/** What went wrong with a server that speaks S3, in words of whoever runs it. */
import { BlobError } from "../blob-store.ts";
import type { S3Settings } from "./settings.ts";

/** What the rights of an account are named by: `s3:PutObject`. */
export type Action =
  | "s3:PutObject"
  | "s3:GetObject"
  | "s3:DeleteObject"
  | "s3:AbortMultipartUpload"
  | "s3:ListBucket"
  | "s3:ListBucketMultipartUploads";

interface ServiceError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly code?: string;
}

/** The code that S3 gives (`NoSuchBucket`), of the network (`ECONNREFUSED`), or the name of the error. */
export function codeOf(error: unknown): string {
  const { name, code } = error as ServiceError;
  return name === "Error" || name === "TimeoutError" ? (code ?? name) : name;
}

export function statusOf(error: unknown): number | undefined {
  return (error as ServiceError).$metadata?.httpStatusCode;
}

/** True when the object, not its bucket, is not there. */
export function isAbsent(error: unknown): boolean {
  // An answer to HEAD has no body that could give the code.
  return codeOf(error) === "NoSuchKey" || codeOf(error) === "NotFound";
}

/** What no repetition mends, because it is the request that is wrong. */
const REFUSED = new Set(["EntityTooLarge", "InvalidRange", "KeyTooLongError", "InvalidArgument"]);

/**
 * `unavailable`, as long as the operator or time can mend it: credentials that expire under a running server must not make
 * it give up values. Whoever starts it is told of {@link isFaultOfSettings}.
 */
export function blobError(error: unknown, action: Action, at: S3Settings): BlobError {
  if (error instanceof BlobError) return error;
  const code = codeOf(error);
  const kind = REFUSED.has(code) ? "refused" : "unavailable";
  const place = `${at.bucket} at ${at.endpoint ?? "Amazon S3"}`;
  return new BlobError(kind, `S3 bucket ${place}: ${explain(error, code, action, at)}`, error);
}

/** True for what stays wrong until somebody changes the settings, the credentials or the bucket. */
export function isFaultOfSettings(error: unknown): boolean {
  const cause = error instanceof BlobError ? error.cause : error;
  const status = statusOf(cause);
  if (status === 401 || status === 403) return true;
  return ADVICE.has(codeOf(cause)) || isWithoutRegion(cause);
}

function isWithoutRegion(error: unknown): boolean {
  return (error as Error | undefined)?.message.startsWith("Region is missing") === true;
}

const KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
const REGION = "set region= in MILLRACE_PAYLOAD_S3 to that of the bucket";

/** By the code of the error. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["NoSuchBucket", "there is no such bucket; make it, or correct MILLRACE_PAYLOAD_S3"],
  ["InvalidBucketName", "that is no name of a bucket; correct MILLRACE_PAYLOAD_S3"],
  ["InvalidAccessKeyId", "the access key is unknown there; check AWS_ACCESS_KEY_ID"],
  [
    "SignatureDoesNotMatch",
    "the secret key is not that of the access key; check AWS_SECRET_ACCESS_KEY",
  ],
  ["ExpiredToken", "the session token has expired; renew the credentials"],
  ["InvalidToken", "the session token is not valid; check AWS_SESSION_TOKEN"],
  ["CredentialsProviderError", `there are no credentials; set ${KEYS}, or give the machine a role`],
  ["PermanentRedirect", `the bucket is in another region; ${REGION}`],
  ["AuthorizationHeaderMalformed", `the region is not that of the server; ${REGION}`],
  ["IllegalLocationConstraintException", `the bucket is in another region; ${REGION}`],
]);

function explain(error: unknown, code: string, action: Action, at: S3Settings): string {
  const advice = ADVICE.get(code);
  if (advice !== undefined) return advice;
  const status = statusOf(error);
  const message = (error as Error | undefined)?.message ?? String(error);
  if (status === 401 || status === 403)
    return `the credentials give no right to ${action} on ${at.bucket}/${at.prefix}* (${code})`;
  if (code === "RequestTimeTooSkewed") return "its clock and ours differ too much; set both by NTP";
  if (isWithoutRegion(error))
    return "no region is set; add region= to MILLRACE_PAYLOAD_S3, or set AWS_REGION";
  if (status === 507 || /full|quota/i.test(code)) return `it is full (${code}: ${message})`;
  if (status !== undefined && status >= 200)
    return `${action} was answered with ${status} ${code}: ${message}`;
  return `no answer to ${action} (${code}: ${message})`;
}
