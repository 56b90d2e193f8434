/** The executor of a node: hands each activity to the executor of its type, and bounds it by its deadline. */
import type { ActivityType } from "@millrace/engine";
import { isObject } from "@millrace/language";
import type { DocumentFetcher } from "../external/source.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Execute } from "./calls.ts";
import type { BreakerConfig } from "./egress/breaker.ts";
import { parseOrigins } from "./egress/origins.ts";
import { type EgressConfig, egressPolicies, type TenantEgress } from "./egress/policy.ts";
import type { Resolve } from "./egress/resolve.ts";
import type { ActivityExecutor, ActivityRequest, ActivityResult, Feed } from "./executor.ts";
import { ActivityFailure, toWorkflowError } from "./failure.ts";
import { networkFailure } from "./http/network-error.ts";
import type { LogRedaction } from "../secrets/redact.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "./limits.ts";
import { DEFAULT_RUNS, type RunsConfig } from "./run/config.ts";
import { Confidence, type SecretSource } from "./secrets.ts";
import type { CallSettings } from "./services.ts";
import type { SharedConfig, SharedServices } from "./tenants.ts";
import { withTimeLimit } from "./time-limit.ts";
import { tracedServices } from "./traced.ts";

export interface ActivitiesConfig extends CallSettings {
  readonly egress?: EgressConfig;
  /** What single tenants may call more, or less, than `egress` says; by the tenant's id. */
  readonly tenants?: Readonly<Record<string, TenantEgress>>;
  /** Circuit breakers; `DEFAULT_BREAKER` for what is not given. */
  readonly breaker?: Partial<BreakerConfig>;
  readonly limits?: Partial<HttpLimits>;
  /**
   * Origin overrides, for tests and air-gapped mirrors: connections to an origin on the left go to the one on the right.
   * Workflows don't notice.
   */
  readonly origins?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** `run` of processes: all turned off unless given. */
  readonly runs?: Partial<RunsConfig>;
  /** Name resolution; the system's unless given. */
  readonly resolve?: Resolve;
  /** There are no secrets unless given. */
  readonly secrets?: SecretSource;
  /** Is told the values that activities get, to keep them out of the log. */
  readonly redaction?: LogRedaction;
  /** Does `call: worker`; without it, nobody does. */
  readonly workers?: { readonly execute: Execute };
}

export interface Activities extends ActivityExecutor, DocumentFetcher {
  /** Without `feed`, an activity that brings values is over with the first. */
  execute(request: ActivityRequest, signal: AbortSignal, feed?: Feed): Promise<ActivityResult>;
  /** Closes connections; activities under way fail. */
  close(): Promise<void>;
}

/** @throws {RangeError} naming a part of the configuration that cannot be used */
export function createActivities(config: ActivitiesConfig = {}): Activities {
  const services = servicesConfig(config);
  const { clock } = services;
  let opened: Promise<SharedServices> | undefined;
  const open = async (): Promise<SharedServices> => {
    const { openServices } = await import("./tenants.ts");
    return openServices(services);
  };
  const perform = async (
    execute: Execute,
    request: ActivityRequest,
    confidence: Confidence,
    signal: AbortSignal,
    feed: Feed,
  ): Promise<ActivityResult> => {
    opened ??= open();
    const shared = await opened;
    const output = await shared.use(request.tenant, (services) =>
      confidence.perform(execute, request, tracedServices(services, request), signal, feed),
    );
    return { output };
  };
  const bounded = async (
    choose: () => Promise<Execute>,
    request: ActivityRequest,
    signal: AbortSignal,
    feed: Feed,
  ): Promise<ActivityResult> => {
    const { deadline = Number.POSITIVE_INFINITY } = request;
    const confidence = new Confidence(config, clock);
    const budget = Math.min(longestOf(request, services), deadline - clock.now());
    try {
      const result = await withTimeLimit(clock, budget, signal, async (limited) => {
        try {
          return await perform(await choose(), request, confidence, limited, feed);
        } catch (error) {
          // Waiting for something shared (a token, a document) ends with the bare reason of the signal.
          throw limited.aborted && error === limited.reason
            ? networkFailure(error, request.name)
            : error;
        }
      });
      return confidence.cleared(result);
    } catch (error) {
      return confidence.cleared({ error: toWorkflowError(error, request.reference) });
    }
  };
  return {
    execute: (request, signal, feed = nobody) =>
      bounded(async () => executorOf(request.type, config.workers), request, signal, feed),
    async fetchText(text, signal) {
      const { fetchText, textRequest } = await import("./fetch-text.ts");
      const result = await bounded(async () => fetchText, textRequest(text, clock), signal, nobody);
      return textOf(result);
    },
    async close() {
      await (await opened)?.close();
    },
  };
}

