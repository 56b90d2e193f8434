/** A database that is away, as the service of payloads says it. */
import { StoreError } from "../store/store.ts";
import { PayloadError } from "./payloads.ts";

/** @throws {PayloadError} `unavailable` for a database that does not answer */
export async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreError && (error.kind === "unavailable" || error.kind === "unknown"))
      throw new PayloadError("unavailable", "the database does not answer", undefined, error);
    throw error;
  }
}
