/** Publishes what circuit breakers do as CloudEvents, beside those that callers publish. */
import { randomUUID } from "node:crypto";
import type { BreakerChange } from "../activities/egress/breaker.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { RunningRuntime } from "../main.ts";
import type { Runtime } from "../runtime.ts";

/** Listens have it as an event that was published, webhooks and channels as one that leaves. */
type Opened = Pick<RunningRuntime, "announce"> & {
  readonly runtime: Pick<Runtime, "publishEvents">;
};

const TYPES = { open: "opened", "half-open": "tried", closed: "closed" } as const;

/** Breakers are there before the runtime is: until {@link attach} nothing is published, for nothing is called. */
export class BreakerEvents {
  readonly #clock: Clock;
  readonly #log: Logger;
  #opened: Opened | undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  attach(opened: Opened): void {
    this.#opened = opened;
  }

  /** Nobody waits: an event that cannot be stored is in the log and the metrics all the same. */
  publish({ tenant, target, from, to, until }: BreakerChange): void {
    const event = {
      specversion: "1.0",
      id: randomUUID(),
      source: "/millrace/breakers",
      type: `io.millrace.breaker.${TYPES[to]}.v1`,
      subject: target,
      time: new Date(this.#clock.now()).toISOString(),
      datacontenttype: "application/json",
      data: {
        target,
        from,
        to,
        ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
      },
    };
    const { runtime, announce } = this.#opened ?? {};
    const refused = (err: unknown): void =>
      this.#log.warn({ err, target }, "an event of a circuit breaker was not stored");
    runtime?.publishEvents([event], tenant).catch(refused);
    announce?.(tenant, event).catch(refused);
  }
}
