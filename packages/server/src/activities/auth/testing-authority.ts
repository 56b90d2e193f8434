/** A real authority for tests, from oidc-provider, with the grants that it leaves to its users; on loopback. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import Provider, { type GrantContext } from "oidc-provider";

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
  const grants = ["client_credentials", "password", EXCHANGE, "refresh_token"];
  const provider = new Provider(origin, {
    clients: clients.map((client) => ({
      grant_types: grants.slice(0, 3),
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
  const answer = (context: GrantContext, token: string) => {
    context.body = { access_token: token, token_type: "Bearer", expires_in: 600 };
    return Promise.resolve();
  };
  provider.registerGrantType(
    "password",
    (context) => {
      const { username, password } = context.oidc.params;
      return answer(context, `password ${username} ${password}`);
    },
    ["username", "password"],
  );
  provider.registerGrantType(
    EXCHANGE,
    (context) => {
      const { subject_token, subject_token_type, actor_token, audience } = context.oidc.params;
      const all = [subject_token, subject_token_type, actor_token, audience];
      return answer(context, `exchange ${all.join(" ")}`);
    },
    ["subject_token", "subject_token_type", "actor_token", "actor_token_type", "audience"],
    ["audience"],
  );
  const handle = provider.callback();
  server.on("request", (request, response) => {
    const { url: path = "" } = request;
    if (request.method === "POST") {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        asked.push({ path, grant: new URLSearchParams(body).get("grant_type") ?? "" });
      });
    }
    void handle(request, response);
  });
  return { origin, asked };
}
