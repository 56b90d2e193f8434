import type { Clock } from "../clock.ts";
import type { CredentialsRequest } from "./auth/credentials.ts";
import type { DocumentSource } from "./documents/source.ts";
import type { Breaker } from "./egress/breaker.ts";
import type { Door, Target } from "./egress/door.ts";
import type { Credentials } from "./http/exchange.ts";
import type { Transport } from "./http/transport.ts";
import type { Kept } from "./kept.ts";
import type { RunsConfig } from "./run/config.ts";
import type { Sandbox } from "./run/sandbox/sandbox.ts";

/** What the operator has set for single kinds of calls. */
export interface CallSettings {
  /** The folder of local resources: what `file:` URIs name (local-resources.ts). */
  readonly resources?: string;
  /** `host:port`, in lower case, of gRPC servers that are spoken to with TLS though their port is not 443. */
  readonly grpcTls?: readonly string[];
}

/** What the executors of one tenant's activities share. */
export interface CallServices {
  readonly clock: Clock;
  readonly settings: CallSettings;
  /** HTTP through the egress policy. */
  readonly transport: Transport;
  /** Connections of any other kind through the egress policy. */
  readonly door: Door;
  /**
   * The circuit breaker of a target. `transport` uses it by itself; whoever speaks something else runs each exchange in it:
   * `services.breaker({ protocol: "grpc:", host, port }).run(() => call(), signal)`.
   */
  breaker(target: Target): Breaker;
  readonly documents: DocumentSource;
  /** What the operator lets workflows run. */
  readonly runs: RunsConfig;
  /** Processes kept away from the server and the machine. */
  readonly sandbox: Sandbox;
  /** @throws {ActivityFailure} `configuration` when the policy cannot be used */
  credentials(request: CredentialsRequest): Credentials;
  /**
   * What an executor keeps from one call to the next, such as connections: made by `open` with the first use, closed with
   * these services. `open` is the key, so it has to be the same function each time.
   */
  keep<T extends Kept>(open: (services: CallServices) => T): T;
  /** Closes what is kept. */
  close(): Promise<void>;
}
