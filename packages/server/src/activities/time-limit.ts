/** Bounds work by time: a signal that aborts with the caller's, or after so many milliseconds. */
import type { Clock } from "../clock.ts";
import { TimeLimitReached } from "./http/network-error.ts";

/** Runs `work` with a signal that also aborts, with a {@link TimeLimitReached}, after `milliseconds` (infinity: never). */
export async function withTimeLimit<T>(
  clock: Pick<Clock, "after">,
  milliseconds: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const forward = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) forward();
  signal?.addEventListener("abort", forward, { once: true });
  const reached = (): void => controller.abort(new TimeLimitReached(Math.max(0, milliseconds)));
  const cancel =
    milliseconds === Number.POSITIVE_INFINITY ? undefined : clock.after(milliseconds, reached);
  if (milliseconds <= 0) reached();
  try {
    return await work(controller.signal);
  } finally {
    cancel?.();
    signal?.removeEventListener("abort", forward);
  }
}
