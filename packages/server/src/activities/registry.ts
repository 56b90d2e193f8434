/** The executor of a node: hands each activity to the executor of its type, and bounds it by its deadline. */
import type { ActivityType } from "@millrace/engine";
import type { Json } from "@millrace/language";
import { type Clock, systemClock } from "../clock.ts";
import { credentialsFrom } from "./auth/credentials.ts";
import { tokenSource } from "./auth/token-source.ts";
import type { Resolve } from "./egress/connector.ts";
import { type EgressConfig, egressPolicy } from "./egress/policy.ts";
import type { ActivityExecutor, ActivityRequest, ActivityResult } from "./executor.ts";
import { ActivityFailure, toWorkflowError } from "./failure.ts";
import { callHttp } from "./http/call.ts";
import { networkFailure } from "./http/network-error.ts";
import { httpTransport } from "./http/transport.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "./limits.ts";
import { callOpenApi } from "./openapi/call.ts";
import { documentSource } from "./openapi/document.ts";
import type { CallServices } from "./services.ts";
import { withTimeLimit } from "./time-limit.ts";

export interface ActivitiesConfig {
  readonly egress?: EgressConfig;
  readonly limits?: Partial<HttpLimits>;
  /**
   * Origin overrides, for tests and air-gapped mirrors: connections to an origin on the left go to the one on the right.
   * Workflows don't notice.
   */
  readonly origins?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** Name resolution; the system's unless given. */
  readonly resolve?: Resolve;
}

export interface Activities extends ActivityExecutor {
  /** Closes connections; activities under way fail. */
  close(): Promise<void>;
}

/** Does one activity of one type. @throws {ActivityFailure} */
type Execute = (
  request: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
) => Promise<Json>;

/** Types that are absent are refused by name. */
const EXECUTORS: Readonly<Partial<Record<ActivityType, Execute>>> = {
  "call:http": callHttp,
  "call:openapi": callOpenApi,
};

/** @throws {RangeError} naming a part of the configuration that cannot be used */
export function createActivities(config: ActivitiesConfig = {}): Activities {
  const { clock = systemClock(), limits: given, egress = {}, ...network } = config;
  const limits = { ...DEFAULT_LIMITS, ...given };
  const transport = httpTransport({ ...network, policy: egressPolicy(egress), limits });
  const tokens = tokenSource({ transport, clock });
  const services: CallServices = {
    transport,
    clock,
    documents: documentSource({ transport, clock }),
    credentials: (request) => credentialsFrom(request, tokens),
  };
  return {
    execute: (request, signal) => execute(request, services, signal),
    close: () => transport.close(),
  };
}

async function execute(
  request: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<ActivityResult> {
  const { clock, transport } = services;
  const left =
    request.deadline === undefined ? Number.POSITIVE_INFINITY : request.deadline - clock.now();
  const budget = Math.min(transport.limits.totalTimeout, left);
  try {
    const run = EXECUTORS[request.type];
    if (run === undefined) throw unsupported(request.type);
    const output = await withTimeLimit(clock, budget, signal, async (limited) => {
      try {
        return await run(request, services, limited);
      } catch (error) {
        // Waiting for something shared (a token, a document) ends with the bare reason of the signal.
        throw limited.aborted && error === limited.reason
          ? networkFailure(error, request.name)
          : error;
      }
    });
    return { output };
  } catch (error) {
    return { error: toWorkflowError(error, request.reference) };
  }
}

function unsupported(type: ActivityType): ActivityFailure {
  const [task, kind] = type.split(":");
  const detail = `${task}: ${kind} is not supported by this version of Millrace`;
  return new ActivityFailure("runtime", detail, { status: 501 });
}
