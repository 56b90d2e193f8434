/** What went wrong, in the words of the port. */
import cassandra from "cassandra-driver";
import { BlobError } from "../blob-store.ts";

const { errors, types } = cassandra;
const codes = types.responseErrorCodes;

/** Answers of a node that another attempt, of this node or another, may get past. */
const PASSING: ReadonlySet<number> = new Set([
  codes.serverError,
  codes.unavailableException,
  codes.overloaded,
  codes.isBootstrapping,
  codes.truncateError,
  codes.writeTimeout,
  codes.readTimeout,
  codes.readFailure,
  codes.writeFailure,
]);

const UNAUTHORIZED: number = codes.unauthorized;

/**
 * `refused` when a node answered that it will not (password, rights, a table that is not there); `unavailable` for everything
 * else.
 */
export function blobError(what: string, error: unknown): BlobError {
  if (error instanceof BlobError) return error;
  const causes = error instanceof errors.NoHostAvailableError ? inner(error) : [error];
  const refusal = causes.find(isRefusal);
  const told = refusal ?? causes[0] ?? error;
  const message = told instanceof Error ? told.message : String(told);
  const kind = refusal === undefined ? "unavailable" : "refused";
  return new BlobError(kind, `Cassandra, ${what}: ${message}`, error);
}

/** What each node that was asked did. */
function inner({ innerErrors }: { readonly innerErrors: unknown }): readonly unknown[] {
  return Object.values((innerErrors ?? {}) as Record<string, unknown>);
}

function isRefusal(error: unknown): boolean {
  if (error instanceof errors.AuthenticationError || error instanceof errors.ArgumentError)
    return true;
  return error instanceof errors.ResponseError && !PASSING.has(error.code);
}

/** The user may not do it. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof errors.ResponseError && error.code === UNAUTHORIZED;
}
