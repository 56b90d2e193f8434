/** What the resources are given. */
import type { Config } from "../config.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Leaving } from "../outgoing/open.ts";
import type { Payloads } from "../payloads/payloads.ts";
import type { Runtime } from "../runtime.ts";
import type { Schedules } from "../scheduler/service.ts";
import type { Vault } from "../secrets/vault.ts";
import type { Workers } from "../workers/workers.ts";

export interface ApiContext {
  readonly runtime: Runtime;
  readonly schedules: Schedules;
  readonly secrets: Vault;
  /** Webhooks and channels, where there are any. */
  readonly leaving?: Leaving | undefined;
  readonly payloads: Payloads;
  /** Remote workers, where there is work for them. */
  readonly workers?: Workers | undefined;
  readonly config: Pick<
    Config,
    "apiKeys" | "allowedHosts" | "host" | "maxBodyBytes" | "maxWait" | "origins" | "payloadMaxBytes"
  >;
  /** Milliseconds in which a whole request has to arrive, an upload's body apart; 30,000 unless given. */
  readonly requestTimeout?: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Everything to scrape, in Prometheus' exposition format. */
  readonly exposition: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Aborts when the server stops: what holds an answer open lets go of it. */
  readonly stopping: AbortSignal;
}
