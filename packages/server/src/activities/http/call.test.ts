import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ActivityType } from "@millrace/engine";
import type { JsonObject } from "@millrace/language";
import {
  HTTPBIN_ORIGIN,
  type HttpFixture,
  PETSTORE_ORIGIN,
  startHttpbin,
  startHttpFixture,
  startPetstore,
} from "@millrace/testkit/http";
import { caller, kindOf } from "../testing.ts";

let bin: HttpFixture;
let petstore: HttpFixture;
let origins: Record<string, string>;

before(async () => {
  bin = await startHttpbin();
  petstore = await startPetstore();
  origins = { [HTTPBIN_ORIGIN]: bin.origin, [PETSTORE_ORIGIN]: petstore.origin };
});
after(async () => {
  await bin.close();
  await petstore.close();
});

const anything = `${HTTPBIN_ORIGIN}/anything`;

describe("call: http", () => {
  test("gives the deserialised content of a templated endpoint", async (t) => {
    const endpoint = `${PETSTORE_ORIGIN}/v2/pet/{petId}`;
    const output = await caller(t, { origins }).http({ method: "get", endpoint }, { petId: 1 });
    assert.deepEqual(output, { id: 1, name: "Rex", status: "available" });
  });

  test("gives the response with the request that got it", async (t) => {
    const output = (await caller(t, { origins }).http(
      {
        method: "get",
        endpoint: { uri: `${PETSTORE_ORIGIN}/v2/pet/findByStatus?status={status}` },
        headers: { "X-Api-Key": "hidden", "X-Trace": 7 },
        output: "response",
      },
      { status: "pending" },
    )) as JsonObject;
    const request = output["request"] as JsonObject;
    assert.equal(request["method"], "get");
    assert.equal(request["uri"], `${PETSTORE_ORIGIN}/v2/pet/findByStatus?status=pending`);
    const headers = request["headers"] as JsonObject;
    assert.equal(headers["x-api-key"], "[redacted]");
    assert.equal(headers["x-trace"], "7");
    assert.equal(output["statusCode"], 200);
    assert.equal((output["headers"] as JsonObject)["content-type"], "application/json");
    assert.deepEqual(output["content"], [{ id: 3, name: "Bo", status: "pending" }]);
  });

  test("gives raw content in base64, and binary content too", async (t) => {
    const { http } = caller(t, { origins });
    const bytes = Buffer.alloc(3, 0xab).toString("base64");
    const endpoint = `${HTTPBIN_ORIGIN}/bytes/3`;
    assert.equal(await http({ method: "get", endpoint, output: "raw" }), bytes);
    assert.equal(await http({ method: "get", endpoint }), bytes);
  });

  test("turns an error status into a communication error that names method and URI only", async (t) => {
    const error = await caller(t, { origins }).refused({
      method: "get",
      endpoint: `${PETSTORE_ORIGIN}/v2/pet/getPetByName/Milou?key=hidden`,
    });
    assert.deepEqual(error, {
      type: "https://open-workflow-specification.org/spec/1.0.0/errors/communication",
      status: 404,
      title: "Not Found",
      detail: `GET ${PETSTORE_ORIGIN}/v2/pet/getPetByName/Milou answered 404 Not Found`,
      instance: "/do/0/callIt",
    });
  });

  test("repeats query parameters of a list, keeps the URI's own, leaves null out", async (t) => {
    const output = (await caller(t, { origins }).http({
      method: "get",
      endpoint: `${anything}?own=1`,
      query: { a: ["x", "y&z"], b: true, none: null, "c d": "é" },
    })) as JsonObject;
    assert.equal(output["target"], "/anything?own=1&a=x&a=y%26z&b=true&c%20d=%C3%A9");
  });

  test("encodes bodies by their content type", async (t) => {
    const { http } = caller(t, { origins });
    const post = async (body: JsonObject[string], type?: string) => {
      const headers = type === undefined ? {} : { "Content-Type": type };
      const sent = (await http({
        method: "post",
        endpoint: anything,
        headers,
        body,
      })) as JsonObject;
      return [(sent["headers"] as JsonObject)["content-type"], sent["data"]];
    };
    const form = "application/x-www-form-urlencoded";
    assert.deepEqual(await post({ a: 1 }), ["application/json", '{"a":1}']);
    assert.deepEqual(await post([1]), ["application/json", "[1]"]);
    assert.deepEqual(await post({ a: 1 }, "application/x+json"), ["application/x+json", '{"a":1}']);
    assert.deepEqual(await post("plain é"), ["text/plain; charset=utf-8", "plain é"]);
    assert.deepEqual(await post("<a/>", "application/xml"), ["application/xml", "<a/>"]);
    assert.deepEqual(await post({ a: ["1 2", "&"], b: null }, form), [form, "a=1+2&a=%26"]);
    assert.deepEqual(await post(null), [undefined, ""]);
  });

  test("sends the idempotency key with unsafe methods, unless the author set one", async (t) => {
    const { http } = caller(t, { origins });
    const key = async (method: string, headers: JsonObject = {}) => {
      const sent = (await http({ method, endpoint: anything, headers })) as JsonObject;
      return (sent["headers"] as JsonObject)["idempotency-key"];
    };
    assert.equal(await key("post"), "key-1");
    assert.equal(await key("DELETE"), "key-1");
    assert.equal(await key("get"), undefined);
    assert.equal(await key("post", { "Idempotency-Key": "mine" }), "mine");
  });

  test("refuses headers that would break out of their line or frame the message", async (t) => {
    const { refused } = caller(t, { origins });
    const before = bin.requests.length;
    for (const headers of [
      { "X-A": "1\r\nX-B: 2" },
      { "X-A\r\nX-B": "1" },
      { "X A": "1" },
      { "X-A": { nested: true } },
      { Host: "elsewhere" },
      { "Content-Length": "5" },
      { "Transfer-Encoding": "chunked" },
    ]) {
      const error = await refused({ method: "get", endpoint: anything, headers });
      assert.equal(kindOf(error), "configuration 400", JSON.stringify(headers));
    }
    assert.equal(bin.requests.length, before);
  });

  test("says which argument is wrong", async (t) => {
    const { refused } = caller(t, { origins });
    const detail = async (input: JsonObject) => (await refused(input)).detail;
    assert.equal(await detail({ endpoint: anything }), "with.method: required");
    assert.equal(await detail({ method: "get" }), "with.endpoint: required");
    assert.match((await detail({ method: "TRACE", endpoint: anything })) ?? "", /method: "TRACE"/);
    assert.match((await detail({ method: "get", endpoint: "ftp://x/y" })) ?? "", /scheme ftp:/);
    assert.match((await detail({ method: "get", endpoint: "/relative" })) ?? "", /absolute/);
    assert.match((await detail({ method: "get", endpoint: "http://u:p@x/" })) ?? "", /password/);
    assert.match((await detail({ method: "get", endpoint: anything, output: "x" })) ?? "", /raw/);
  });

  for (const coding of ["gzip", "deflate", "deflate-raw", "brotli"]) {
    test(`decompresses ${coding}`, async (t) => {
      const endpoint = `${HTTPBIN_ORIGIN}/${coding}`;
      const output = await caller(t, { origins }).http({ method: "get", endpoint });
      assert.deepEqual(output, { compressed: true });
    });
  }

  test("bounds a response before and after decompression", async (t) => {
    const limits = { maxResponseBytes: 50_000, maxContentBytes: 100_000 };
    const { http, refused } = caller(t, { origins, limits });
    const get = (path: string) => ({ method: "get", endpoint: `${HTTPBIN_ORIGIN}${path}` });
    assert.equal(((await http(get("/gzip-zeros/100000"))) as string).length, 133_336);
    for (const path of ["/gzip-zeros/20000000", "/gzip-zeros/100001", "/bytes/50001"]) {
      const error = await refused(get(path));
      assert.equal(kindOf(error), "communication 502");
      assert.equal(error.title, "Response Too Large");
    }
    assert.equal(((await http(get("/bytes/50000"))) as string).length, 66_668);
  });

  test("takes the answer to HEAD for what it is", async (t) => {
    const { http } = caller(t, { origins, limits: { maxResponseBytes: 10 } });
    for (const path of ["/bytes/11", "/gzip"]) {
      const input = { method: "head", endpoint: `${HTTPBIN_ORIGIN}${path}`, output: "response" };
      const response = (await http(input)) as JsonObject;
      assert.deepEqual([response["statusCode"], response["content"]], [200, null]);
    }
  });

  test("bounds a response whose length is not announced", async (t) => {
    const endless = await startHttpFixture((_, response) => {
      const pump = (): void => {
        while (response.write(Buffer.alloc(65_536))) if (response.destroyed) return;
        response.once("drain", pump);
      };
      pump();
      return undefined;
    });
    t.after(() => endless.close());
    const { refused } = caller(t, { limits: { maxResponseBytes: 1_000_000 } });
    const error = await refused({ method: "get", endpoint: endless.origin });
    assert.equal(error.title, "Response Too Large");
  });

  test("reads content by its type", async (t) => {
    const answers: [string | undefined, Buffer | string, unknown][] = [
      ["application/problem+json", '{"a":[1]}', { a: [1] }],
      ["application/json; charset=utf-8", "\ufeff1", 1],
      ["text/plain; charset=iso-8859-1", Buffer.from([0xe9]), "é"],
      ["application/xml", "<a/>", "<a/>"],
      ["application/yaml", "a: 1", "a: 1"],
      ["image/png", Buffer.from([0xff, 0]), "/wA="],
      [undefined, "text", "text"],
      [undefined, Buffer.from([0xff]), "/w=="],
      ["application/json", "", null],
    ];
    const server = await startHttpFixture(({ target }) => {
      const [type, body] = answers[Number(target.slice(1))] ?? [undefined, ""];
      return { headers: type === undefined ? {} : { "content-type": type }, body };
    });
    t.after(() => server.close());
    const { http } = caller(t);
    for (const [index, [, , expected]] of answers.entries()) {
      const output = await http({ method: "get", endpoint: `${server.origin}/${index}` });
      assert.deepEqual(output, expected);
    }
  });

  test("refuses JSON that cannot be parsed or is nested too deep", async (t) => {
    const bodies = ["{", `${"[".repeat(600)}${"]".repeat(600)}`];
    const server = await startHttpFixture(({ target }) => ({
      headers: { "content-type": "application/json" },
      body: bodies[Number(target.slice(1))] ?? "",
    }));
    t.after(() => server.close());
    const { refused } = caller(t);
    for (const index of bodies.keys()) {
      const error = await refused({ method: "get", endpoint: `${server.origin}/${index}` });
      assert.equal(`${kindOf(error)} ${error.title}`, "communication 502 Invalid Response");
    }
  });

  test("refuses types that this version does not execute", async (t) => {
    const error = await caller(t).refused({}, {}, "call:pigeon" as ActivityType);
    assert.equal(kindOf(error), "runtime 501");
    assert.equal(error.detail, "call: pigeon is not supported by this version of Millrace");
  });
});
