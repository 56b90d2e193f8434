/** Telemetry put together: where traces, metrics and logs go when there is a collector. Without one nothing here is loaded. */
import { randomUUID } from "node:crypto";
import type { ActivityExecutor } from "../../activities/executor.ts";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";
import type { FactListener, Tracing } from "../../owner/facts.ts";
import { type Family, single } from "../families.ts";
import { logSinks } from "./correlation.ts";
import { openExporters } from "./exporters.ts";
import { logLine, type LogLine } from "./log-lines.ts";
import { ExportQueue } from "./queue.ts";
import { samplerOf } from "./sampler.ts";
import type { TelemetrySettings } from "./settings.ts";
import type { SpanData } from "./spans.ts";
import { Tracer } from "./tracer.ts";

export interface Telemetry {
  /** Absent when traces are not exported. */
  readonly tracing?: Tracing & {
    readonly onFacts: FactListener;
    traced(executor: ActivityExecutor): ActivityExecutor;
  };
  /** What was exported, and what was not. */
  families(): readonly Family[];
  /** From now on logs failures, and exports metrics. */
  start(log: Logger, families: () => Promise<readonly Family[]>): void;
  /** Exports what there is, for a while. */
  stop(): Promise<void>;
}

const VERSION = "0.1.0";
/** Milliseconds for the last exports. */
const LAST = 3_000;
/** Milliseconds between two lines of the log that say that exporting fails. */
const SILENCE = 60_000;

type Signal = "traces" | "logs";

export function openTelemetry(settings: TelemetrySettings, clock: Clock): Telemetry {
  const about = { version: VERSION, instance: randomUUID(), since: clock.now() };
  const exporters = openExporters(settings, { ...about, now: () => clock.now() });
  const complaints = new Complaints(clock);
  const queueOf = <T>(signal: Signal, send: ((items: readonly T[]) => Promise<void>) | undefined) =>
    send &&
    new ExportQueue<T>({
      clock,
      ...settings.queue,
      send,
      onFailure: (error, items) => complaints.tell(signal, error, items),
    });
  const spans = queueOf<SpanData>("traces", exporters.traces);
  const lines = queueOf<LogLine>("logs", exporters.logs);
  const sink = (text: string): void => {
    const line = lines?.full === false ? logLine(text) : undefined;
    if (line !== undefined) lines?.offer(line);
  };
  if (lines !== undefined) logSinks.add(sink);
  const sampler = samplerOf(settings.sampler);
  const metrics = new MetricExport(exporters.metrics, settings.metricInterval, clock, complaints);
  return {
    ...(spans && { tracing: new Tracer({ sampler, sink: spans, clock }) }),
    families: () => [...queueFamilies("traces", spans), ...queueFamilies("logs", lines)],
    start(log, families) {
      complaints.attach(log);
      metrics.start(families);
    },
    async stop() {
      logSinks.delete(sink);
      await Promise.all([spans?.stop(LAST), lines?.stop(LAST), metrics.stop(LAST)]);
      await exporters.close();
    },
  };
}

function queueFamilies<T>(signal: Signal, queue: ExportQueue<T> | undefined): readonly Family[] {
  if (queue === undefined) return [];
  const { exported, dropped, failed } = queue.counts;
  const items = signal === "traces" ? "spans" : "log_records";
  const counter = (what: string, help: string, value: number): Family =>
    single("counter", `millrace_telemetry_${items}_${what}_total`, help, value);
  const words = items.replace("_", " ");
  return [
    counter("exported", `OpenTelemetry ${words} that the collector took.`, exported),
    counter("dropped", `OpenTelemetry ${words} for which there was no room.`, dropped),
    counter("failed", `OpenTelemetry ${words} that the collector did not take.`, failed),
  ];
}

/** One line a minute at most: a collector that is away is away for each batch. */
class Complaints {
  readonly #clock: Clock;
  #log: Logger | undefined;
  #silentUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  attach(log: Logger): void {
    this.#log = log;
  }

  tell(signal: Signal | "metrics", error: unknown, items?: number): void {
    const now = this.#clock.monotonic();
    if (now < this.#silentUntil) return;
    this.#silentUntil = now + SILENCE;
    this.#log?.warn({ err: error, signal, items }, "the telemetry collector did not take a batch");
  }
}

class MetricExport {
  readonly #send: ((families: readonly Family[]) => Promise<void>) | undefined;
  readonly #interval: number;
  readonly #clock: Clock;
  readonly #complaints: Complaints;
  #read: (() => Promise<readonly Family[]>) | undefined;
  #cancel = (): void => {};
  #running: Promise<void> | undefined;

  constructor(
    send: ((families: readonly Family[]) => Promise<void>) | undefined,
    interval: number,
    clock: Clock,
    complaints: Complaints,
  ) {
    this.#send = send;
    this.#interval = interval;
    this.#clock = clock;
    this.#complaints = complaints;
  }

  start(read: () => Promise<readonly Family[]>): void {
    if (this.#send === undefined) return;
    this.#read = read;
    this.#arm();
  }

  /** The last figures go before the end. */
  async stop(patience: number): Promise<void> {
    this.#cancel();
    const late = Promise.withResolvers<void>();
    const cancel = this.#clock.after(patience, late.resolve);
    await Promise.race([this.#export(), late.promise]);
    cancel();
    this.#read = undefined;
  }

  #arm(): void {
    const pass = async (): Promise<void> => {
      await this.#export();
      if (this.#read !== undefined) this.#arm();
    };
    this.#cancel = this.#clock.after(this.#interval, () => void pass());
  }

  #export(): Promise<void> {
    this.#running ??= this.#once().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #once(): Promise<void> {
    try {
      if (this.#read !== undefined) await this.#send?.(await this.#read());
    } catch (error) {
      this.#complaints.tell("metrics", error);
    }
  }
}
