import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { JsonObject } from "@millrace/language";
import { type Reply, startHttpFixture } from "@millrace/testkit/http";
import { activityRequest, caller } from "../testing.ts";

/** A server that counts its answers, and calls to it with `Cache-Control: max-age=1000` unless told otherwise. */
async function counting(t: TestContext, reply: Reply, limits = {}) {
  const server = await startHttpFixture(({ headers }) => {
    const known = headers["if-none-match"] !== undefined;
    if (known) return { status: 304, headers: reply.headers ?? {} };
    return { ...reply, body: reply.body ?? `answer ${server.requests.length}` };
  });
  t.after(() => server.close());
  const { http, activities } = caller(t, { limits });
  const get = (headers: JsonObject = { "cache-control": "max-age=1000" }, more: JsonObject = {}) =>
    http({ method: "get", endpoint: `${server.origin}/x`, headers, ...more });
  return { server, get, http, activities, count: () => server.requests.length };
}

const FRESH = { "cache-control": "max-age=600", "content-type": "text/plain" };

describe("the cache of HTTP responses", () => {
  test("gives a stored answer to a call that asks for it, and no other call", async (t) => {
    const { get, count } = await counting(t, { headers: FRESH });
    assert.equal(await get(), "answer 1");
    assert.equal(await get(), "answer 1");
    assert.equal(count(), 1);
    assert.equal(await get({}), "answer 2");
    assert.equal(await get({ "cache-control": "no-store" }), "answer 3");
    assert.equal(await get(), "answer 1");
  });

  test("stores nothing for calls that do not ask", async (t) => {
    const { get, count } = await counting(t, { headers: FRESH });
    await get({});
    await get();
    assert.equal(count(), 2);
  });

  test("takes no answer older than the call allows, or than the server does", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    const { get, count } = await counting(t, { headers: FRESH });
    await get();
    t.mock.timers.tick(50_000);
    await get({ "cache-control": "max-age=60" });
    assert.equal(count(), 1);
    t.mock.timers.tick(20_000);
    await get({ "cache-control": "max-age=60" });
    assert.equal(count(), 2);
    t.mock.timers.tick(601_000);
    await get();
    assert.equal(count(), 3);
  });

  test("asks the server whether a stored answer still holds", async (t) => {
    const { server, get } = await counting(t, { headers: { ...FRESH, etag: '"1"' } });
    assert.equal(await get(), "answer 1");
    assert.equal(await get({ "cache-control": "no-cache" }), "answer 1");
    assert.equal(server.requests[1]?.headers["if-none-match"], '"1"');
  });

  test("answers only-if-cached without a request", async (t) => {
    const { server, get, activities } = await counting(t, { headers: FRESH });
    const only = { "cache-control": "only-if-cached" };
    const input = { method: "get", endpoint: `${server.origin}/x`, headers: only };
    const call = activityRequest("call:http", input);
    const missing = await activities.execute(call, new AbortController().signal);
    assert.ok("error" in missing && missing.error.status === 504);
    assert.equal(server.requests.length, 0);
    await get();
    assert.equal(await get(only), "answer 1");
  });

  for (const [name, headers] of [
    ["no-store", { "cache-control": "no-store, max-age=600" }],
    ["private", { "cache-control": "private, max-age=600" }],
    ["no age at all", { "content-type": "text/plain" }],
    ["a cookie", { ...FRESH, "set-cookie": "a=b" }],
    ["Vary: *", { ...FRESH, vary: "*" }],
  ] as const) {
    test(`does not store an answer with ${name}`, async (t) => {
      const { get, count } = await counting(t, { headers });
      await get();
      await get();
      assert.equal(count(), 2);
    });
  }

  test("keeps variants apart", async (t) => {
    const { get } = await counting(t, { headers: { ...FRESH, vary: "accept-language" } });
    const ask = (language: string) =>
      get({ "cache-control": "max-age=1000", "accept-language": language });
    assert.equal(await ask("en"), "answer 1");
    assert.equal(await ask("de"), "answer 2");
    assert.equal(await ask("en"), "answer 1");
  });

  test("stores no answer to a request with credentials, unless it is public", async (t) => {
    for (const [more, control, requests] of [
      [{ authorization: "Bearer x" }, "max-age=600", 2],
      [{ authorization: "Bearer x" }, "public, max-age=600", 1],
      [{ cookie: "a=b" }, "public, max-age=600", 2],
      [{ "x-api-key": "k" }, "public, max-age=600", 2],
    ] as const) {
      const { get, count } = await counting(t, { headers: { ...FRESH, "cache-control": control } });
      for (let n = 0; n < 2; n += 1) await get({ "cache-control": "max-age=1000", ...more });
      assert.equal(count(), requests, JSON.stringify(more) + control);
    }
  });

  test("is each tenant's own", async (t) => {
    const { server, get, activities, count } = await counting(t, { headers: FRESH });
    await get();
    const headers = { "cache-control": "max-age=1000" };
    const input = { method: "get", endpoint: `${server.origin}/x`, headers };
    const theirs = activityRequest("call:http", input, { tenant: "another" });
    const result = await activities.execute(theirs, new AbortController().signal);
    assert.deepEqual(result, { output: "answer 2" });
    assert.equal(count(), 2);
  });

  test("forgets what an unsafe request may have changed", async (t) => {
    const { server, get, http } = await counting(t, { headers: FRESH });
    await get();
    await http({ method: "put", endpoint: `${server.origin}/x`, body: "new" });
    assert.equal(await get(), "answer 3");
  });

  test("is bounded: what is too large is not stored, and the oldest make room", async (t) => {
    const body = "a".repeat(1_000);
    const limits = { maxCacheBytes: 16_000 };
    const { server, http, count } = await counting(t, { headers: FRESH, body }, limits);
    const get = (path: string) =>
      http({
        method: "get",
        endpoint: server.origin + path,
        headers: { "cache-control": "max-age=1000" },
      });
    for (let n = 0; n < 100; n += 1) await get(`/${n}`);
    await get("/99");
    assert.equal(count(), 100);
    await get("/0");
    assert.equal(count(), 101);
    const big = await counting(t, { headers: FRESH, body: "a".repeat(2_001) }, limits);
    await big.get();
    await big.get();
    assert.equal(big.count(), 2);
  });

  test("gives a compressed answer as often as it is asked for", async (t) => {
    const { gzipSync } = await import("node:zlib");
    const headers = { ...FRESH, "content-encoding": "gzip" };
    const { get, count } = await counting(t, { headers, body: gzipSync("packed") });
    assert.equal(await get(), "packed");
    assert.equal(await get(), "packed");
    assert.equal(count(), 1);
  });
});