/**
 * Services apart from those of the activities: with connections of their own, and without circuit breakers, for those who have
 * other means against a receiver that is down. Loaded with the first use.
 * @throws {RangeError} as {@link createActivities}
 */
export function separateServices(config: ActivitiesConfig): SharedServices {
  const services = servicesConfig({ ...config, breaker: { failures: 0 } });
  let opened: Promise<SharedServices> | undefined;
  const open = async (): Promise<SharedServices> => {
    const { openServices } = await import("./tenants.ts");
    return openServices(services);
  };
  return {
    async use(tenant, work) {
      opened ??= open();
      return (await opened).use(tenant, work);
    },
    close: async () => (await opened)?.close(),
  };
}

function settingsOf({ resources, grpcTls }: CallSettings): CallSettings {
  return {
    ...(resources === undefined ? {} : { resources }),
    ...(grpcTls === undefined ? {} : { grpcTls: grpcTls.map((one) => one.toLowerCase()) }),
  };
}

/** Milliseconds. A subscription goes on until the instance wants no more. */
function longestOf(
  { type, input }: ActivityRequest,
  { limits, runs }: Pick<SharedConfig, "limits" | "runs">,
): number {
  if (type === "call:asyncapi" && isObject(input["subscription"])) return Number.POSITIVE_INFINITY;
  // As long as the task's timeouts let it; a worker that is gone is noticed by its lease.
  if (type === "call:worker") return Number.POSITIVE_INFINITY;
  return type.startsWith("run:") ? runs.timeout : limits.totalTimeout;
}

function textOf(result: ActivityResult): string {
  if ("error" in result) throw new Error(result.error.detail ?? result.error.type);
  if (typeof result.output === "string") return result.output;
  throw new Error("a fetched document is no text");
}

function nobody(): Promise<never> {
  return Promise.reject(new ActivityFailure("runtime", "nobody takes what the activity brings"));
}

/** @throws {RangeError} */
function servicesConfig(config: ActivitiesConfig): SharedConfig {
  const { clock = systemClock(), egress = {}, tenants = {}, origins = {}, resolve } = config;
  return {
    clock,
    settings: settingsOf(config),
    policies: egressPolicies(egress, tenants),
    breaker: config.breaker ?? {},
    origins: parseOrigins(origins),
    limits: { ...DEFAULT_LIMITS, ...config.limits },
    runs: { ...DEFAULT_RUNS, ...config.runs },
    ...(resolve === undefined ? {} : { resolve }),
  };
}

async function executorOf(
  type: ActivityType,
  workers: ActivitiesConfig["workers"],
): Promise<Execute> {
  if (type === "call:worker") return workers?.execute ?? withoutWorkers();
  const { executors } = await import("./calls.ts");
  return executors[type] ?? unsupported(type);
}

function withoutWorkers(): never {
  const detail =
    "call: worker needs a server that workers can ask for work: millrace dev or server";
  throw new ActivityFailure("runtime", detail, { status: 501 });
}

function unsupported(type: ActivityType): never {
  const [task, kind] = type.split(":");
  const detail = `${task}: ${kind} is not supported by this version of Millrace`;
  throw new ActivityFailure("runtime", detail, { status: 501 });
}
