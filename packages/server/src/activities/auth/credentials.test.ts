import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { type HttpFixture, startHttpbin, startHttpFixture } from "@millrace/testkit/http";
import { caller, kindOf } from "../testing.ts";

let bin: HttpFixture;
before(async () => {
  bin = await startHttpbin();
});
after(() => bin.close());

const get = (path: string, authentication: JsonObject, more: JsonObject = {}) => ({
  method: "get",
  endpoint: { uri: `${bin.origin}${path}`, authentication },
  ...more,
});

describe("basic and bearer", () => {
  test("prove themselves with the first request", async (t) => {
    const { http } = caller(t);
    const basic = { basic: { username: "jörg", password: "p:ss" } };
    const path = `/basic-auth/${encodeURIComponent("jörg")}/p:ss`;
    assert.deepEqual(await http(get(path, basic)), { authenticated: true, user: "jörg" });
    const number = { basic: { username: "a", password: 1234 } };
    assert.deepEqual(await http(get("/basic-auth/a/1234", number)), {
      authenticated: true,
      user: "a",
    });
    const bearer = { bearer: { token: "abc" } };
    assert.deepEqual(await http(get("/bearer", bearer)), { authenticated: true, token: "abc" });
  });

  test("a refusal is a communication error with its status", async (t) => {
    const basic = { basic: { username: "a", password: "wrong" } };
    const error = await caller(t).refused(get("/basic-auth/a/right", basic));
    assert.equal(kindOf(error), "communication 401");
    assert.doesNotMatch(JSON.stringify(error), /wrong/);
  });

  test("policies that cannot be used are configuration errors, without their secrets", async (t) => {
    const { refused } = caller(t);
    for (const policy of [
      {},
      { use: "somewhere" },
      { basic: { use: "secret" } },
      { basic: { username: "a" } },
      { basic: { username: "a:b", password: "hidden" } },
      { bearer: { token: "hidden\r\nx: y" } },
      { bearer: {} },
      { oauth2: { authority: "http://a.test", grant: "password" } },
      { oauth2: { authority: "http://a.test", grant: "client_credentials" } },
    ]) {
      const error = await refused(get("/anything", policy));
      assert.equal(kindOf(error), "configuration 400", JSON.stringify(policy));
      assert.doesNotMatch(JSON.stringify(error), /hidden/);
    }
  });

  test("are not in the echoed request", async (t) => {
    const input = get("/bearer", { bearer: { token: "tok-1" } }, { output: "response" });
    const output = (await caller(t).http(input)) as JsonObject;
    const { headers } = output["request"] as { headers: JsonObject };
    assert.equal(headers["authorization"], "[redacted]");
  });
});

describe("digest", () => {
  const digest = { digest: { username: "Mufasa", password: "Circle of Life" } };
  for (const algorithm of ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256"]) {
    for (const qop of ["auth", "none", "auth-int,auth"]) {
      test(`answers a challenge of ${algorithm}, qop ${qop}`, async (t) => {
        const path = `/digest-auth/${qop}/Mufasa/${encodeURIComponent("Circle of Life")}/${algorithm}`;
        const before = bin.requests.length;
        const output = await caller(t).http(get(`${path}?q=1&r=%20`, digest));
        assert.deepEqual(output, { authenticated: true, user: "Mufasa" });
        assert.equal(bin.requests[before]?.headers["authorization"], undefined);
        assert.equal(bin.requests.length, before + 2);
      });
    }
  }

  test("answers once only", async (t) => {
    const before = bin.requests.length;
    const error = await caller(t).refused(get("/digest-auth/auth/Mufasa/other/MD5", digest));
    assert.equal(kindOf(error), "communication 401");
    assert.equal(bin.requests.length, before + 2);
  });

  test("prefers the strongest algorithm offered", async (t) => {
    const offer = (algorithm: string) =>
      `Digest realm="r", nonce="n", qop="auth", algorithm=${algorithm}`;
    const server = await startHttpFixture(({ headers }) =>
      headers["authorization"] === undefined
        ? { status: 401, headers: { "www-authenticate": [offer("MD5"), offer("SHA-256")] } }
        : { body: headers["authorization"] },
    );
    t.after(() => server.close());
    const endpoint = { uri: server.origin, authentication: digest };
    assert.match(
      (await caller(t).http({ method: "get", endpoint })) as string,
      /algorithm=SHA-256/,
    );
  });

  test("says when the server asks for what is not supported", async (t) => {
    const challenge = 'Digest realm="r", nonce="n", qop="auth-conf"';
    const server = await startHttpFixture(() => ({
      status: 401,
      headers: { "www-authenticate": challenge },
    }));
    t.after(() => server.close());
    const endpoint = { uri: server.origin, authentication: digest };
    const error = await caller(t).refused({ method: "get", endpoint });
    assert.equal(kindOf(error), "authentication 401");
  });
});
