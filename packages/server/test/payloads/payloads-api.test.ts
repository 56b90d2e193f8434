/** `/v1/payloads` over HTTP, and over payloads that are stored. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import test from "node:test";
import { gunzipSync } from "node:zlib";
import { FILE_FROM, type PayloadApi, startPayloadApi } from "@millrace/testkit/payload-api";
import { connectRaw } from "@millrace/testkit/raw-http";
import { digestField } from "../../src/api/payloads/content-digest.ts";

type Problem = { status: number; code: string; detail?: string };
type Api = Pick<PayloadApi, "call">;

const hex = (bytes: Uint8Array, algorithm = "sha256"): string =>
  createHash(algorithm).update(bytes).digest("hex");

async function refusal(response: Response): Promise<string> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { code, status } = (await response.json()) as Problem;
  assert.equal(status, response.status);
  return `${status} ${code}`;
}

function put({ call }: Api, body: Buffer<ArrayBuffer>, headers = {}, query = "") {
  return call(`/v1/payloads${query}`, { method: "PUT", headers, body });
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

/** A GET without what fetch adds, and without what it takes away. */
function get(url: string, headers: Record<string, string>, method = "GET") {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      httpRequest(url, { method, headers }, (response) => {
        const { statusCode: status = 0 } = response;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
        response.on("end", () =>
          resolve({ status, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      })
        .on("error", reject)
        .end();
    },
  );
}

/** One that stands in the database, and one in a file. */
const SIZES = [1_000, FILE_FROM * 3 + 17];

test("bytes are put, read in whole and in part, described, verified and deleted", async (t) => {
  const api = await startPayloadApi(t);
  for (const size of SIZES) {
    const bytes = randomBytes(size);
    const digest = hex(bytes);
    const path = `/v1/payloads/${digest}`;
    const first = await put(api, bytes, { "content-type": "image/png" });
    assert.equal(first.status, 201);
    assert.equal(first.headers.get("location"), path);
    assert.equal(first.headers.get("etag"), `"${digest}"`);
    const info = (await first.json()) as Record<string, unknown>;
    const store = size < FILE_FROM ? "database" : "directory";
    const known = { digest, size, mediaType: "image/png", store, kept: true };
    assert.deepEqual(info, { ...known, createdAt: info["createdAt"] });
    const again = await put(api, bytes, { "content-type": "text/plain" });
    assert.equal(again.status, 200);
    assert.deepEqual(await again.json(), info);

    const whole = await api.call(path);
    assert.equal(whole.status, 200);
    assert.ok((await bytesOf(whole)).equals(bytes));
    assert.equal(whole.headers.get("content-length"), String(size));
    assert.equal(whole.headers.get("accept-ranges"), "bytes");
    assert.equal(whole.headers.get("repr-digest"), digestField(digest));
    assert.equal(whole.headers.get("cache-control"), "public, max-age=31536000, immutable");
    const head = await api.call(path, { method: "HEAD" });
    assert.equal(head.status, 200);
    const ranged = await api.call(path, { method: "HEAD", headers: { range: "bytes=10-19" } });
    assert.deepEqual(
      [ranged.status, ranged.headers.get("content-length"), ranged.headers.get("content-range")],
      [200, String(size), null],
    );
    for (const name of ["content-length", "content-type", "etag", "repr-digest", "cache-control"])
      assert.equal(head.headers.get(name), whole.headers.get(name), name);

    const part = await api.call(path, { headers: { range: `bytes=10-${size - 11}` } });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get("content-range"), `bytes 10-${size - 11}/${size}`);
    assert.ok((await bytesOf(part)).equals(bytes.subarray(10, size - 10)));
    const beyond = await api.call(path, { headers: { range: `bytes=${size}-` } });
    assert.equal(beyond.headers.get("content-range"), `bytes */${size}`);
    assert.equal(await refusal(beyond), "416 range-not-satisfiable");
    const several = await api.call(path, { headers: { range: "bytes=0-1,5-6" } });
    assert.equal(several.status, 200);
    assert.ok((await bytesOf(several)).equals(bytes));

    assert.deepEqual(await (await api.call(`${path}/info`)).json(), info);
    const verified = await api.call(`${path}/verify`, { method: "POST" });
    assert.deepEqual(await verified.json(), { ...info, copies: [{ store, state: "right" }] });
    assert.equal((await api.call(path, { method: "DELETE" })).status, 204);
    for (const method of ["GET", "HEAD", "DELETE"])
      assert.equal((await api.call(path, { method })).status, 404, method);
    assert.equal(await refusal(await api.call(`${path}/info`)), "404 payload-not-found");
    assert.equal(
      await refusal(await api.call(`${path}/verify`, { method: "POST" })),
      "404 payload-not-found",
    );
  }
});

