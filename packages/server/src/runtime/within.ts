/** Whoever asks is answered in time, also when the database is not. */
import type { Clock } from "../clock.ts";
import { RuntimeError } from "../runtime.ts";

/** Whoever asked for something; what is still to be done for one who is gone is better left undone. */
export interface Caller {
  gone: boolean;
}

/** Milliseconds an answer takes at most: longer than a statement and the finding of a connection take together. */
const LIMIT = 8_000;
const RETRY_AFTER = 1_000;

/** @throws {RuntimeError} `unavailable` when `work` has not ended in time; it may still succeed then */
export async function within<T>(clock: Clock, work: (caller: Caller) => Promise<T>): Promise<T> {
  const caller: Caller = { gone: false };
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(LIMIT, () => {
    caller.gone = true;
    const message = `no answer from the database within ${LIMIT / 1_000} s`;
    late.reject(new RuntimeError("unavailable", message, { retryAfterMs: RETRY_AFTER }));
  });
  try {
    return await Promise.race([work(caller), late.promise]);
  } finally {
    cancel();
  }
}
