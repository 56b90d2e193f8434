/** A database that is away, and an owner that gave up: what whoever asked can do about it. */
import { RuntimeError } from "../runtime.ts";
import { StoreError } from "../store/store.ts";

/** A database that does not answer is something the caller can act on. */
export async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asRuntimeError(error);
  }
}

/** What a caller can do about an owner that gave up, or a database that does not answer. */
export function asRuntimeError(error: unknown): unknown {
  if (isOutage(error))
    return new RuntimeError("unavailable", "the database does not answer", {
      retryAfterMs: 1000,
      cause: error,
    });
  if (!(error instanceof StoreError)) return error;
  if (error.kind === "stale-epoch")
    return new RuntimeError("not-owner", error.message, { retryAfterMs: 1000, cause: error });
  return new RuntimeError("unavailable", error.message, { retryAfterMs: 1000, cause: error });
}

/** A database that is away, ends, or is out of resources (SQLSTATE classes 08, 53, 57, 58), or a broken connection. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof RuntimeError || error instanceof StoreError)
    return false;
  const { code } = error as { code?: string };
  if (code !== undefined && OUTAGES.test(code)) return true;
  return /^(?:Connection terminated|timeout exceeded|timeout expired|Query read timeout)/i.test(
    error.message,
  );
}
const OUTAGES = /^(?:08|53|57|58|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET)/;
