import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { FILE_FROM, type PayloadApi, startPayloadApi } from "@millrace/testkit/payload-api";
import { connectRaw } from "@millrace/testkit/raw-http";
import fc from "fast-check";

type Problem = { status: number; code: string; detail?: string; requestId?: string };

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

async function refusal(response: Response): Promise<string> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { code, status, requestId } = (await response.json()) as Problem;
  assert.equal(status, response.status);
  assert.ok(requestId);
  return `${status} ${code}`;
}

type Body = NonNullable<RequestInit["body"]>;

/** POSTs bytes as they are. */
function send({ call }: PayloadApi, body: Body, headers: Record<string, string> = {}) {
  const type = { "content-type": "application/json" };
  return call("/messages", { method: "POST", headers: { ...type, ...headers }, body });
}

test("a message is put, read and deleted under the digest of its bytes", async (t) => {
  const { post, call } = await startPayloadApi(t);
  const digest = "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3";
  const first = await post("/messages", { message: "Hello, world!" });
  assert.equal(first.status, 201);
  assert.equal(first.headers.get("location"), `/messages/${digest}`);
  assert.equal(first.headers.get("content-type"), "application/json; charset=utf-8");
  assert.deepEqual(await first.json(), { digest });
  const again = await post("/messages", { message: "Hello, world!" });
  assert.equal(again.status, 200);
  assert.deepEqual(await again.json(), { digest });

  const read = await call(`/messages/${digest}`);
  assert.equal(read.status, 200);
  assert.deepEqual(await read.json(), { message: "Hello, world!" });
  const head = await call(`/messages/${digest}`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  assert.equal(head.headers.get("content-length"), String('{"message":"Hello, world!"}'.length));

  const gone = await call(`/messages/${digest}`, { method: "DELETE" });
  assert.equal(gone.status, 200);
  assert.deepEqual(await gone.json(), { digest });
  for (const method of ["GET", "DELETE"]) {
    const response = await call(`/messages/${digest}`, { method });
    assert.equal(await refusal(response), "404 message-not-found", method);
  }
});

test("any text comes back as it was, under the digest of its UTF-8 bytes", async (t) => {
  const { post, call } = await startPayloadApi(t);
  const texts = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "\0", "\ufeff", "\u2028", '"\\', "\u{10ffff}", "__proto__"),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (message) => {
      const { digest } = (await (await post("/messages", { message })).json()) as {
        digest: string;
      };
      assert.equal(digest, digestOf(message));
      assert.deepEqual(await (await call(`/messages/${digest}`)).json(), { message });
    }),
    { numRuns: 200 },
  );
});

test("spellings of one JSON text are one message", async (t) => {
  const api = await startPayloadApi(t);
  const spellings = [
    '{"message":"h\u00e9"}',
    ' {\n"message" : "h\\u00e9" }',
    '\ufeff{"message":"hé"}',
  ];
  for (const body of spellings) {
    const { digest } = (await (await send(api, body)).json()) as { digest: string };
    assert.equal(digest, digestOf("h\u00e9"), body);
  }
  assert.deepEqual(await api.traces(), [1, 0]);
});

test("a body that is no message is refused, and nothing is stored", async (t) => {
  const api = await startPayloadApi(t, { maxBodyBytes: 4_096 });
  const cases: [Body, string][] = [
    ["", "400 invalid-body"],
    ["{", "400 invalid-body"],
    ['{"message":"a"} x', "400 invalid-body"],
    [Buffer.from('{"message":"\xff"}', "latin1"), "400 invalid-body"],
    [Buffer.from('{"message":"\xed\xa0\x80"}', "latin1"), "400 invalid-body"],
    ["null", "400 invalid-message"],
    ['"message"', "400 invalid-message"],
    ['[{"message":"a"}]', "400 invalid-message"],
    ["{}", "400 invalid-message"],
    ['{"Message":"a"}', "400 invalid-message"],
    ['{"message":1}', "400 invalid-message"],
    ['{"message":null}', "400 invalid-message"],
    ['{"message":{"message":"a"}}', "400 invalid-message"],
    ['{"message":"a","note":"b"}', "400 invalid-message"],
    ['{"message":"a","__proto__":{}}', "400 invalid-message"],
    ['{"__proto__":{"message":"a"}}', "400 invalid-message"],
    ['{"message":"\\ud800"}', "400 invalid-message"],
    ['{"message":"\\udc00\\ud800"}', "400 invalid-message"],
    [`{"message":${"[".repeat(2_000)}`, "400 invalid-body"],
    [`{"message":"${"x".repeat(5_000)}"}`, "413 payload-too-large"],
  ];
  for (const [body, expected] of cases) {
    const text = typeof body === "string" ? body : "bytes";
    assert.equal(await refusal(await send(api, body)), expected, text.slice(0, 40));
  }
  assert.deepEqual(await api.traces(), [0, 0]);
});

