/** Instants in requests. */
import { ProblemError } from "@millrace/protocol";

/**
 * Epoch milliseconds. The schema's check of RFC 3339 lets more pass than `Date` reads: leap seconds, offsets without minutes.
 * @param path where it stands in the request, such as `query.since`
 * @throws {ProblemError} `invalid-request`
 */
export function milliseconds(path: string, dateTime: string): number {
  const value = Date.parse(dateTime.toUpperCase());
  if (!Number.isNaN(value)) return value;
  const message = "expected an RFC 3339 instant such as 2026-11-05T14:03:07Z, no leap second";
  throw new ProblemError("invalid-request", {
    detail: `${path}: ${message}`,
    issues: [{ path, message }],
  });
}