test("nothing at all is a payload, too", async (t) => {
  const api = await startPayloadApi(t);
  const response = await api.call("/v1/payloads", { method: "PUT" });
  assert.equal(response.status, 201);
  const path = response.headers.get("location") ?? "";
  const read = await api.call(path);
  assert.deepEqual([read.status, read.headers.get("content-length")], [200, "0"]);
  assert.equal(read.headers.get("content-type"), "application/octet-stream");
  assert.equal((await api.call(path, { headers: { range: "bytes=0-" } })).status, 416);
});

test("who has the bytes is not sent them again, and who wants others is told so", async (t) => {
  const api = await startPayloadApi(t);
  for (const size of SIZES) {
    const bytes = randomBytes(size);
    await put(api, bytes);
    const path = `/v1/payloads/${hex(bytes)}`;
    const tag = `"${hex(bytes)}"`;
    for (const method of ["GET", "HEAD"]) {
      const known = await api.call(path, { method, headers: { "if-none-match": `"a", W/${tag}` } });
      assert.equal(known.status, 304);
      assert.equal(known.headers.get("etag"), tag);
      assert.equal((await known.text()).length, 0);
      const other = await api.call(path, { method, headers: { "if-match": '"a"' } });
      assert.equal(other.status, 412);
    }
    const stale = await api.call(path, { headers: { range: "bytes=0-1", "if-range": '"a"' } });
    assert.equal(stale.status, 200);
    const fresh = await api.call(path, { headers: { range: "bytes=0-1", "if-range": tag } });
    assert.equal((await bytesOf(fresh)).length, 2);
  }
});

test("texts are compressed for who accepts it, under a tag of their own", async (t) => {
  const api = await startPayloadApi(t);
  for (const size of SIZES) {
    const bytes = Buffer.from("All work and no play. ".repeat(FILE_FROM)).subarray(0, size + 500);
    await put(api, bytes, { "content-type": "text/plain" });
    const url = `${api.url}/v1/payloads/${hex(bytes)}`;
    const coded = await get(url, { "accept-encoding": "gzip" });
    assert.equal(coded.headers["content-encoding"], "gzip");
    assert.equal(coded.headers["vary"], "accept-encoding");
    assert.ok(gunzipSync(coded.body).equals(bytes));
    assert.ok(coded.body.length < size / 2);
    const tag = String(coded.headers["etag"]);
    assert.equal(tag, `W/"${hex(bytes)}-gzip"`);
    const head = await get(url, { "accept-encoding": "gzip" }, "HEAD");
    assert.deepEqual([head.headers["etag"], head.headers["content-length"]], [tag, undefined]);
    const known = await get(url, { "accept-encoding": "gzip", "if-none-match": tag });
    assert.deepEqual([known.status, known.headers["etag"]], [304, tag]);
    const plain = await get(url, {});
    assert.deepEqual(
      [plain.headers["content-encoding"], plain.headers["vary"], plain.body.length],
      [undefined, "accept-encoding", bytes.length],
    );
    const part = await get(url, { "accept-encoding": "gzip", range: "bytes=0-9" });
    assert.deepEqual([part.status, part.body.toString()], [206, "All work a"]);
  }
});

test("what was stored cannot run in the name of the server", async (t) => {
  const api = await startPayloadApi(t);
  const cases = [
    ["text/html", true],
    ["image/svg+xml", true],
    ["application/xhtml+xml", true],
    ["text/javascript", true],
    ["application/pdf", true],
    ["image/png", false],
    ["text/plain; charset=utf-8", false],
  ] as const;
  for (const [type, isAttached] of cases) {
    const bytes = Buffer.from(`<script>alert(1)</script> ${type}`);
    await put(api, bytes, { "content-type": type });
    const { headers } = await api.call(`/v1/payloads/${hex(bytes)}`);
    assert.equal(headers.get("content-type"), type);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy") ?? "", /^sandbox; default-src 'none'$/);
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
    assert.equal(headers.has("content-disposition"), isAttached, type);
  }
});

