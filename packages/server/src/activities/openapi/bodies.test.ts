/** Bodies, references, keys and hostile documents of `call: openapi`, against servers that read what they get. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import { type RecordedRequest, type Reply, startHttpFixture } from "@millrace/testkit/http";
import { caller, kindOf } from "../testing.ts";

/** Serves documents by path, and keeps what else is asked for. */
async function api(t: TestContext, documents: Readonly<Record<string, unknown>>) {
  const calls: RecordedRequest[] = [];
  const server = await startHttpFixture((request): Reply => {
    const found = Object.hasOwn(documents, request.target) ? documents[request.target] : undefined;
    if (found !== undefined) return { body: found };
    calls.push(request);
    return { body: { ok: true } };
  });
  t.after(() => server.close());
  const { openapi, refused } = caller(t);
  const input = (parameters: JsonObject, more: JsonObject) => ({
    document: { endpoint: `${server.origin}/doc` },
    operationId: "op",
    parameters,
    ...more,
  });
  return {
    server,
    call: async (parameters: JsonObject = {}, more: JsonObject = {}): Promise<RecordedRequest> => {
      await openapi(input(parameters, more));
      const last = calls.at(-1);
      assert.ok(last);
      return last;
    },
    refused: (parameters: JsonObject = {}, more: JsonObject = {}) =>
      refused(input(parameters, more), {}, "call:openapi"),
  };
}

const posting = (content: Json, more: JsonObject = {}): JsonObject => ({
  openapi: "3.1.0",
  paths: { "/x": { post: { operationId: "op", requestBody: { content }, ...more } } },
});

/** The form as the platform's own parser reads it. */
function formOf({ headers, body }: RecordedRequest): Promise<FormData> {
  const type = headers["content-type"] ?? "";
  return new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
}

test("multipart: fields, files, lists and objects, each with its type", async (t) => {
  const content = {
    "multipart/form-data": { encoding: { note: { contentType: "text/markdown" } } },
  };
  const { call } = await api(t, { "/doc": posting(content) });
  const sent = await call({
    body: {
      note: "# Hello",
      count: 3,
      tags: ["a", "b"],
      meta: { a: 1 },
      photo: { base64: "AP8Q", filename: 'a"b\r\n.png', contentType: "image/png" },
      readme: { text: "read me" },
    },
  });
  const form = await formOf(sent);
  assert.deepEqual(form.getAll("tags"), ["a", "b"]);
  assert.equal(form.get("count"), "3");
  assert.match(
    sent.body.toString("latin1"),
    /name="note"\r\nContent-Type: text\/markdown\r\n\r\n# Hello/,
  );
  assert.match(
    sent.body.toString("latin1"),
    /name="meta"\r\nContent-Type: application\/json\r\n\r\n\{"a":1\}/,
  );
  const photo = form.get("photo") as File;
  assert.deepEqual([photo.name, photo.type], ['a"b\r\n.png', "image/png"]);
  assert.deepEqual([...new Uint8Array(await photo.arrayBuffer())], [0, 255, 16]);
  assert.equal(await (form.get("readme") as File).text(), "read me");
});

test("multipart: neither names nor types can add a header", async (t) => {
  const { call, refused } = await api(t, { "/doc": posting({ "multipart/form-data": {} }) });
  const sent = await call({ body: { 'a"\r\nX-Evil: 1': "v" } });
  assert.doesNotMatch(sent.body.toString(), /^X-Evil/m);
  const file = { text: "x", contentType: "text/plain\r\nX-Evil: 1" };
  assert.match((await refused({ body: { f: file } })).detail ?? "", /is not a media type/);
  assert.match((await refused({ body: { f: { base64: "*" } } })).detail ?? "", /not Base64/);
});

test("bytes, text and forms go in the type the operation takes", async (t) => {
  const sent = async (type: string, body: Json): Promise<readonly [string | undefined, string]> => {
    const { call } = await api(t, { "/doc": posting({ [type]: {} }) });
    const request = await call({ body });
    return [request.headers["content-type"], request.body.toString("latin1")];
  };
  assert.deepEqual(await sent("image/png", { base64: "AP8Q" }), [
    "image/png",
    "\u0000\u00ff\u0010",
  ]);
  assert.deepEqual(await sent("*/*", { base64: "AP8Q" }), [
    "application/octet-stream",
    "\u0000\u00ff\u0010",
  ]);
  assert.deepEqual(await sent("text/csv", "a,b"), ["text/csv", "a,b"]);
  assert.deepEqual(await sent("application/json", { base64: "AP8Q" }), [
    "application/json",
    '{"base64":"AP8Q"}',
  ]);
  const form = "application/x-www-form-urlencoded";
  assert.deepEqual(await sent(form, { a: "x y", b: [1, 2], c: { d: 1 } }), [
    form,
    "a=x+y&b=1&b=2&c=%7B%22d%22%3A1%7D",
  ]);
});

