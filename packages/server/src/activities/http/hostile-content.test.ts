import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { startHttpFixture } from "@millrace/testkit/http";
import { activityRequest, caller, kindOf } from "../testing.ts";

const MiB = 1024 * 1024;
const zeros = Buffer.alloc(64 * MiB);

describe("a body that is small on the wire and huge unpacked", () => {
  const BOMBS: Readonly<Record<string, () => Buffer>> = {
    gzip: () => gzipSync(zeros),
    deflate: () => deflateSync(zeros),
    br: () => brotliCompressSync(zeros),
    zstd: () => zstdCompressSync(zeros),
    "gzip, gzip": () => gzipSync(gzipSync(zeros)),
    "gzip, br, zstd": () => zstdCompressSync(brotliCompressSync(gzipSync(zeros))),
  };
  for (const [coding, pack] of Object.entries(BOMBS)) {
    test(`${coding} bomb`, async (t) => {
      const body = pack();
      assert.ok(body.length < MiB);
      const headers = { "content-encoding": coding, "content-type": "text/plain" };
      const server = await startHttpFixture(() => ({ headers, body }));
      t.after(() => server.close());
      const { refused } = caller(t, { limits: { maxContentBytes: MiB } });
      const error = await refused({ method: "get", endpoint: server.origin });
      assert.equal(kindOf(error), "communication 502");
      assert.match(error.detail ?? "", /larger than 1048576 bytes/);
    });
  }

  test("codings nested without end, unknown, or not what they say", async (t) => {
    for (const coding of ["gzip, gzip, gzip, gzip", "lzma", "gzip", "br", "zstd", "deflate"]) {
      const headers = { "content-encoding": coding };
      const server = await startHttpFixture(() => ({ headers, body: "plain" }));
      t.after(() => server.close());
      const error = await caller(t).refused({ method: "get", endpoint: server.origin });
      assert.equal(kindOf(error), "communication 502", coding);
    }
  });
});

describe("content that is not what it says", () => {
  const answered = async (
    t: Parameters<typeof caller>[0],
    type: string | undefined,
    body: Buffer | string,
  ) => {
    const headers = type === undefined ? {} : { "content-type": type };
    const server = await startHttpFixture(() => ({ headers, body }));
    t.after(() => server.close());
    const { activities } = caller(t);
    const input = { method: "get", endpoint: server.origin };
    return activities.execute(activityRequest("call:http", input), new AbortController().signal);
  };
  const failed = (result: Awaited<ReturnType<typeof answered>>) =>
    "error" in result ? kindOf(result.error) : JSON.stringify(result.output);

  test("JSON nested 100,000 deep", async (t) => {
    for (const body of ["[".repeat(100_000) + "]".repeat(100_000), '{"a":'.repeat(100_000)]) {
      assert.equal(failed(await answered(t, "application/json", body)), "communication 502");
    }
  });

  test("HTML that says it is JSON", async (t) => {
    assert.equal(failed(await answered(t, "application/json", "<html>")), "communication 502");
  });

  test("JSON that is not UTF-8", async (t) => {
    const body = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
    assert.equal(failed(await answered(t, "application/json", body)), "communication 502");
  });

  test("JSON that says it is text or nothing stays text", async (t) => {
    for (const type of ["text/plain", undefined]) {
      assert.deepEqual(await answered(t, type, '{"a":1}'), { output: '{"a":1}' });
    }
  });

  test("text that is not UTF-8 has replacement characters; without a type it is base64", async (t) => {
    const body = Buffer.from([0x61, 0xff, 0x62]);
    assert.deepEqual(await answered(t, "text/plain", body), { output: "a\ufffdb" });
    assert.deepEqual(await answered(t, undefined, body), { output: body.toString("base64") });
  });

  test("an unknown charset, and a type that is none", async (t) => {
    assert.deepEqual(await answered(t, "text/plain; charset=klingon", "a"), { output: "a" });
    assert.deepEqual(await answered(t, "nonsense", "a"), { output: "YQ==" });
  });

  test("JSON with __proto__ is data", async (t) => {
    const result = await answered(t, "application/json", '{"__proto__":{"polluted":1}}');
    assert.equal(JSON.stringify(result), '{"output":{"__proto__":{"polluted":1}}}');
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });
});

