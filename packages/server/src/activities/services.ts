import type { CredentialsRequest } from "./auth/credentials.ts";
import type { Credentials } from "./http/exchange.ts";
import type { Transport } from "./http/transport.ts";
import type { DocumentSource } from "./openapi/document.ts";

/** What the executors of calls share. */
export interface CallServices {
  readonly transport: Transport;
  readonly documents: DocumentSource;
  /** @throws {ActivityFailure} `configuration` when the policy cannot be used */
  credentials(request: CredentialsRequest): Credentials;
}
