/** What holds for every route: bodies, addresses, keys, hosts, origins, probes. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import test from "node:test";
import { startTestApi } from "@millrace/testkit/api";
import type { Payloads } from "../payloads/payloads.ts";
import { ConfigError } from "../config.ts";
import { MAX_DEPTH } from "./json.ts";

const STARTS = "/v1/workflows/shop/order/instances";
const KEY = "k".repeat(16);
const OTHER_KEY = "o".repeat(20);

type Problem = { status: number; code: string; type: string; detail?: string; requestId?: string };

async function problem(response: Response): Promise<Problem> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = (await response.json()) as Problem;
  assert.equal(body.status, response.status);
  assert.equal(body.type, `urn:millrace:error:${body.code}`);
  assert.ok(body.requestId);
  return body;
}

/** A GET with headers that fetch does not let one set. */
function get(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("bodies that cannot be read are 400, 413 or 415", async (t) => {
  const { post, call } = await startTestApi(t, { maxBodyBytes: 4_096 });
  const nested = (depth: number) => `{"input":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const cases: [string | Buffer<ArrayBuffer>, string, RegExp][] = [
    ["{", "invalid-body", /not JSON/],
    ["nope", "invalid-body", /not JSON/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), "invalid-body", /not UTF-8/],
    [nested(MAX_DEPTH), "invalid-body", /nested deeper/],
    ['{"input":{"__proto__":{"a":1}}}', "invalid-body", /__proto__/],
    ['{"input":{"\\u005f_proto__":{"a":1}}}', "invalid-body", /__proto__/],
    ['{"input":[{"constructor":{"prototype":{}}}]}', "invalid-body", /constructor/],
    ['{"input":[1e400]}', "invalid-body", /larger than a double/],
    [`{"input":{"a":-1${"0".repeat(309)}}}`, "invalid-body", /larger than a double/],
    [`{"input":"${"x".repeat(5_000)}"}`, "payload-too-large", /./],
  ];
  for (const [body, code, detail] of cases) {
    const response = await call(STARTS, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const refusal = await problem(response);
    assert.equal(refusal.code, code, String(body).slice(0, 40));
    assert.match(refusal.detail ?? "", detail);
  }
  const form = await post(STARTS, "a=1", { "content-type": "application/x-www-form-urlencoded" });
  assert.equal((await problem(form)).code, "unsupported-media-type");
  // Deep, but not too deep, and brackets inside strings don't count: these reach the (absent) workflow.
  const large = `{"input":["1e400",1e308,1e-400,"${"1".repeat(400)}"]}`;
  for (const body of [nested(MAX_DEPTH - 2), `{"input":"${"[".repeat(999)}\\""}`, large]) {
    assert.equal((await problem(await post(STARTS, body))).code, "workflow-not-found");
  }
  const harmless = await post(STARTS, '{"input":{"constructor":"x","note":"__proto__"}}');
  assert.equal((await problem(harmless)).code, "workflow-not-found");
});

test("an unknown address is 404; a known one under another method is 405 with Allow", async (t) => {
  const { call } = await startTestApi(t);
  for (const path of ["/", "/v1", "/v2/instances", "/v1/instances/a/b/c"]) {
    assert.equal((await problem(await call(path))).code, "route-not-found", path);
  }
  const cases: [string, string, string][] = [
    ["DELETE", "/v1/workflows", "HEAD, GET, POST"],
    ["PUT", `/v1/instances/${KEY}`, "HEAD, GET"],
    ["GET", `/v1/instances/${KEY}/cancel?x=1`, "POST"],
    ["PATCH", "/v1/events", "POST"],
  ];
  for (const [method, path, allow] of cases) {
    const response = await call(path, { method });
    const names = (text: string) => text.split(", ").toSorted();
    assert.deepEqual(names(response.headers.get("allow") ?? ""), names(allow), path);
    assert.equal((await problem(response)).code, "method-not-allowed");
  }
});

test("with keys set, every address but the probes needs one of them", async (t) => {
  const { call } = await startTestApi(t, { apiKeys: [KEY, OTHER_KEY] });
  for (const path of ["/v1/instances", "/metrics", "/openapi.json", "/nowhere"]) {
    const response = await call(path);
    assert.equal(response.status, 401, path);
    assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer/);
    assert.equal((await problem(response)).code, "unauthorized");
  }
  const wrong = [`Bearer ${KEY}x`, `Bearer ${KEY.slice(1)}`, `Basic ${KEY}`, "Bearer", ""];
  for (const authorization of wrong) {
    const response = await call("/v1/instances", { headers: { authorization } });
    assert.equal(response.status, 401, authorization);
  }
  const right = [
    { authorization: `Bearer ${KEY}` },
    { authorization: `bearer ${OTHER_KEY}` },
    { "x-api-key": OTHER_KEY },
  ];
  for (const headers of right) {
    assert.equal((await call("/v1/instances", { headers: { ...headers } })).status, 200);
  }
  assert.equal((await problem(await call("/readyz/messages"))).code, "unavailable");
  for (const path of ["/healthz", "/readyz"]) assert.equal((await call(path)).status, 200, path);
});

test("an address that others reach is refused without a key, before anything listens", async (t) => {
  for (const host of ["0.0.0.0", "::", "192.0.2.7"]) {
    await assert.rejects(startTestApi(t, { host }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /MILLRACE_API_KEYS/);
      return true;
    });
  }
  const { url, call } = await startTestApi(t, { host: "0.0.0.0", apiKeys: [KEY] });
  assert.match(url, /^http:\/\/127\.0\.0\.1:/);
  assert.equal((await call("/v1/instances")).status, 401);
});

