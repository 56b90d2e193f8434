import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type HttpFixture, startHttpFixture } from "@millrace/testkit/http";
import { createActivities } from "../registry.ts";
import { caller, kindOf } from "../testing.ts";

let server: HttpFixture;
let port: string;
before(async () => {
  server = await startHttpFixture(({ headers }) => ({ body: { host: headers["host"] } }));
  ({ port } = new URL(server.origin));
});
after(() => server.close());

const get = (endpoint: string) => ({ method: "get", endpoint });
const ip = (address: string) => ({ address, family: address.includes(":") ? 6 : 4 });

describe("egress", () => {
  test("is judged after resolution", async (t) => {
    const resolve = () => Promise.resolve([ip("10.0.0.1")]);
    const error = await caller(t, { resolve }).refused(get("http://innocent.test/"));
    assert.equal(kindOf(error), "authorization 403");
    assert.equal(
      error.detail,
      "GET http://innocent.test/: innocent.test resolves to 10.0.0.1, which is a private address " +
        "(egress.allowPrivate). The operator can allow it in the egress policy.",
    );
  });

  test("goes only to addresses that were permitted", async (t) => {
    const resolve = () => Promise.resolve([ip("169.254.169.254"), ip("10.0.0.1"), ip("127.0.0.1")]);
    const output = await caller(t, { resolve }).http(get(`http://mixed.test:${port}/`));
    assert.deepEqual(output, { host: `mixed.test:${port}` });
  });

  test("is pinned: a name server that changes its mind between check and connection gains nothing", async (t) => {
    const answers = ["127.0.0.2", "127.0.0.1", "127.0.0.1"];
    let asked = 0;
    const resolve = () => Promise.resolve([ip(answers[asked++] ?? "")]);
    // Nothing listens on the address that may be reached; the server is on the one that may not.
    const { refused } = caller(t, { egress: { allow: ["127.0.0.2"] }, resolve });
    const before = server.requests.length;
    const first = await refused(get(`http://rebinding.test:${port}/`));
    assert.equal(kindOf(first), "communication 503");
    assert.equal(asked, 1);
    const second = await refused(get(`http://rebinding.test:${port}/`));
    assert.equal(kindOf(second), "authorization 403");
    assert.equal(asked, 2);
    assert.equal(server.requests.length, before);
  });

  test("is judged for literal addresses in every notation", async (t) => {
    const { refused } = caller(t, { egress: {} });
    const before = server.requests.length;
    for (const host of [
      "127.0.0.1",
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "127.1",
      "0",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "[64:ff9b::7f00:1]",
      "localhost",
      "127.0.0.1.",
    ]) {
      const error = await refused(get(`http://${host}:${port}/`));
      assert.equal(kindOf(error), "authorization 403", host);
    }
    assert.equal(server.requests.length, before);
  });

  test("reaches a mirror through an origin override, which keeps the original in sight", async (t) => {
    const origins = { "https://api.example": server.origin };
    const { http, refused } = caller(t, { egress: {}, origins });
    assert.deepEqual(await http(get("https://api.example/x")), { host: "api.example" });
    // Only that origin: neither another port nor the mirror's own address.
    for (const other of [`${server.origin}/`, "http://127.0.0.1:1/"]) {
      assert.equal(kindOf(await refused(get(other))), "authorization 403");
    }
  });

  test("refuses overrides that are no origins", () => {
    for (const bad of ["api.example", "https://a.example/path", "unix:/run/x"]) {
      assert.throws(
        () => createActivities({ origins: { [bad]: "http://127.0.0.1:1" } }),
        RangeError,
      );
    }
  });
});