test("a digest that is sent along is checked, in headers and in trailers", async (t) => {
  const api = await startPayloadApi(t);
  const bytes = randomBytes(FILE_FROM + 1);
  const right = digestField(hex(bytes));
  const other = digestField(hex(Buffer.from("other")));
  const long = (of: Uint8Array): string =>
    `sha-512=:${Buffer.from(hex(of, "sha512"), "hex").toString("base64")}:`;
  const wrong: [Record<string, string>, string][] = [
    [{ "content-digest": other }, "400 digest-mismatch"],
    [{ "repr-digest": other }, "400 digest-mismatch"],
    [{ "content-digest": long(Buffer.from("other")) }, "400 digest-mismatch"],
    [{ "content-digest": `${right}, ${long(Buffer.from("other"))}` }, "400 digest-mismatch"],
    [{ "content-digest": hex(bytes) }, "400 invalid-digest"],
    [{ "content-digest": right, "repr-digest": other }, "400 invalid-digest"],
  ];
  for (const [headers, expected] of wrong)
    assert.equal(await refusal(await put(api, bytes, headers)), expected, JSON.stringify(headers));
  assert.deepEqual(await api.traces(), [0, 0]);

  const trailing = async (field: string): Promise<string> => {
    const { send, ended } = connectRaw(api.url);
    send("PUT /v1/payloads HTTP/1.1\r\nHost: localhost\r\nTrailer: Content-Digest\r\n");
    send("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n");
    send(`Content-Digest: ${field}\r\n\r\n`);
    return ended();
  };
  assert.match(await trailing(other), /^HTTP\/1\.1 400 [\s\S]*"digest-mismatch"/);
  assert.match(await trailing("nonsense"), /^HTTP\/1\.1 400 [\s\S]*"invalid-digest"/);
  assert.deepEqual(await api.traces(), [0, 0]);
  assert.match(await trailing(digestField(hex(Buffer.from("body")))), /^HTTP\/1\.1 201 /);
  const all = { "content-digest": `${right}, ${long(bytes)}`, "repr-digest": right };
  assert.equal((await put(api, bytes, all)).status, 201);
});

test("headers that make no payload are refused before the body is read", async (t) => {
  const api = await startPayloadApi(t, { payloadMaxBytes: 100_000 });
  const cases: [Record<string, string>, string, string][] = [
    [{ "content-type": "image/*" }, "", "415 unsupported-media-type"],
    [{ "content-type": "nonsense" }, "", "415 unsupported-media-type"],
    [{ "content-type": `text/${"x".repeat(300)}` }, "", "415 unsupported-media-type"],
    [{ "content-type": "text/plain; a=\u00ff" }, "", "415 unsupported-media-type"],
    [{ "content-encoding": "gzip" }, "", "415 unsupported-media-type"],
    [{ "content-range": "bytes 0-9/10" }, "", "400 invalid-request"],
    [{ "content-length": "100001" }, "", "413 payload-too-large"],
    [{}, "?ttl=soon", "400 invalid-request"],
    [{}, "?ttl=0s", "400 invalid-request"],
    [{}, "?ttl=1h&ttl=2h", "400 invalid-request"],
    [{}, "?ttl=999999999999d", "400 invalid-request"],
  ];
  for (const [headers, query, expected] of cases) {
    // A sender that waits for a word gets the answer in its place.
    const { send, ended } = connectRaw(api.url);
    const given = { host: "localhost", expect: "100-continue", "content-length": "10", ...headers };
    const lines = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`);
    send(Buffer.from(`PUT /v1/payloads${query} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"));
    const [status, code] = expected.split(" ");
    const pattern = new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*"code":"${code}"`);
    assert.match(await ended(), pattern, JSON.stringify(headers) + query);
  }
  assert.deepEqual(await api.traces(), [0, 0]);
});
