import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { startHttpFixture, startOAuth } from "@millrace/testkit/http";
import { caller, kindOf } from "../testing.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const part = (header: string, name: string) =>
  new RegExp(`[ ,]${name}="?([^",]*)`).exec(header)?.[1] ?? "";

describe("digest", () => {
  const authentication = { digest: { username: "ann", password: "pass" } };

  test("answers auth-int, which covers the body, where a server takes nothing less", async (t) => {
    const seen: { authorization: string; body: string }[] = [];
    const server = await startHttpFixture(({ headers, body }) => {
      const { authorization } = headers;
      if (authorization !== undefined) {
        seen.push({ authorization, body: body.toString() });
        return { body: "in" };
      }
      const challenge = 'Digest realm="r", nonce="n1", qop="auth-int", algorithm=SHA-256';
      return { status: 401, headers: { "www-authenticate": challenge } };
    });
    t.after(() => server.close());
    const endpoint = { uri: `${server.origin}/a?b=c`, authentication };
    assert.equal(await caller(t).http({ method: "post", endpoint, body: { x: 1 } }), "in");
    const [{ authorization, body } = { authorization: "", body: "" }] = seen;
    const a2 = sha256(`POST:/a?b=c:${sha256(body)}`);
    const cnonce = part(authorization, "cnonce");
    const expected = sha256(`${sha256("ann:r:pass")}:n1:00000001:${cnonce}:auth-int:${a2}`);
    assert.equal(part(authorization, "response"), expected);
    assert.equal(part(authorization, "qop"), "auth-int");
  });

  for (const [stale, requests] of [
    ["true", 3],
    ["false", 2],
  ] as const) {
    test(`a nonce refused with stale=${stale} makes ${requests} requests`, async (t) => {
      let asked = 0;
      const server = await startHttpFixture(({ headers }) => {
        asked += 1;
        const nonce = part(headers["authorization"] ?? "", "nonce");
        if (nonce === "2") return { body: "in" };
        const challenge = `Digest realm="r", nonce="${asked}", qop="auth", stale=${stale}`;
        return { status: 401, headers: { "www-authenticate": challenge } };
      });
      t.after(() => server.close());
      const input = { method: "get", endpoint: { uri: server.origin, authentication } };
      const { http, refused } = caller(t);
      if (stale === "true") assert.equal(await http(input), "in");
      else assert.equal(kindOf(await refused(input)), "communication 401");
      assert.equal(server.requests.length, requests);
    });
  }

  test("a server that calls every nonce stale is answered twice and no more", async (t) => {
    const challenge = 'Digest realm="r", nonce="n", qop="auth", stale=true';
    const server = await startHttpFixture(() => ({
      status: 401,
      headers: { "www-authenticate": challenge },
    }));
    t.after(() => server.close());
    const endpoint = { uri: server.origin, authentication };
    assert.equal(kindOf(await caller(t).refused({ method: "get", endpoint })), "communication 401");
    assert.equal(server.requests.length, 3);
  });
});

describe("a token that a resource refuses", () => {
  const policy = (authority: string) => {
    const client = { id: "client", secret: "s3cret" };
    return { oauth2: { authority, grant: "client_credentials", client } };
  };
  const get = (uri: string, authentication: JsonObject) => ({
    method: "get",
    endpoint: { uri, authentication },
  });

  test("is replaced once for all who were refused with it", async (t) => {
    const server = await startOAuth();
    t.after(() => server.close());
    const { http } = caller(t);
    const input = get(`${server.origin}/resource`, policy(server.origin));
    await http(input);
    server.revoke("token-1");
    const outputs = await Promise.all(Array.from({ length: 20 }, () => http(input)));
    for (const output of outputs) assert.deepEqual(output, { token: "token-2" });
    assert.deepEqual(server.issued, ["token-1", "token-2"]);
  });

  test("is not replaced when it was fetched for this call", async (t) => {
    const server = await startOAuth();
    t.after(() => server.close());
    const closed = await startHttpFixture(() => ({ status: 401 }));
    t.after(() => closed.close());
    const error = await caller(t).refused(get(closed.origin, policy(server.origin)));
    assert.equal(kindOf(error), "communication 401");
    assert.deepEqual(server.issued, ["token-1"]);
  });
});

describe("an authority's metadata", () => {
  test("is found where RFC 8414 puts it, when it is not where OpenID Connect does", async (t) => {
    const server = await startHttpFixture(({ target }) => {
      if (target === "/.well-known/oauth-authorization-server/tenant") {
        return { body: { issuer: server.origin, token_endpoint: `${server.origin}/t` } };
      }
      if (target === "/t") return { body: { access_token: "x", token_type: "Bearer" } };
      return target === "/resource" ? { body: "in" } : { status: 404 };
    });
    t.after(() => server.close());
    const client = { id: "client", secret: "s3cret" };
    const oidc = { authority: `${server.origin}/tenant/`, grant: "client_credentials", client };
    const endpoint = { uri: `${server.origin}/resource`, authentication: { oidc } };
    assert.equal(await caller(t).http({ method: "get", endpoint }), "in");
    assert.deepEqual(
      server.requests.map(({ target }) => target),
      [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant",
        "/t",
        "/resource",
      ],
    );
  });

  test("that is no JSON, or names no endpoint, is an authentication error", async (t) => {
    for (const body of ["<html>", "[]", "{}", '{"token_endpoint":7}', '{"token_endpoint":"/t"}']) {
      const server = await startHttpFixture(() => ({ body }));
      t.after(() => server.close());
      const client = { id: "client", secret: "s3cret" };
      const oidc = { authority: server.origin, grant: "client_credentials", client };
      const endpoint = { uri: server.origin, authentication: { oidc } };
      const error = await caller(t).refused({ method: "get", endpoint });
      assert.equal(kindOf(error), "authentication 401", body);
      assert.equal(server.requests.length, 1);
    }
  });
});

test("grants that cannot work unattended, or lack what they need, are configuration errors", async (t) => {
  const { refused } = caller(t);
  const client = { id: "client", secret: "hidden" };
  for (const [policy, message] of [
    [{ grant: "authorization_code", client }, /authorization_code needs a person at a browser/],
    [{ grant: "password", client }, /username: required/],
    [{ grant: "refresh_token", client }, /subject: required/],
    [{ grant: "urn:ietf:params:oauth:grant-type:token-exchange", client }, /subject: required/],
    [{ grant: "implicit", client }, /not a grant of the language/],
    [
      { grant: "client_credentials", client: { ...client, authentication: "tls" } },
      /client.authentication/,
    ],
    [
      { grant: "client_credentials", client: { authentication: "private_key_jwt" } },
      /client.id: required/,
    ],
  ] as const) {
    const oauth2 = { authority: "http://127.0.0.1:1", ...policy };
    const endpoint = { uri: "http://127.0.0.1:1", authentication: { oauth2 } };
    const error = await refused({ method: "get", endpoint });
    assert.equal(kindOf(error), "configuration 400");
    assert.match(error.detail ?? "", message);
    assert.doesNotMatch(error.detail ?? "", /hidden/);
  }
});