test("Swagger 2.0: fields and files of formData, in the form the operation consumes", async (t) => {
  const field = (name: string, more: JsonObject): JsonObject => ({ in: "formData", name, ...more });
  const swagger = (parameters: Json, consumes: Json) => ({
    swagger: "2.0",
    paths: { "/x": { post: { operationId: "op", consumes, parameters } } },
  });
  const tags = field("tags", { type: "array", collectionFormat: "pipes" });
  const plain = await api(t, { "/doc": swagger([tags, field("n", {})], []) });
  assert.equal((await plain.call({ tags: ["a", "b"], n: 1 })).body.toString(), "tags=a%7Cb&n=1");
  const files = await api(t, { "/doc": swagger([tags, field("f", { type: "file" })], []) });
  const form = await formOf(await files.call({ tags: ["a", "b"], f: "content" }));
  assert.equal(form.get("tags"), "a|b");
  assert.equal(await (form.get("f") as File).text(), "content");
  const forced = await api(t, { "/doc": swagger([field("n", {})], ["multipart/form-data"]) });
  assert.equal((await formOf(await forced.call({ n: 1 }))).get("n"), "1");
});

test("references lead into other documents, relative to where they stand", async (t) => {
  const { call, server } = await api(t, {
    "/doc": { openapi: "3.0.3", paths: { "/things/{id}": { $ref: "parts/items.yaml#/thing" } } },
    "/parts/items.yaml":
      "thing:\n  parameters: [ { $ref: '../shared.json#/id' } ]\n  get: { operationId: op, servers: [ { url: ./v2 } ] }\n",
    "/shared.json": { id: { name: "id", in: "path", required: true, style: "label" } },
  });
  assert.equal((await call({ id: ["a", "b"] })).target, "/parts/v2/things/.a,b");
  await call({ id: 1 });
  const fetched = server.requests
    .map(({ target }) => target)
    .filter((it) => !it.includes("things"));
  assert.deepEqual(fetched, ["/doc", "/parts/items.yaml", "/shared.json"]);
});

test("API keys: given as parameters, or the token of a bearer policy where only keys let in", async (t) => {
  const schemes = {
    key: { type: "apiKey", in: "header", name: "X-Key" },
    sid: { type: "apiKey", in: "cookie", name: "sid" },
    web: { type: "http", scheme: "bearer" },
  };
  const secured = async (security: Json) => {
    const root = { ...posting({}, { security }), components: { securitySchemes: schemes } };
    return api(t, { "/doc": root });
  };
  const authentication = { bearer: { token: "t0k" } };
  const only = await secured([{ key: [] }]);
  const { headers } = await only.call({}, { authentication });
  assert.deepEqual([headers["x-key"], headers["authorization"]], ["t0k", undefined]);
  assert.equal((await only.call({ "X-Key": "mine" })).headers["x-key"], "mine");
  const cookie = await secured([{ sid: [] }]);
  assert.equal((await cookie.call({}, { authentication })).headers["cookie"], "sid=t0k");
  const either = await secured([{ key: [] }, { web: [] }]);
  assert.equal((await either.call({}, { authentication })).headers["authorization"], "Bearer t0k");
});

test("documents that refer to each other in circles, or to more and more others, are given up", async (t) => {
  const circle = await api(t, {
    "/doc": { openapi: "3.0.0", paths: { "/x": { $ref: "/b#/x" } } },
    "/b": { x: { $ref: "/doc#/paths/~1x" } },
  });
  assert.match((await circle.refused()).detail ?? "", /a reference that leads to itself/);
  const server = await startHttpFixture(({ target }) => ({
    body: {
      openapi: "3.0.0",
      paths: { "/x": { $ref: `/${Number(target.slice(1)) + 1}#/paths/~1x` } },
    },
  }));
  t.after(() => server.close());
  const { refused } = caller(t);
  const input = { document: { endpoint: `${server.origin}/0` }, operationId: "op" };
  assert.equal(kindOf(await refused(input, {}, "call:openapi")), "configuration 400");
  assert.ok(server.requests.length <= 34, `${server.requests.length}`);
  const inwards = await api(t, {
    "/doc": { openapi: "3.0.0", paths: { "/x": { $ref: "http://169.254.169.254/latest#/x" } } },
  });
  assert.equal(kindOf(await inwards.refused()), "authorization 403");
});

test("a document of 100 MB is given up when it is longer than an answer may be", async (t) => {
  const piece = Buffer.alloc(1024 * 1024, 32);
  let sent = 0;
  const server = await startHttpFixture((_, response) => {
    const more = (): void => {
      while (sent < 100 && !response.destroyed) {
        sent += 1;
        if (!response.write(piece)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
    return undefined;
  });
  t.after(() => server.close());
  const { refused } = caller(t);
  const input = { document: { endpoint: `${server.origin}/doc` }, operationId: "op" };
  assert.equal(kindOf(await refused(input, {}, "call:openapi")), "communication 502");
  assert.ok(sent < 40, `${sent} MB were taken`);
});

test("YAML that takes long to read, and nesting without end, are refused", async (t) => {
  const big = `openapi: 3.0.0\npaths:\n${"  /a: {}\n".repeat(300_000)}`;
  for (const text of [
    big,
    "[".repeat(1_000_000),
    `{"openapi":"3.0.0","paths":${"[".repeat(5_000_000)}`,
  ]) {
    const { refused } = await api(t, { "/doc": text });
    const error = await refused();
    assert.equal(kindOf(error), "configuration 400");
    assert.match(error.detail ?? "", /neither JSON nor YAML that can be read/);
  }
  const deep = `{"openapi":"3.0.0","paths":{"/x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}}`;
  const { refused } = await api(t, { "/doc": deep });
  assert.match((await refused()).detail ?? "", /no operation "op"/);
});
