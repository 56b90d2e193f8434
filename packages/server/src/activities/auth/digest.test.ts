import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseChallenges } from "./challenge.ts";
import { digestAuthorization } from "./digest.ts";

const field = (header: string, name: string) =>
  new RegExp(`[ ,]${name}=(?:"([^"]*)"|([^,]+))`).exec(header)?.slice(1).find(Boolean);

describe("digest, vectors of RFC 7616", () => {
  const challenge = (algorithm: string) => ({
    scheme: "digest",
    parameters: {
      realm: "http-auth@example.org",
      qop: "auth, auth-int",
      algorithm,
      nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
      opaque: "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    },
  });
  const user = { username: "Mufasa", password: "Circle of Life" };
  const request = {
    method: "GET",
    uri: "/dir/index.html",
    cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  };

  test("§3.9.1, MD5", () => {
    assert.equal(
      digestAuthorization(challenge("MD5"), user, request),
      'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, ' +
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, qop=auth, ' +
        'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", ' +
        'response="8ca523f5e9506fed4657c9700eebdbec", ' +
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    );
  });

  test("§3.9.1, SHA-256", () => {
    assert.equal(
      field(digestAuthorization(challenge("SHA-256"), user, request), "response"),
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    );
  });

  test("§3.9.2, SHA-512-256 with a hashed user name (values of erratum 4897)", () => {
    const header = digestAuthorization(
      {
        scheme: "digest",
        parameters: {
          realm: "api@example.org",
          qop: "auth",
          algorithm: "SHA-512-256",
          nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
          opaque: "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
          userhash: "true",
        },
      },
      { username: "Jäsøn Doe", password: "Secret, or not?" },
      { method: "GET", uri: "/doe.json", cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v" },
    );
    assert.equal(
      field(header, "username"),
      "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b",
    );
    assert.equal(
      field(header, "response"),
      "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
    );
    assert.match(header, /, userhash=true$/);
  });

  test("§3.4: a name that a quoted string cannot carry", () => {
    const header = digestAuthorization(
      { scheme: "digest", parameters: { realm: "r", nonce: "n" } },
      { username: "Jäsøn Doe", password: "x" },
      { method: "GET", uri: "/", cnonce: "c" },
    );
    assert.match(header, /username\*=UTF-8''J%C3%A4s%C3%B8n%20Doe,/);
  });
});

describe("challenges", () => {
  test("several in one header", () => {
    assert.deepEqual(
      parseChallenges(
        'Basic realm="a, \\"b\\"", Negotiate, Newauth abc==, Digest realm=x, QOP="auth,auth-int"',
      ),
      [
        { scheme: "basic", parameters: { realm: 'a, "b"' } },
        { scheme: "negotiate", parameters: {} },
        { scheme: "newauth", parameters: {} },
        { scheme: "digest", parameters: { realm: "x", qop: "auth,auth-int" } },
      ],
    );
  });

  test("rubbish ends the list", () => {
    assert.deepEqual(parseChallenges(""), []);
    assert.deepEqual(parseChallenges('"'), []);
    assert.equal(parseChallenges('a="'.repeat(20_000)).length < 3, true);
  });
});