describe("a redirect", () => {
  const private_ = (host: string) =>
    Promise.resolve([
      host === "inside.test"
        ? { address: "10.0.0.7", family: 4 }
        : { address: "127.0.0.1", family: 4 },
    ]);
  for (const location of [
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://2852039166/",
    "http://0251.0376.0251.0376/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[fe80::1]/",
    "http://inside.test/",
    "//inside.test:8080/x",
  ]) {
    test(`to ${location} is refused`, async (t) => {
      const server = await startHttpFixture(() => ({ status: 302, headers: { location } }));
      t.after(() => server.close());
      const { refused } = caller(t, { resolve: private_ });
      const error = await refused({ method: "get", endpoint: server.origin, redirect: true });
      assert.equal(kindOf(error), "authorization 403");
      assert.equal(server.requests.length, 1);
    });
  }

  test("to a file, a script, a Unix socket or an empty host is refused", async (t) => {
    for (const location of [
      "file:///etc/passwd",
      "javascript:alert(1)",
      "unix:/var/run/docker.sock",
      "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
      "gopher://127.0.0.1/",
      "http://",
      "http:///",
      "http://a b/",
      "http://[fe80::1%25eth0]/",
    ]) {
      const server = await startHttpFixture(() => ({ status: 302, headers: { location } }));
      t.after(() => server.close());
      const error = await caller(t).refused({
        method: "get",
        endpoint: server.origin,
        redirect: true,
      });
      assert.equal(kindOf(error), "authorization 403", location);
    }
  });
});

describe("a request that an author's data could bend", () => {
  test("names and values with line breaks or NUL are refused before anything is sent", async (t) => {
    const server = await startHttpFixture(() => ({}));
    t.after(() => server.close());
    const { refused } = caller(t);
    for (const headers of [
      { "x-a": "b\r\nx-evil: 1" },
      { "x-a": "b\nc" },
      { "x-a": "b\0c" },
      { "x-a\r\nx-evil": "1" },
      { "x a": "1" },
      { "": "1" },
      { "x-a": "\u{1f600}" },
      { "content-length": "1" },
      { "Transfer-Encoding": "chunked" },
      { host: "other.example" },
    ]) {
      const error = await refused({ method: "post", endpoint: server.origin, headers, body: "x" });
      assert.equal(kindOf(error), "configuration 400", JSON.stringify(headers));
    }
    for (const method of ["GET / HTTP/1.1\r\nx: y", "GET\0", "CONNECT", "TRACE", "get post"]) {
      const error = await refused({ method, endpoint: server.origin });
      assert.equal(kindOf(error), "configuration 400", method);
    }
    assert.equal(server.requests.length, 0);
  });

  test("values in a URI template cannot leave their place", async (t) => {
    const server = await startHttpFixture(({ target }) => ({ body: target }));
    t.after(() => server.close());
    const { http, refused } = caller(t);
    const input = { method: "get", endpoint: `${server.origin}/a/{id}/z?q={id}` };
    for (const [id, sent] of [
      ["b/../../c", "b%2F..%2F..%2Fc"],
      ["b\\c", "b%5Cc"],
      ["b?x=1#y", "b%3Fx%3D1%23y"],
      ["@evil.example:80", "%40evil.example%3A80"],
      ["%2e%2e%2f", "%252e%252e%252f"],
      ["b\r\nHost: evil", "b%0D%0AHost%3A%20evil"],
      ["\0", "%00"],
    ] as const) {
      assert.equal(await http(input, { id }), `/a/${sent}/z?q=${sent}`);
    }
    for (const id of [".", ".."]) {
      assert.equal(kindOf(await refused(input, { id })), "expression 400", id);
    }
  });

  test("user info, other schemes and bad hosts in a URI are refused", async (t) => {
    const { refused } = caller(t);
    for (const endpoint of [
      "http://user@127.0.0.1/",
      "http://user:pass@127.0.0.1/",
      "ftp://127.0.0.1/",
      "unix:/run/x.sock",
      "file:///etc/passwd",
      "http://[::1%25lo]/",
      "http://a b/",
      "//127.0.0.1/",
    ]) {
      const error = await refused({ method: "get", endpoint });
      assert.equal(kindOf(error), "configuration 400", endpoint);
      assert.doesNotMatch(error.detail ?? "", /pass@/);
    }
  });

  test("a host made from data is judged like any other", async (t) => {
    const { refused } = caller(t);
    const endpoint = "http://{host}/";
    for (const host of ["169.254.169.254", "0xa9fea9fe", "2852039166"]) {
      const error = await refused({ method: "get", endpoint }, { host });
      assert.equal(kindOf(error), "authorization 403", host);
    }
    const bent = await refused({ method: "get", endpoint }, { host: "a.example:80/@b" });
    assert.equal(kindOf(bent), "configuration 400");
  });
});
