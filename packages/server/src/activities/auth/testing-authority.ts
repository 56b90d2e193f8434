/** A real authority for tests, from oidc-provider, with the grants that it leaves to its users; on loopback. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { type GrantContext, Provider } from "oidc-provider";

export interface TokenCall {
  readonly path: string;
  readonly grant: string;
}

export interface TestAuthority {
  readonly origin: string;
  /** What was asked at the token and introspection endpoints, in order. */
  readonly asked: readonly TokenCall[];
}

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** @param clients as oidc-provider has them, without what is the same for all */
export async function startAuthority(
  t: TestContext,
  clients: readonly Readonly<Record<string, unknown>>[],
): Promise<TestAuthority> {
  // oidc-provider warns of what a test wants: keys and tokens in memory.
  t.mock.method(console, "info", () => {});
  t.mock.method(console, "warn", () => {});
  const asked: TokenCall[] = [];
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const handle = providerOf(origin, clients).callback();
  server.on("request", (request, response) => {
    const { url: path = "" } = request;
    if (request.method === "POST") {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        asked.push({ path, grant: new URLSearchParams(body).get("grant_type") ?? "" });
      });
    }
    handle(request, response);
  });
  return { origin, asked };
}

function providerOf(origin: string, clients: Parameters<typeof startAuthority>[1]): Provider {
  const provider = new Provider(origin, {
    clients: clients.map((client) => ({
      grant_types: ["client_credentials", "password", EXCHANGE],
      redirect_uris: [],
      response_types: [],
      ...client,
    })),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      devInteractions: { enabled: false },
    },
    ttl: { ClientCredentials: 600 },
    scopes: ["api:read", "api:write"],
  });
  /** A token that tells what it was asked with. */
  const register = (grant: string, parameters: readonly string[], told: readonly string[]) =>
    provider.registerGrantType(
      grant,
      (context: GrantContext) => {
        const values = told.map((name) => context.oidc.params[name]).join(" ");
        context.body = { access_token: values, token_type: "Bearer", expires_in: 600 };
        return Promise.resolve();
      },
      parameters,
      ["audience"].filter((name) => parameters.includes(name)),
    );
  register("password", ["username", "password"], ["grant_type", "username", "password"]);
  const tokens = ["subject_token", "subject_token_type", "actor_token"];
  register(EXCHANGE, [...tokens, "actor_token_type", "audience"], [...tokens, "audience"]);
  return provider;
}
