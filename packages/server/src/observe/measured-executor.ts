import type { ActivityExecutor } from "../activities/executor.ts";
import type { Clock } from "../clock.ts";
import type { ActivityOutcome, Metrics } from "./metrics.ts";

/** An executor that times every execution of `executor`. */
export function measuredExecutor(
  executor: ActivityExecutor,
  metrics: Metrics,
  clock: Pick<Clock, "monotonic">,
): ActivityExecutor {
  return {
    async execute(request, signal, feed) {
      const started = clock.monotonic();
      let outcome: ActivityOutcome = "failed";
      try {
        const result = await executor.execute(request, signal, feed);
        if ("output" in result) outcome = "completed";
        return result;
      } finally {
        const seconds = (clock.monotonic() - started) / 1_000;
        metrics.activityFinished(request.type, signal.aborted ? "cancelled" : outcome, seconds);
      }
    },
  };
}