test("without keys, foreign Host headers are refused: DNS rebinding", async (t) => {
  const { url } = await startTestApi(t, { allowedHosts: ["millrace.test"] });
  const { port } = new URL(url);
  for (const host of [
    `localhost:${port}`,
    "127.0.0.1",
    `[::1]:${port}`,
    "LOCALHOST",
    "millrace.test:80",
  ]) {
    assert.equal(await get(`${url}/v1/instances`, { host }), 200, host);
  }
  for (const host of ["evil.example", `localhost.evil.example:${port}`, "127.0.0.1.evil.example"]) {
    assert.equal(await get(`${url}/v1/instances`, { host }), 421, host);
  }
});

test("without keys, pages of other origins are refused: drive-by requests", async (t) => {
  const { call } = await startTestApi(t, { allowedHosts: ["console.test"] });
  for (const origin of ["https://evil.example", "null", "http://localhost.evil.example"]) {
    const response = await call("/v1/workflows", {
      method: "POST",
      headers: { origin, "content-type": "text/plain" },
      body: "document: {}",
    });
    assert.equal((await problem(response)).code, "origin-refused", origin);
  }
  for (const origin of [
    "http://localhost:3000",
    "http://127.0.0.1:7070",
    "http://[::1]:1",
    "https://console.test",
  ]) {
    assert.equal((await call("/v1/instances", { headers: { origin } })).status, 200, origin);
  }
});

