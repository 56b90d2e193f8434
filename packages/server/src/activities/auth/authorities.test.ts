import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test, type TestContext } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import { startHttpFixture } from "@millrace/testkit/http";
import { OAuth2Server } from "oauth2-mock-server";
import { systemClock } from "../../clock.ts";
import { caller, kindOf } from "../testing.ts";
import { startAuthority } from "./testing-authority.ts";

const SECRET = "a shared secret of more than thirty-two bytes: %&+";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS = "urn:ietf:params:oauth:token-type:access_token";

/** A resource that says which token it was given. */
async function resource(t: TestContext) {
  const server = await startHttpFixture(({ headers }) => ({
    body: { token: headers["authorization"]?.replace(/^Bearer /, "") ?? null },
  }));
  t.after(() => server.close());
  return (authentication: JsonObject) => ({
    method: "get",
    endpoint: { uri: server.origin, authentication },
  });
}

const tokenOf = (output: Json) => (output as { readonly token: string }).token;

describe("oidc-provider", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ed = generateKeyPairSync("ed25519");
  const pem = rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const keyed = (id: string, alg: string, { publicKey }: typeof rsa) => ({
    client_id: id,
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k1", use: "sig" }] },
  });
  const CLIENTS = [
    ...(["basic", "post", "jwt"] as const).map((name) => ({
      client_id: name,
      client_secret: SECRET,
      token_endpoint_auth_method: `client_secret_${name}`,
    })),
    keyed("rsa", "RS256", rsa),
    keyed("ec", "ES256", ec),
    keyed("ed", "EdDSA", ed),
    { client_id: "public", token_endpoint_auth_method: "none" },
  ];
  const jwk = ({ privateKey }: typeof rsa) =>
    JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid: "k1" });
  const WAYS = [
    { id: "basic", secret: SECRET, authentication: "client_secret_basic" },
    { id: "post", secret: SECRET },
    { id: "jwt", secret: SECRET, authentication: "client_secret_jwt" },
    { id: "rsa", secret: pem, authentication: "private_key_jwt" },
    { id: "ec", secret: jwk(ec), authentication: "private_key_jwt" },
    { id: "ed", secret: jwk(ed), authentication: "private_key_jwt" },
  ];

  for (const client of WAYS) {
    test(`takes ${client.id} as a client, for oauth2 and oidc`, async (t) => {
      const { origin } = await startAuthority(t, CLIENTS);
      const get = await resource(t);
      const { http } = caller(t);
      const policy = { authority: origin, grant: "client_credentials", client };
      assert.match(tokenOf(await http(get({ oidc: policy }))), /^[\w-]{43}$/);
      const oauth2 = { ...policy, endpoints: { token: "/token" }, scopes: ["api:read"] };
      assert.match(tokenOf(await http(get({ oauth2 }))), /^[\w-]{43}$/);
    });
  }

  test("refuses a wrong key, in words that hold none", async (t) => {
    const { origin } = await startAuthority(t, CLIENTS);
    const get = await resource(t);
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const wrong = other.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const { refused } = caller(t);
    for (const [secret, kind] of [
      [wrong, "authentication 401"],
      [pem.replace("MII", "MMM"), "configuration 400"],
      ["not a key at all", "configuration 400"],
      ['{"kty":"RSA"}', "configuration 400"],
    ] as const) {
      const client = { id: "rsa", secret, authentication: "private_key_jwt" };
      const oidc = { authority: origin, grant: "client_credentials", client };
      const error = await refused(get({ oidc }));
      assert.equal(kindOf(error), kind);
      assert.doesNotMatch(JSON.stringify(error), /BEGIN|MII|not a key|kty/);
    }
  });

  test("gives tokens for a password and in exchange for others, to a client without a secret", async (t) => {
    const { origin } = await startAuthority(t, CLIENTS);
    const get = await resource(t);
    const { http } = caller(t);
    const common = { authority: origin, client: { id: "public", authentication: "none" } };
    const password = { ...common, grant: "password", username: "ann", password: "p&ss" };
    assert.equal(tokenOf(await http(get({ oidc: password }))), "password ann p&ss");
    const subject = { token: "user-token", type: ACCESS };
    const exchange = { ...common, grant: EXCHANGE, subject, audiences: ["https://api.example"] };
    assert.equal(
      tokenOf(await http(get({ oidc: exchange }))),
      `user-token ${ACCESS}  https://api.example`,
    );
    const actor = { token: "service-token", type: ACCESS };
    assert.equal(
      tokenOf(await http(get({ oidc: { ...exchange, actor } }))),
      `user-token ${ACCESS} service-token https://api.example`,
    );
  });

  test("tells the issuer of an opaque token, where the policy names the introspection endpoint", async (t) => {
    const { origin, asked } = await startAuthority(t, CLIENTS);
    const get = await resource(t);
    const { http, refused } = caller(t);
    const policy = (issuer: string) => ({
      authority: origin,
      grant: "client_credentials",
      client: { id: "post", secret: SECRET },
      endpoints: { token: "/token", introspection: "/token/introspection" },
      issuers: [issuer],
    });
    assert.ok(await http(get({ oauth2: policy(origin) })));
    const error = await refused(get({ oauth2: policy("https://other.example") }));
    assert.equal(kindOf(error), "authentication 401");
    assert.match(error.detail ?? "", /not active, or of an issuer/);
    const paths = asked.map(({ path }) => path);
    assert.deepEqual(paths, ["/token", "/token/introspection", "/token", "/token/introspection"]);
  });

  test("gives one token to many who ask at the same time", async (t) => {
    const { origin, asked } = await startAuthority(t, CLIENTS);
    const get = await resource(t);
    const { http } = caller(t);
    const client = { id: "post", secret: SECRET };
    const oidc = { authority: origin, grant: "client_credentials", client };
    const tokens = await Promise.all(Array.from({ length: 50 }, () => http(get({ oidc }))));
    assert.equal(new Set(tokens.map(tokenOf)).size, 1);
    assert.equal(asked.length, 1);
  });
});

