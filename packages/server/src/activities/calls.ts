/** The executors of calls and runs, and what they share. Loaded with the first activity: the HTTP client takes a while to load. */
import type { ActivityType } from "@millrace/engine";
import type { Json } from "@millrace/language";
import type { Clock } from "../clock.ts";
import { credentialsFrom } from "./auth/credentials.ts";
import { tokenSource } from "./auth/token-source.ts";
import { documentSource } from "./documents/source.ts";
import { egressDoor, targetName } from "./egress/door.ts";
import type { ActivityRequest, Feed } from "./executor.ts";
import { callHttp } from "./http/call.ts";
import { httpTransport, type TransportConfig } from "./http/transport.ts";
import { KeptThings } from "./kept.ts";
import { callOpenApi } from "./openapi/call.ts";
import type { RunsConfig } from "./run/config.ts";
import { createSandbox } from "./run/sandbox/sandbox.ts";
import type { CallServices, CallSettings } from "./services.ts";

/** Does one activity of one type. @throws {ActivityFailure} */
export type Execute = (
  request: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
  feed: Feed,
) => Promise<Json>;

/** Types that are absent are refused by name. What needs a client library of its own loads it with the first call. */
export const executors: Readonly<Partial<Record<ActivityType, Execute>>> = {
  "call:http": callHttp,
  "call:openapi": callOpenApi,
  "call:grpc": lazily(async () => (await import("./grpc/call.ts")).callGrpc),
  "call:asyncapi": lazily(async () => (await import("./asyncapi/call.ts")).callAsyncApi),
  "call:mcp": lazily(async () => (await import("./mcp/call.ts")).callMcp),
  "call:a2a": lazily(async () => (await import("./a2a/call.ts")).callA2a),
  "run:container": lazily(async () => (await import("./run/container/call.ts")).runContainer),
  "run:shell": lazily(async () => (await import("./run/shell.ts")).runShell),
  "run:script": lazily(async () => (await import("./run/script.ts")).runScript),
};

function lazily(load: () => Promise<Execute>): Execute {
  return async (...given) => (await load())(...given);
}

export interface ServicesConfig extends TransportConfig {
  readonly clock: Clock;
  readonly runs: RunsConfig;
  readonly settings: CallSettings;
}

/** What one tenant's activities share. */
export function servicesOf(config: ServicesConfig): CallServices {
  const { clock, settings, tenant, breakers } = config;
  const transport = httpTransport(config);
  const tokens = tokenSource({ transport, clock });
  const kept = new KeptThings<CallServices>();
  const services: CallServices = {
    clock,
    settings,
    transport,
    door: egressDoor(config),
    breaker: (target) => breakers.of(tenant, targetName(target)),
    runs: config.runs,
    sandbox: createSandbox(config.runs),
    documents: documentSource({ transport, clock }),
    credentials: (request) => credentialsFrom(request, tokens),
    keep: (open) => kept.get(open, services),
    close: () => kept.close(),
  };
  return services;
}