test("pages of the origins named may call, with keys or without; others are told nothing", async (t) => {
  const CONSOLE = "https://console.test";
  const ask = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  };
  for (const apiKeys of [[], [KEY]]) {
    const { call, post } = await startTestApi(t, { origins: [CONSOLE], apiKeys });
    const preflight = (origin: string) =>
      call(STARTS, { method: "OPTIONS", headers: { origin, ...ask } });
    const allowed = await preflight(CONSOLE);
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get("access-control-allow-origin"), CONSOLE);
    assert.equal(
      allowed.headers.get("access-control-allow-headers"),
      ask["access-control-request-headers"],
    );
    const methods = (allowed.headers.get("access-control-allow-methods") ?? "").split(", ");
    const key = { authorization: `Bearer ${KEY}` };
    const document = await (await call("/openapi.json", { headers: key })).json();
    const { paths } = document as { readonly paths: Readonly<Record<string, object>> };
    const used = Object.values(paths).flatMap((operations) => Object.keys(operations));
    for (const method of used) assert.ok(methods.includes(method.toUpperCase()), method);
    const refused = await preflight("https://evil.test");
    assert.ok(refused.status >= 400);
    assert.equal(refused.headers.get("access-control-allow-origin"), null);

    const answer = await post(STARTS, {}, { origin: CONSOLE, ...key });
    assert.equal((await problem(answer)).code, "workflow-not-found");
    assert.equal(answer.headers.get("access-control-allow-origin"), CONSOLE);
    assert.equal(answer.headers.get("vary"), "origin");
    const keyless = await post(STARTS, {}, { origin: CONSOLE });
    assert.equal(keyless.status, apiKeys.length === 0 ? 404 : 401);
    const other = await post(STARTS, {}, { origin: "https://evil.test" });
    assert.equal(other.status, apiKeys.length === 0 ? 403 : 401);
    assert.equal(other.headers.get("access-control-allow-origin"), null);
  }
});

test("bytes that are no HTTP request get a problem, and so do headers that are too large", async (t) => {
  const { url } = await startTestApi(t);
  const exchange = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => void (answer += text));
      socket.on("end", () => resolve(answer)).on("error", reject);
      socket.write(bytes);
    });
  assert.match(
    await exchange("HELLO\r\n\r\n"),
    /^HTTP\/1\.1 400 [\s\S]*problem\+json[\s\S]*"invalid-request"/,
  );
  const large = `GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: ${"x".repeat(40_000)}\r\n\r\n`;
  assert.match(await exchange(large), /^HTTP\/1\.1 431 [\s\S]*"headers-too-large"/);
  const hostless = await exchange("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
  assert.match(hostless, /^HTTP\/1\.1 400 [\s\S]*"invalid-request"[\s\S]*no Host header/);
  const query = await exchange("QUERY / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  assert.match(query, /^HTTP\/1\.1 400 [\s\S]*"invalid-request"/);
  const hopeful =
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\nConnection: close\r\n\r\n";
  assert.match(await exchange(hopeful), /^HTTP\/1\.1 200 /);
});

test("health says alive, readiness says what is missing, metrics are exposed", async (t) => {
  const { call, runtime } = await startTestApi(t);
  assert.deepEqual(await (await call("/readyz")).json(), { status: "ready" });
  runtime.reasons = ["partition 3 is not owned"];
  const unready = await call("/readyz");
  assert.equal(unready.status, 503);
  assert.equal(unready.headers.get("content-type"), "application/problem+json");
  const { detail, code } = (await unready.json()) as Problem;
  assert.deepEqual([code, detail], ["unavailable", "partition 3 is not owned"]);
  // Whether it has messages is another question.
  const { detail: why } = (await (await call("/readyz/messages")).json()) as Problem;
  assert.equal(why, "this server has no payloads");
  assert.deepEqual(await (await call("/healthz")).json(), { status: "alive" });
  const metrics = await call("/metrics");
  assert.equal(metrics.headers.get("content-type"), "text/plain; version=0.0.4");
  assert.equal(await metrics.text(), "up 1\n");
});

test("a store that does not answer makes the server unready, not silent", async (t) => {
  let asked = Promise.withResolvers<void>();
  const hang = (): Promise<never> => {
    asked.resolve();
    return new Promise(() => {});
  };
  const payloads = { find: hang } as unknown as Payloads;
  const { call, runtime, timers } = await startTestApi(t, {}, { payloads });
  runtime.health = hang;
  for (const path of ["/readyz", "/readyz/messages"]) {
    asked = Promise.withResolvers();
    const waiting = call(path);
    await asked.promise;
    timers.fire();
    const response = await waiting;
    assert.equal(response.status, 503);
  }
});
