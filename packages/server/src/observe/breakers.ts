/** Says in the log and the metrics when a circuit breaker changes its state. */
import type { BreakerChange } from "../activities/egress/breaker.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "./metrics.ts";

export function breakerListener(log: Logger, metrics: Metrics): (change: BreakerChange) => void {
  return ({ tenant, target, from, to, until }) => {
    metrics.breakerChanged(from, to);
    const fields = {
      tenant,
      target,
      from,
      to,
      ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
    };
    if (to === "open") log.warn(fields, "circuit breaker opened");
    else log.info(fields, to === "closed" ? "circuit breaker closed" : "circuit breaker tries");
  };
}