describe("oauth2-mock-server", () => {
  const start = async (t: TestContext) => {
    const server = new OAuth2Server();
    await server.issuer.keys.generate("RS256");
    await server.start(0, "127.0.0.1");
    t.after(() => server.stop());
    const grants: string[] = [];
    let refuseRefresh = false;
    let count = 0;
    server.service.on("beforeResponse", (response, request) => {
      const { grant_type: grant } = request.body as { grant_type: string };
      const refused = grant === "refresh_token" && refuseRefresh;
      grants.push(grant);
      count += 1;
      const body = { access_token: `token-${count}`, token_type: "Bearer", expires_in: 100 };
      response.body = refused
        ? { error: "invalid_grant" }
        : { ...body, refresh_token: `refresh-${count}` };
      if (refused) response.statusCode = 400;
    });
    const refuse = () => (refuseRefresh = true);
    return { authority: server.issuer.url ?? "", grants, refuse };
  };

  test("is asked with the refresh token when a token ends, and with the grant when that is refused", async (t) => {
    const { authority, grants, refuse } = await start(t);
    const get = await resource(t);
    let now = 1_000_000;
    const { http } = caller(t, { clock: { ...systemClock(), now: () => now } });
    const policy = { authority, grant: "password", username: "ann", password: "pass" };
    const oidc = { ...policy, client: { id: "x", authentication: "none" } };
    const next = async () => {
      const token = tokenOf(await http(get({ oidc })));
      now += 100_000;
      return token;
    };
    assert.equal(await next(), "token-1");
    assert.equal(await next(), "token-2");
    refuse();
    assert.equal(await next(), "token-4");
    assert.deepEqual(grants, ["password", "refresh_token", "refresh_token", "password"]);
  });

  test("takes a refresh token as the subject of the policy", async (t) => {
    const { authority, grants } = await start(t);
    const get = await resource(t);
    const type = "urn:ietf:params:oauth:token-type:refresh_token";
    const policy = { authority, grant: "refresh_token", subject: { token: "given", type } };
    const oidc = { ...policy, client: { id: "x", authentication: "none" } };
    assert.equal(tokenOf(await caller(t).http(get({ oidc }))), "token-1");
    assert.deepEqual(grants, ["refresh_token"]);
  });
});
