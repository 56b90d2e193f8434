import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { startHttpFixture, startOAuth } from "@millrace/testkit/http";
import { systemClock } from "../../clock.ts";
import { activityRequest, caller, kindOf } from "../testing.ts";

const client = { id: "client", secret: "s3cret" };

const policy = (authority: string, more: JsonObject = {}) => ({
  authority,
  grant: "client_credentials",
  client,
  ...more,
});

const get = (origin: string, authentication: JsonObject) => ({
  method: "get",
  endpoint: { uri: `${origin}/resource`, authentication },
});

/** The requests for tokens, as path and body. */
const asked = (server: { requests: readonly { target: string; body: Buffer }[] }) =>
  server.requests
    .filter(({ target }) => target.endsWith("/token"))
    .map(({ target, body }) => [target, body.toString()]);

describe("oauth2 with client credentials", () => {
  test("posts the secret in a form to /oauth2/token below the authority", async (t) => {
    const server = await startOAuth();
    t.after(() => server.close());
    const oauth2 = policy(`${server.origin}/realms/test`, { scopes: ["a", "b"], audiences: ["x"] });
    assert.deepEqual(await caller(t).http(get(server.origin, { oauth2 })), { token: "token-1" });
    const fields =
      "grant_type=client_credentials&scope=a+b&client_id=client&client_secret=s3cret&audience=x";
    assert.deepEqual(asked(server), [["/realms/test/oauth2/token", fields]]);
  });

  test("takes endpoint, encoding and client authentication from the policy", async (t) => {
    const server = await startOAuth({ clientSecret: "a b:%" });
    t.after(() => server.close());
    const { http } = caller(t);
    const secret = "a b:%";
    const json = { encoding: "application/json" };
    const endpoints = { token: "/custom/token" };
    await http(
      get(server.origin, {
        oauth2: policy(server.origin, {
          endpoints,
          request: json,
          client: { id: "client", secret },
        }),
      }),
    );
    const authentication = "client_secret_basic";
    await http(
      get(server.origin, {
        oauth2: policy(server.origin, { client: { id: "client", secret, authentication } }),
      }),
    );
    assert.deepEqual(asked(server), [
      [
        "/custom/token",
        '{"grant_type":"client_credentials","client_id":"client","client_secret":"a b:%"}',
      ],
      ["/oauth2/token", "grant_type=client_credentials"],
    ]);
  });

  test("finds the endpoint by discovery, for oidc and for a well-known authority", async (t) => {
    const server = await startOAuth();
    t.after(() => server.close());
    const { http } = caller(t);
    const known = `${server.origin}/realms/test/.well-known/openid-configuration`;
    await http(get(server.origin, { oidc: policy(`${server.origin}/realms/test`) }));
    await http(get(server.origin, { oauth2: policy(known, { scopes: ["other"] }) }));
    assert.deepEqual(
      asked(server).map(([target]) => target),
      ["/discovered/token", "/discovered/token"],
    );
    assert.equal(server.requests[0]?.target, "/realms/test/.well-known/openid-configuration");
  });

  test("fetches a token once for all who need it at the same time", async (t) => {
    const gate = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const server = await startOAuth({
      gate() {
        arrived.resolve();
        return gate.promise;
      },
    });
    t.after(() => server.close());
    const { http, activities } = caller(t);
    const input = get(server.origin, { oauth2: policy(server.origin) });
    const impatient = new AbortController();
    const first = activities.execute(activityRequest("call:http", input), impatient.signal);
    const others = Array.from({ length: 8 }, () => http(input));
    await arrived.promise;
    // The first to ask leaves; the rest still get the token it asked for.
    impatient.abort();
    assert.ok("error" in (await first));
    gate.resolve();
    for (const output of await Promise.all(others)) assert.deepEqual(output, { token: "token-1" });
    assert.deepEqual(server.issued, ["token-1"]);
  });

  test("renews a token shortly before it expires", async (t) => {
    const server = await startOAuth({ expiresIn: 600 });
    t.after(() => server.close());
    let now = 1_000_000;
    const { http } = caller(t, { clock: { ...systemClock(), now: () => now } });
    const input = get(server.origin, { oauth2: policy(server.origin) });
    await http(input);
    now += 569_999;
    assert.deepEqual(await http(input), { token: "token-1" });
    now += 1;
    assert.deepEqual(await http(input), { token: "token-2" });
  });

  test("keeps tokens of different clients and scopes apart", async (t) => {
    const server = await startOAuth({ expiresIn: null });
    t.after(() => server.close());
    const { http } = caller(t);
    const ask = (more: JsonObject) =>
      http(get(server.origin, { oauth2: policy(server.origin, more) }));
    assert.deepEqual(await ask({ scopes: ["a"] }), { token: "token-1" });
    assert.deepEqual(await ask({ scopes: ["b"] }), { token: "token-2" });
    assert.deepEqual(await ask({ audiences: ["a"] }), { token: "token-3" });
    assert.deepEqual(await ask({ scopes: ["a"] }), { token: "token-1" });
  });

  test("fetches another token, once, when the resource refuses the cached one", async (t) => {
    const server = await startOAuth();
    t.after(() => server.close());
    const { http } = caller(t);
    const input = get(server.origin, { oauth2: policy(server.origin) });
    await http(input);
    server.revoke("token-1");
    assert.deepEqual(await http(input), { token: "token-2" });
  });

  test("a refusal is an authentication error without secrets, and is not kept", async (t) => {
    const server = await startOAuth({ clientSecret: "other" });
    t.after(() => server.close());
    const { refused } = caller(t);
    const input = get(server.origin, { oauth2: policy(server.origin) });
    const error = await refused(input);
    assert.equal(kindOf(error), "authentication 401");
    assert.equal(
      error.detail,
      `POST ${server.origin}/oauth2/token: the authority gave no token: 401 (invalid_client)`,
    );
    await refused(input);
    assert.equal(asked(server).length, 2);
  });

  test("an authority that is down is a communication error", async (t) => {
    const server = await startHttpFixture(() => ({ status: 503 }));
    t.after(() => server.close());
    const error = await caller(t).refused(get(server.origin, { oauth2: policy(server.origin) }));
    assert.equal(kindOf(error), "communication 503");
  });

  test("the authority stands behind the egress policy, also when discovered", async (t) => {
    const server = await startHttpFixture(() => ({
      body: { token_endpoint: "http://10.0.0.1/token" },
    }));
    t.after(() => server.close());
    const { refused } = caller(t);
    for (const authentication of [
      { oauth2: policy("http://192.168.0.1") },
      { oidc: policy(server.origin) },
    ]) {
      assert.equal(kindOf(await refused(get(server.origin, authentication))), "authorization 403");
    }
  });

  test("a discovery document fetched securely cannot send the secret in the clear", async (t) => {
    const tokenEndpoint = { token_endpoint: "http://authority.example/token" };
    const server = await startHttpFixture(() => ({ body: tokenEndpoint }));
    t.after(() => server.close());
    const secure = "https://authority.example";
    const origins = { [secure]: server.origin, "http://authority.example": server.origin };
    const { refused } = caller(t, { origins });
    const error = await refused(get(server.origin, { oidc: policy(secure) }));
    assert.equal(kindOf(error), "authentication 401");
    assert.match(error.detail ?? "", /names no usable token_endpoint$/);
    assert.equal(server.requests.length, 1);
  });

  test("a JWT of another issuer is refused", async (t) => {
    const claims = Buffer.from('{"iss":"https://evil.example"}').toString("base64url");
    const server = await startOAuth({ mint: (n) => `e30.${claims}.${n}` });
    t.after(() => server.close());
    const { http, refused } = caller(t);
    const ask = (issuer: string) =>
      get(server.origin, { oauth2: policy(server.origin, { issuers: [issuer] }) });
    assert.equal(kindOf(await refused(ask("https://good.example"))), "authentication 401");
    assert.ok(await http(ask("https://evil.example")));
  });
});
