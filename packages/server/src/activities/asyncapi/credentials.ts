/** What a broker is told of who connects, from the same policies as HTTP's. */
import { ActivityFailure } from "../failure.ts";
import type { Credentials } from "../http/exchange.ts";
import type { BrokerCredentials, ProtocolTarget } from "./protocol.ts";

/**
 * A policy gives HTTP headers; of those, a user and password (`Basic`) or a token (`Bearer`) mean something to a broker.
 * Nothing for HTTP itself, which takes the policy as it is.
 * @throws {ActivityFailure} `configuration` for a policy that gives neither, such as digest; `authorization` over a connection
 *   without TLS is the author's decision, as with HTTP
 */
export async function brokerCredentials(
  credentials: Credentials | undefined,
  place: Pick<ProtocolTarget, "secure" | "host" | "port">,
  family: string,
  signal: AbortSignal,
): Promise<BrokerCredentials> {
  if (credentials === undefined || family === "http" || family === "ws") return {};
  const host = place.host.includes(":") ? `[${place.host}]` : place.host;
  const url = new URL(`${place.secure ? "https" : "http"}://${host}:${place.port}/`);
  const headers = await credentials.headers({ method: "GET", url, headers: {} }, signal);
  const [scheme = "", value = ""] = (headers["authorization"] ?? "").split(/ (.*)/s);
  switch (scheme.toLowerCase()) {
    case "bearer":
      return { token: value };
    case "basic": {
      const [username = "", password = ""] = Buffer.from(value, "base64")
        .toString("utf8")
        .split(/:(.*)/s);
      return { username, password };
    }
    default: {
      const detail = "with.authentication: a broker takes basic, bearer, oauth2 or oidc";
      throw new ActivityFailure("configuration", detail);
    }
  }
}
