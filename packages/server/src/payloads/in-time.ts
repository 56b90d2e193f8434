/** A store that does not answer must not hold up whoever asks for ever. */
import type { Clock } from "../clock.ts";
import { PayloadError } from "./payloads.ts";

/** Milliseconds for the large values of a batch, or of an instance. */
const LIMIT = 15_000;

/** @throws {PayloadError} `unavailable` when `work` has not ended in time; it may still succeed then */
export async function inTime<T>(clock: Pick<Clock, "after">, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(LIMIT, () => {
    const message = `no answer from the store of large values within ${LIMIT / 1_000} s`;
    late.reject(new PayloadError("unavailable", message));
  });
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
}
