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

function to(url: string, status = 302): string {
  return `${bin.origin}/redirect-to?status_code=${status}&url=${encodeURIComponent(url)}`;
}

describe("redirects", () => {
  test("are an error, and not followed, unless asked for", async (t) => {
    const before = bin.requests.length;
    const error = await caller(t).refused({ method: "get", endpoint: to("/anything") });
    assert.equal(kindOf(error), "communication 302");
    assert.equal(bin.requests.length, before + 1);
  });

  test("are followed when asked for, five at most", async (t) => {
    const { http, refused } = caller(t);
    const redirect = { method: "get", redirect: true };
    const output = await http({
      ...redirect,
      endpoint: `${bin.origin}/redirect/5`,
      output: "response",
    });
    const response = output as JsonObject;
    assert.equal((response["request"] as JsonObject)["uri"], `${bin.origin}/anything`);
    const error = await refused({ ...redirect, endpoint: `${bin.origin}/redirect/6` });
    assert.equal(`${kindOf(error)} ${error.title}`, "communication 502 Too Many Redirects");
  });

  test("that cannot be followed pass when asked for", async (t) => {
    const endpoint = `${bin.origin}/status/304`;
    const { http } = caller(t);
    assert.equal(await http({ method: "get", redirect: true, endpoint }), null);
  });

  test("change method and body as RFC 9110 says", async (t) => {
    const { http } = caller(t);
    const follow = async (method: string, status: number) => {
      const body = { a: 1 };
      const endpoint = to("/anything", status);
      const sent = (await http({ method, redirect: true, endpoint, body })) as JsonObject;
      const headers = sent["headers"] as JsonObject;
      return [sent["method"], sent["data"], headers["content-type"], headers["idempotency-key"]];
    };
    const dropped = ["GET", "", undefined, undefined];
    const kept = (method: string) => [method, '{"a":1}', "application/json", "key-1"];
    assert.deepEqual(await follow("post", 301), dropped);
    assert.deepEqual(await follow("post", 302), dropped);
    assert.deepEqual(await follow("put", 303), dropped);
    assert.deepEqual(await follow("put", 302), kept("PUT"));
    assert.deepEqual(await follow("post", 307), kept("POST"));
    assert.deepEqual(await follow("post", 308), kept("POST"));
  });

  test("drop credentials when they leave the origin, for good", async (t) => {
    const other = await startHttpFixture(() => ({
      status: 302,
      headers: { location: `${bin.origin}/anything` },
    }));
    t.after(() => other.close());
    const input = (url: string) => ({
      method: "get",
      redirect: true,
      endpoint: { uri: to(url), authentication: { bearer: { token: "secret-token" } } },
      headers: { cookie: "a=b", "x-kept": "1" },
    });
    const { http } = caller(t);
    const same = ((await http(input("/anything"))) as JsonObject)["headers"] as JsonObject;
    assert.equal(same["authorization"], "Bearer secret-token");
    assert.equal(same["cookie"], "a=b");
    const back = ((await http(input(other.origin))) as JsonObject)["headers"] as JsonObject;
    assert.deepEqual(
      [back["authorization"], back["cookie"], back["x-kept"]],
      [undefined, undefined, "1"],
    );
    assert.equal(other.requests[0]?.headers["authorization"], undefined);
  });

  test("are judged by the egress policy and by scheme", async (t) => {
    const { refused } = caller(t);
    for (const url of [
      "http://10.0.0.1/",
      "http://169.254.169.254/latest",
      "http://[::ffff:10.0.0.1]/",
      "file:///etc/passwd",
    ]) {
      const error = await refused({ method: "get", redirect: true, endpoint: to(url) });
      assert.equal(kindOf(error), "authorization 403", url);
    }
  });
});
