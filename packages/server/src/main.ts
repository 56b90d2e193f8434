/**
 * Puts a server together: the only place that knows which implementation stands behind each port. What is heavy to load
 * (the HTTP framework, the logger, the metrics library) is loaded when a server starts, not when this module is.
 *
 * Order of starting: activities, runtime (migrations, leases), API; so nothing is accepted that could not be carried
 * out. Stopping goes the other way round, within `shutdownTimeout`; whatever it cuts off, nothing acknowledged is lost.
 */
import type { Activities, ActivitiesConfig } from "./activities/registry.ts";
import { runsOf } from "./activities/run/config.ts";
import { describeRuns } from "./activities/run/describe.ts";
import type { ActivityExecutor } from "./activities/executor.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Config, checkExposure } from "./config.ts";
import type { Logger } from "./logger.ts";
import type { BreakerEvents } from "./observe/breaker-events.ts";
import { measuredExecutor } from "./observe/measured-executor.ts";
import { workerFamilies } from "./observe/worker-metrics.ts";
import type { DocumentFetcher } from "./external/source.ts";
import { type Metrics, noMetrics } from "./observe/metrics.ts";
import type { FactListener, Tracing } from "./owner/facts.ts";
import type { Exposition } from "./observe/exposition.ts";
import type { Family } from "./observe/families.ts";
import type { Environment } from "./observe/telemetry/settings.ts";
import type { Telemetry } from "./observe/telemetry/open.ts";
import type { Runtime } from "./runtime.ts";
import type { Schedules } from "./scheduler/service.ts";
import type { SharedServices } from "./activities/tenants.ts";
import type { Leaving } from "./outgoing/open.ts";
import type { EngineValues, Payloads } from "./payloads/payloads.ts";
import type { JsonObject } from "@millrace/language";
import { LogRedaction } from "./secrets/redact.ts";
import type { Vault } from "./secrets/vault.ts";
import { Workers } from "./workers/workers.ts";

/** A runtime that works: it owns partitions and carries out what it accepts. */
export interface RunningRuntime {
  readonly runtime: Runtime;
  readonly schedules: Schedules;
  /** Webhooks and channels; absent where nothing leaves. */
  readonly leaving?: Leaving | undefined;
  /** Sends an event of the server itself to whoever wants it. */
  readonly announce?: (tenant: string, event: JsonObject) => Promise<void>;
  /** Accepts nothing more, commits what it decided, gives its leases back. */
  stop(): Promise<void>;
}

export interface RuntimeParts {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly executor: ActivityExecutor;
  /** For what leaves by itself: connections through the egress boundary, and the vault; without it, nothing does. */
  readonly leaving?: { readonly services: SharedServices; readonly vault: Vault };
  /** Where large values of the engine are stored; without it, they stay where they are. */
  readonly payloads?: EngineValues;
  /** Remote workers; without them, nobody does what is meant for one. */
  readonly workers?: Workers;
  /** Fetches functions and schemas that definitions take from outside; without it, none that has an address. */
  readonly fetcher?: DocumentFetcher;
  /** Is told what was committed. */
  readonly onFacts?: FactListener;
  readonly tracing?: Tracing;
}

/** Starts the runtime; resolves when it owns its partitions. */
export type OpenRuntime = (parts: RuntimeParts) => Promise<RunningRuntime>;

export interface StartOptions {
  /** A pino logger on stderr unless given. */
  readonly log?: Logger;
  /** Is told the values of secrets that activities get; a log given along with it takes them out of its lines. */
  readonly redaction?: LogRedaction;
  readonly clock?: Clock;
  /** Where OpenTelemetry's variables are (observe/telemetry/settings.ts); the process's own unless given. */
  readonly environment?: Environment;
  /** PostgreSQL behind everything unless given. */
  readonly openRuntime?: OpenRuntime;
}

/** A runtime without the HTTP API, for use in the same process. */
export interface RuntimeHost {
  readonly runtime: Runtime;
  readonly schedules: Schedules;
  readonly secrets: Vault;
  readonly leaving?: Leaving | undefined;
  readonly payloads: Payloads;
  readonly workers: Workers;
  /** What the parts beside the runtime count. */
  families(): readonly Family[];
  stop(): Promise<void>;
}