test("a message comes as JSON in UTF-8, without a content coding", async (t) => {
  const api = await startPayloadApi(t);
  const body = '{"message":"a"}';
  const refused: Record<string, string>[] = [
    { "content-type": "text/plain" },
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "application/jsonp" },
    { "content-type": "application/json; charset=iso-8859-1" },
    { "content-type": 'application/json; v=1; charset="utf-16"' },
    { "content-type": "" },
    { "content-encoding": "gzip" },
  ];
  for (const headers of refused) {
    const response = await send(api, body, headers);
    assert.equal(await refusal(response), "415 unsupported-media-type", JSON.stringify(headers));
  }
  assert.deepEqual(await api.traces(), [0, 0]);
  const taken: Record<string, string>[] = [
    { "content-type": "Application/JSON" },
    { "content-type": "application/json; charset=UTF-8" },
    { "content-type": 'application/json;charset="utf-8"; v=1' },
    { "content-type": "application/json; v=1" },
    { "content-encoding": "identity" },
  ];
  for (const headers of taken) {
    assert.ok((await send(api, body, headers)).ok, JSON.stringify(headers));
  }
});

test("a digest is 64 lower-case hexadecimal digits", async (t) => {
  const { call } = await startPayloadApi(t);
  const digest = digestOf("x");
  const bad = ["x", digest.slice(1), `${digest}0`, digest.toUpperCase(), `${digest.slice(1)}g`];
  for (const each of [...bad, "%00", "a".repeat(3_000), "..%2f"]) {
    for (const method of ["GET", "DELETE"]) {
      const response = await call(`/messages/${each}`, { method });
      assert.equal(await refusal(response), "400 invalid-digest", each.slice(0, 80));
    }
  }
  const shouted = await call(`/messages/${digest.toUpperCase()}`);
  assert.match(((await shouted.json()) as Problem).detail ?? "", /expected lower-case digits$/);
});

const HEAD = "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

test("a client that stops half-way leaves nothing behind", async (t) => {
  const { url, traces, call } = await startPayloadApi(t);
  const whole = '{"message":"half"}';
  const framings = [
    `Content-Length: ${whole.length}\r\n\r\n${whole.slice(0, 9)}`,
    `Transfer-Encoding: chunked\r\n\r\n9\r\n${whole.slice(0, 9)}\r\n`,
    // Whole as a message, but not as a request.
    `Content-Length: ${whole.length + 1}\r\n\r\n${whole}`,
    `Transfer-Encoding: chunked\r\n\r\n12\r\n${whole}\r\n`,
  ];
  for (const framing of framings) {
    const { socket, send: write, ended } = connectRaw(url);
    write(HEAD + framing);
    await call("/healthz");
    socket.end();
    // Nothing was answered, or that the body ended too soon.
    assert.match(await ended(), /^(?:$|HTTP\/1\.1 400 )/);
  }
  assert.deepEqual(await traces(), [0, 0]);
});

