/**
 * Puts a server together: the only place that knows which implementation stands behind each port. What is heavy to load
 * (the HTTP framework, the logger, the metrics library) is loaded when a server starts, not when this module is.
 *
 * Order of starting: activities, runtime (migrations, leases), API; so nothing is accepted that could not be carried
 * out. Stopping goes the other way round, within `shutdownTimeout`; whatever it cuts off, nothing acknowledged is lost.
 */
import type { Activities } from "./activities/registry.ts";
import { runsOf } from "./activities/run/config.ts";
import { describeRuns } from "./activities/run/describe.ts";
import type { ActivityExecutor } from "./activities/executor.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Config, checkExposure } from "./config.ts";
import type { Logger } from "./logger.ts";
import { measuredExecutor } from "./observe/measured-executor.ts";
import type { DocumentFetcher } from "./external/source.ts";
import { type Metrics, noMetrics } from "./observe/metrics.ts";
import { runtimeMetrics } from "./observe/runtime-metrics.ts";
import type { Runtime } from "./runtime.ts";

/** A runtime that works: it owns partitions and carries out what it accepts. */
export interface RunningRuntime {
  readonly runtime: Runtime;
  /** Accepts nothing more, commits what it decided, gives its leases back. */
  stop(): Promise<void>;
}

export interface RuntimeParts {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly executor: ActivityExecutor;
  /** Fetches functions and schemas that definitions take from outside; without it, none that has an address. */
  readonly fetcher?: DocumentFetcher;
}

/** Starts the runtime; resolves when it owns its partitions. */
export type OpenRuntime = (parts: RuntimeParts) => Promise<RunningRuntime>;

export interface StartOptions {
  /** A pino logger on stderr unless given. */
  readonly log?: Logger;
  readonly clock?: Clock;
  /** PostgreSQL behind everything unless given. */
  readonly openRuntime?: OpenRuntime;
}

/** A runtime without the HTTP API, for use in the same process. */
export interface RuntimeHost {
  readonly runtime: Runtime;
  stop(): Promise<void>;
}

export interface Server extends RuntimeHost {
  /** Where the API listens: `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly log: Logger;
}

export async function startRuntime(
  config: Config,
  options: StartOptions & { readonly metrics?: Metrics } = {},
): Promise<RuntimeHost> {
  const { clock = systemClock(), openRuntime = openPostgresRuntime, metrics = noMetrics } = options;
  const log = options.log ?? (await defaultLog(config));
  const activities = await openActivities(config, { clock, log, metrics });
  const executor = measuredExecutor(activities, metrics, clock);
  try {
    const opened = await openRuntime({ config, log, clock, executor, fetcher: activities });
    return {
      runtime: opened.runtime,
      async stop() {
        await opened.stop();
        await activities.close();
      },
    };
  } catch (error) {
    await activities.close();
    throw error;
  }
}

/**
 * Starts everything; resolves when the API answers.
 * @throws {ConfigError} when the configuration cannot be used
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<Server> {
  checkExposure(config);
  const { clock = systemClock() } = options;
  const log = options.log ?? (await defaultLog(config));
  const [{ startApi }, { createPrometheusMetrics }] = await Promise.all([
    import("./api/server.ts"),
    import("./observe/prometheus.ts"),
  ]);
  const metrics = createPrometheusMetrics();
  const host = await startRuntime(config, { ...options, clock, log, metrics });
  const { runtime } = host;
  const exposition = async () => ({
    contentType: metrics.contentType,
    text: (await metrics.text()) + runtimeMetrics(runtime.stats()),
  });
  try {
    const api = await startApi({ runtime, config, log, clock, metrics, exposition });
    log.info({ url: api.url }, "listening");
    const runs = await describeRuns(runsOf(config));
    if (runs !== undefined) log.info({ runs: config.runs }, runs);
    const stop = once(async () => {
      const patience = new AbortController();
      const cancel = clock.after(config.shutdownTimeout / 2, () => patience.abort());
      // Half the time for answers under way, the other half for the runtime.
      await api.stop(patience.signal).finally(cancel);
      await host.stop();
      log.info({}, "stopped");
    });
    return { url: api.url, runtime, log, stop };
  } catch (error) {
    await host.stop();
    throw error;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}

async function defaultLog(config: Config): Promise<Logger> {
  const { createLogger } = await import("./observe/log.ts");
  return createLogger(config.logLevel);
}

async function openActivities(
  config: Config,
  parts: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
): Promise<Activities> {
  const { clock, log, metrics } = parts;
  const { createActivities } = await import("./activities/registry.ts");
  const { breakerListener } = await import("./observe/breakers.ts");
  return createActivities({
    clock,
    egress: {
      allowLoopback: config.egressAllowLoopback,
      allowPrivate: config.egressAllowPrivate,
      allow: config.egressAllow,
      deny: config.egressDeny,
      ...(config.egressOnly.length === 0 ? {} : { only: config.egressOnly }),
    },
    tenants: config.egressTenants,
    breaker: {
      failures: config.breakerFailures,
      openFor: config.breakerOpen,
      onChange: breakerListener(log, metrics),
    },
    runs: runsOf(config),
  });
}

const openPostgresRuntime: OpenRuntime = async (parts) => {
  const { openPostgresRuntime: open } = await import("./runtime/open.ts");
  return open(parts);
};