export interface Server extends RuntimeHost {
  /** Where the API listens: `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly log: Logger;
}

/** Who is told what happens. */
interface Watching {
  readonly metrics?: Metrics;
  readonly onFacts?: FactListener;
  readonly tracing?: NonNullable<Telemetry["tracing"]>;
  readonly workers?: Workers;
}

export async function startRuntime(
  config: Config,
  options: StartOptions & Watching = {},
): Promise<RuntimeHost> {
  const { clock = systemClock(), openRuntime = openPostgresRuntime, metrics = noMetrics } = options;
  const { redaction = new LogRedaction() } = options;
  const log = options.log ?? (await defaultLog(config, redaction));
  const { openVault } = await import("./secrets/open.ts");
  const secrets = await openVault(config, clock, log);
  const { openPayloads } = await import("./payloads/open.ts");
  const payloads = await openPayloads(config, clock, log);
  const { BreakerEvents } = await import("./observe/breaker-events.ts");
  const breakers = new BreakerEvents(clock, log);
  const { workers = workersOf(config, clock) } = options;
  const shared = { clock, log, metrics, redaction, secrets: secrets.vault, breakers, workers };
  const { activities, services } = await openActivities(config, shared);
  const leaving = { services, vault: secrets.vault };
  const { onFacts, tracing } = options;
  const traced = tracing === undefined ? activities : tracing.traced(activities);
  const executor = measuredExecutor(traced, metrics, clock);
  try {
    const opened = await openRuntime({
      config,
      log,
      clock,
      executor,
      leaving,
      payloads: payloads.payloads,
      workers,
      fetcher: activities,
      ...(onFacts === undefined ? {} : { onFacts }),
      ...(tracing === undefined ? {} : { tracing }),
    });
    breakers.attach(opened);
    await orStop(payloads.start(), opened);
    return {
      runtime: opened.runtime,
      schedules: opened.schedules,
      secrets: secrets.vault,
      leaving: opened.leaving,
      payloads: payloads.payloads,
      workers,
      families: () => payloads.families(),
      async stop() {
        await opened.stop();
        await payloads.close();
        await services.close();
        await activities.close();
        await secrets.close();
      },
    };
  } catch (error) {
    await activities.close();
    await payloads.close();
    await secrets.close();
    throw error;
  }
}

/** Stops what has started when the rest of the start fails. */
async function orStop(rest: Promise<void>, started: { stop(): Promise<void> }): Promise<void> {
  try {
    await rest;
  } catch (error) {
    await started.stop();
    throw error;
  }
}

/**
 * Starts everything; resolves when the API answers.
 * @throws {ConfigError} when the configuration cannot be used
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<Server> {
  checkExposure(config);
  const { clock = systemClock(), redaction = new LogRedaction() } = options;
  const log = options.log ?? (await defaultLog(config, redaction));
  const [{ startApi }, { createExposition }] = await Promise.all([
    import("./api/server.ts"),
    import("./observe/exposition.ts"),
  ]);
  const telemetry = await openTelemetry(options.environment ?? process.env, clock);
  const workers = workersOf(config, clock);
  const hosts: RuntimeHost[] = [];
  const all = createExposition(() => [
    ...(telemetry?.families() ?? []),
    ...workerFamilies(workers),
    ...hosts.flatMap((host) => host.families()),
  ]);
  const { metrics } = all;
  const watched = { ...options, ...watching(all, telemetry), clock, log, redaction, workers };
  const host = await startRuntime(config, watched).catch(async (error: unknown) => {
    await telemetry?.stop();
    throw error;
  });
  hosts.push(host);
  const { runtime, schedules, secrets, leaving, payloads } = host;
  telemetry?.start(log, () => all.families(runtime));
  const exposition = () => all.of(runtime);
  try {
    const common = { config, log, clock, metrics, exposition };
    const parts = { runtime, schedules, secrets, leaving, payloads, workers };
    const api = await startApi({ ...parts, ...common });
    log.info({ url: api.url }, "listening");
    const runs = await describeRuns(runsOf(config));
    if (runs !== undefined) log.info({ runs: config.runs }, runs);
    const stop = once(async () => {
      const patience = new AbortController();
      const cancel = clock.after(config.shutdownTimeout / 2, () => patience.abort());
      // Half the time for answers under way, the other half for the runtime.
      await api.stop(patience.signal).finally(cancel);
      await host.stop();
      await telemetry?.stop();
      log.info({}, "stopped");
    });
    return { ...host, url: api.url, log, stop };
  } catch (error) {
    await host.stop();
    await telemetry?.stop();
    throw error;
  }
}

function watching({ metrics, onFacts }: Exposition, telemetry: Telemetry | undefined): Watching {
  const tracing = telemetry?.tracing;
  if (tracing === undefined) return { metrics, onFacts };
  const both: FactListener = (committed) => {
    onFacts(committed);
    tracing.onFacts(committed);
  };
  return { metrics, onFacts: both, tracing };
}

/** Undefined, and nothing of it loaded, unless the environment says where to export to. */
async function openTelemetry(
  environment: Environment,
  clock: Clock,
): Promise<Telemetry | undefined> {
  const { telemetrySettings } = await import("./observe/telemetry/settings.ts");
  const settings = telemetrySettings(environment);
  if (settings === undefined) return undefined;
  const { openTelemetry: open } = await import("./observe/telemetry/open.ts");
  return open(settings, clock);
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}

function workersOf({ workerMaxDeliveries: maxDeliveries }: Config, clock: Clock): Workers {
  return new Workers({ clock, maxDeliveries });
}

async function defaultLog(config: Config, redaction: LogRedaction): Promise<Logger> {
  const { createLogger } = await import("./observe/log.ts");
  return createLogger(config.logLevel, undefined, redaction);
}

async function openActivities(
  config: Config,
  parts: Pick<ActivitiesConfig, "redaction" | "secrets" | "workers"> & {
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly breakers: BreakerEvents;
  },
): Promise<{ readonly activities: Activities; readonly services: SharedServices }> {
  const { clock, log, metrics, breakers, ...confidential } = parts;
  const { createActivities, separateServices } = await import("./activities/registry.ts");
  const { breakerListener } = await import("./observe/breakers.ts");
  const say = breakerListener(log, metrics);
  const all: ActivitiesConfig = {
    ...confidential,
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
      onChange: (change) => {
        say(change);
        breakers.publish(change);
      },
    },
    runs: runsOf(config),
    ...(config.resources === "" ? {} : { resources: config.resources }),
    grpcTls: config.grpcTls,
  };
  return { activities: createActivities(all), services: separateServices(all) };
}

const openPostgresRuntime: OpenRuntime = async (parts) => {
  const { openPostgresRuntime: open } = await import("./runtime/open.ts");
  return open(parts);
};