test("requests that come at once on one connection are answered in order", async (t) => {
  const { url } = await startPayloadApi(t);
  const digests = ["a", "b", "c"].map(digestOf);
  const puts = ["a", "b", "c"].map((message) => {
    const body = JSON.stringify({ message });
    return `${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
  });
  const line = (method: string, path: string, more = "") =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  const { send: write, until, ended } = connectRaw(url);
  write(puts.join(""));
  const posted = await until(/(?:"digest"[\s\S]*){3}/);
  const order = Array.from(posted.matchAll(/\{"digest":"(\w+)"\}/g), ([, digest]) => digest);
  assert.deepEqual(order, digests);
  write(line("GET", `/messages/${digests[1]}`) + line("HEAD", `/messages/${digests[0]}`));
  write(line("GET", "/messages/x") + line("GET", `/messages/${digestOf("d")}`));
  write(line("DELETE", `/messages/${digests[2]}`, "Connection: close\r\n"));
  const text = (await ended()).slice(posted.length);
  const statuses = Array.from(text.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status);
  assert.deepEqual(statuses, ["200", "200", "400", "404", "200"]);
  assert.match(text, /\{"message":"b"\}HTTP/);
});

test("a body that is too large is refused while it is still being sent", async (t) => {
  const { url, traces, timers } = await startPayloadApi(t, { maxBodyBytes: 4_096 });
  const lengths = [
    "Content-Length: 1000000\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nF4240\r\n",
  ];
  for (const length of lengths) {
    const { send: write, until, ended } = connectRaw(url);
    write(`${HEAD}${length}{"message":"${"x".repeat(10_000)}`);
    assert.match(await until(/payload-too-large/), /^HTTP\/1\.1 413 /);
    // Who goes on is listened to for a while, and then cut off.
    write("x".repeat(10_000));
    timers.fire();
    await ended();
  }
  assert.deepEqual(await traces(), [0, 0]);
});

test("who waits for a word before a body that is too large is refused without it", async (t) => {
  const { url } = await startPayloadApi(t, { maxBodyBytes: 4_096 });
  const refused = connectRaw(url);
  refused.send(`${HEAD}Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n`);
  assert.match(await refused.ended(), /^HTTP\/1\.1 413 [\s\S]*payload-too-large/);
  const taken = connectRaw(url);
  taken.send(`${HEAD}Expect: 100-continue\r\nContent-Length: 15\r\nConnection: close\r\n\r\n`);
  await taken.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  taken.send('{"message":"a"}');
  assert.match(await taken.ended(), /\r\n\r\nHTTP\/1\.1 201 /);
});

test("bytes that are no text, or too many for one, are not acceptable as a message", async (t) => {
  const limit = FILE_FROM * 2;
  const { call, payloads } = await startPayloadApi(t, { maxBodyBytes: limit });
  const { digest } = await payloads.keep("default", Buffer.from([0xff, 0xfe]));
  const response = await call(`/messages/${digest}`);
  assert.equal(await refusal(response), "406 not-acceptable");
  const text = "y".repeat(limit);
  const large = await payloads.keep("default", Buffer.from(text));
  assert.equal(large.store, "directory");
  const read = await call(`/messages/${large.digest}`);
  assert.deepEqual(await read.json(), { message: text });
  const huge = await payloads.keep("default", Buffer.from(`${text}z`));
  assert.equal(await refusal(await call(`/messages/${huge.digest}`)), "406 not-acceptable");
});

test("who has a message is not sent it again, and is told when it is gone", async (t) => {
  const origin = "https://console.test";
  for (const origins of [[], [origin]]) {
    const { post, call } = await startPayloadApi(t, { origins });
    await post("/messages", { message: "here" });
    const path = `/messages/${digestOf("here")}`;
    const tag = `"${digestOf("here")}"`;
    for (const method of ["GET", "HEAD"]) {
      const first = await call(path, { method });
      const named = ["etag", "cache-control"].map((name) => first.headers.get(name));
      assert.deepEqual([first.status, ...named], [200, tag, "no-cache"]);
      const body = await first.text();
      assert.equal(body, method === "GET" ? '{"message":"here"}' : "");
      for (const known of [tag, `"a", W/${tag}`, "*"]) {
        const again = await call(path, { method, headers: { "if-none-match": known } });
        assert.deepEqual([again.status, again.headers.get("etag")], [304, tag], known);
        assert.equal(again.headers.get("content-type"), null);
        assert.equal(await again.text(), "");
      }
      const other = { "if-none-match": '"a"', "if-match": `"a", ${tag}` };
      assert.equal((await call(path, { method, headers: other })).status, 200);
      const refused = await call(path, { method, headers: { "if-match": '"a"' } });
      assert.equal(refused.status, 412);
    }
    await call(path, { method: "DELETE" });
    const gone = await call(path, { headers: { "if-none-match": tag } });
    assert.equal(await refusal(gone), "404 message-not-found");
    assert.equal(gone.headers.get("cache-control"), "no-store");
  }
});

test("another tenant's message is not there", async (t) => {
  const { call, payloads } = await startPayloadApi(t);
  const { digest } = await payloads.keep("other", Buffer.from("theirs"));
  assert.equal(await refusal(await call(`/messages/${digest}`)), "404 message-not-found");
});

test("a damaged message, and a store that is away, are told apart", async (t) => {
  const { call, post, damage, takeDatabaseAway } = await startPayloadApi(t);
  await post("/messages", { message: "precious" });
  const digest = digestOf("precious");
  await damage(digest);
  assert.equal(await refusal(await call(`/messages/${digest}`)), "500 payload-corrupt");
  assert.deepEqual(await (await call("/readyz/messages")).json(), { status: "ready" });
  await takeDatabaseAway();
  const requests = [
    post("/messages", { message: "a" }),
    call(`/messages/${digest}`),
    call(`/messages/${digest}`, { method: "DELETE" }),
    call("/readyz/messages"),
  ];
  for (const response of await Promise.all(requests)) {
    assert.ok(response.headers.get("retry-after"), String(response.status));
    assert.equal(await refusal(response), "503 unavailable");
  }
});

test("messages are behind the same door as everything else", async (t) => {
  const key = "k".repeat(16);
  const locked = await startPayloadApi(t, { apiKeys: [key], origins: ["https://console.test"] });
  assert.equal(await refusal(await locked.post("/messages", { message: "a" })), "401 unauthorized");
  const open = { "x-api-key": key, origin: "https://console.test" };
  const put = await locked.post("/messages", { message: "a" }, open);
  assert.equal(put.status, 201);
  assert.equal(put.headers.get("access-control-allow-origin"), "https://console.test");
  assert.equal(put.headers.get("vary"), "origin");
  assert.deepEqual(await put.json(), { digest: digestOf("a") });
  const path = `/messages/${digestOf("a")}`;
  const wanted = { origin: open.origin, "access-control-request-method": "DELETE" };
  const asked = await locked.call(path, { method: "OPTIONS", headers: wanted });
  assert.match(asked.headers.get("access-control-allow-methods") ?? "", /, DELETE/);
  const gone = await locked.call(path, { method: "DELETE", headers: open });
  assert.equal(gone.status, 200);
  assert.equal(gone.headers.get("access-control-allow-origin"), "https://console.test");
  const { post } = await startPayloadApi(t);
  const foreign = await post("/messages", { message: "a" }, { origin: "https://evil.test" });
  assert.equal(await refusal(foreign), "403 origin-refused");
});
