import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { startHttpFixture } from "@millrace/testkit/http";
import type { ActivitiesConfig } from "../registry.ts";
import { kindOf } from "../testing.ts";
import { asyncApi, document3, hostOf } from "./call-testing.ts";

const message = { payload: { id: 1 } };

/** A server that takes everything, and a caller for the document that `make` gives for its host. */
async function taking(
  t: TestContext,
  make: (host: string, origin: string) => JsonObject,
  config: ActivitiesConfig = {},
) {
  const server = await startHttpFixture(() => ({ status: 202 }));
  t.after(() => server.close());
  const api = await asyncApi(t, make(hostOf(server.origin), server.origin), config);
  const sent = () => server.requests.map(({ target, body }) => `${target} ${body.toString()}`);
  return { ...api, server, sent };
}

/** The channel's one message, in both versions of the document. */
const with3 = (host: string, definition: JsonObject, more: JsonObject = {}): JsonObject =>
  document3({ host, protocol: "http" }, { messages: { m: definition } }, more);

test("AsyncAPI 2.6: publish and subscribe are seen from the application", async (t) => {
  const requiring = (name: string) => ({
    message: { payload: { type: "object", required: [name] } },
  });
  const { publish, refused, sent } = await taking(t, (_, origin) => ({
    asyncapi: "2.6.0",
    servers: {
      main: { url: `${origin}/{base}`, protocol: "http", variables: { base: { default: "v1" } } },
    },
    channels: {
      "/things": {
        publish: { operationId: "toApplication", ...requiring("id") },
        subscribe: { operationId: "fromApplication", ...requiring("other") },
      },
    },
  }));
  await publish({ channel: "/things", message });
  await publish({ operation: "toApplication", message });
  assert.deepEqual(sent(), ['/v1/things {"id":1}', '/v1/things {"id":1}']);
  const error = await refused({ operation: "fromApplication", message });
  assert.equal(kindOf(error), "validation 400");
  assert.match(error.detail ?? "", /other/);
});

test("AsyncAPI 3: the server is chosen by name, protocol and channel; its variables are checked", async (t) => {
  const { publish, refused, sent } = await taking(t, (host) => {
    const variables = { stage: { enum: ["dev", "live"], default: "dev" } };
    return document3(
      { host: "kafka.invalid", protocol: "pulsar" },
      {},
      {
        servers: {
          odd: { host: "broker.invalid", protocol: "pulsar" },
          main: { host, pathname: "/{stage}", protocol: "http", variables },
          other: { host, pathname: "/other", protocol: "http" },
        },
      },
    );
  });
  await publish({ operation: "things", message });
  await publish({
    operation: "things",
    message,
    server: { name: "main", variables: { stage: "live" } },
  });
  await publish({
    operation: "#/operations/things",
    message,
    protocol: "http",
    server: { name: "other" },
  });
  assert.deepEqual(
    sent().map((line) => line.split(" ")[0]),
    ["/dev/things", "/live/things", "/other/things"],
  );
  const why = async (server: JsonObject) =>
    (await refused({ operation: "things", message, server })).detail ?? "";
  assert.match(await why({ name: "nope" }), /no server "nope" \(it has "odd", "main", "other"\)/);
  assert.match(await why({ name: "main", variables: { stage: "x" } }), /must be one of dev, live/);
  const pulsar = await refused({ operation: "things", message, server: { name: "odd" } });
  assert.equal(kindOf(pulsar), "runtime 501");
  assert.match(pulsar.detail ?? "", /over pulsar is not supported/);
});

test("a server variable cannot lead to another host or path", async (t) => {
  const { refused } = await taking(t, () =>
    document3({ host: "{where}.example", protocol: "http", variables: { where: {} } }),
  );
  for (const where of ["169.254.169.254/", "a@b", "..", "x:80", "a b"]) {
    const error = await refused({
      operation: "things",
      message,
      server: { name: "main", variables: { where } },
    });
    assert.equal(kindOf(error), "configuration 400", where);
  }
});

test("channel parameters come from variables, the message and defaults, and stay in their place", async (t) => {
  const { publish, refused, sent } = await taking(t, (host) => {
    const parameters = {
      id: { location: "$message.payload#/id" },
      kind: { default: "new", enum: ["new", "old"] },
    };
    return document3({ host, protocol: "http" }, { address: "a/{kind}/{id}", parameters });
  });
  await publish({ operation: "things", message });
  await publish({
    operation: "things",
    message: { payload: { id: "x/y" } },
    server: { name: "main", variables: { kind: "old" } },
  });
  assert.deepEqual(
    sent().map((line) => line.split(" ")[0]),
    ["/a/new/1", "/a/old/x%2Fy"],
  );
  const dots = await refused({ operation: "things", message: { payload: { id: ".." } } });
  assert.equal(kindOf(dots), "expression 400");
  assert.match(
    (await refused({ operation: "things", message: { payload: {} } })).detail ?? "",
    /variables.id: required/,
  );
});

test("references lead across documents, in circles too", async (t) => {
  const server = await startHttpFixture(() => ({ status: 202 }));
  t.after(() => server.close());
  const tree = { type: "object", required: ["name"], properties: { child: { $ref: "#/Tree" } } };
  const { publish, refused, fetched } = await asyncApi(t, {
    "/doc": with3(hostOf(server.origin), { $ref: "messages.yaml#/tree" }),
    "/messages.yaml": "tree:\n  payload:\n    $ref: 'schemas.json#/Tree'\n",
    "/schemas.json": { Tree: tree },
  });
  const send = (payload: JsonObject) => ({ operation: "things", message: { payload } });
  await publish(send({ name: "a", child: { name: "b" } }));
  const error = await refused(send({ name: "a", child: { child: {} } }));
  assert.equal(kindOf(error), "validation 400");
  assert.match(error.detail ?? "", /payload\/child/);
  assert.deepEqual(fetched, ["/doc", "/messages.yaml", "/schemas.json"]);
});

test("references that lead nowhere, to themselves or to files are errors", async (t) => {
  for (const $ref of [
    "#/components/a",
    "#/nowhere",
    "other.yaml#/x",
    "file:///etc/passwd",
    "http://169.254.169.254/x",
  ]) {
    const { refused } = await taking(t, (host) =>
      with3(host, { $ref }, { components: { a: { $ref: "#/components/a" } } }),
    );
    const error = await refused({ operation: "things", message });
    const kind = $ref.startsWith("other")
      ? "communication 404"
      : $ref.includes("169")
        ? "authorization 403"
        : "configuration 400";
    assert.equal(kindOf(error), kind, $ref);
  }
});

test("a document that pulls in more and more documents is cut off", async (t) => {
  const { refused, fetched } = await asyncApi(t, {
    "/doc": document3(
      { host: "x.invalid", protocol: "http" },
      {
        messages: Object.fromEntries(
          Array.from({ length: 50 }, (_, n) => [`m${n}`, { payload: { $ref: `${n}.json#/s` } }]),
        ),
      },
    ),
    ...Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`/${n}.json`, { s: { type: "object" } }]),
    ),
  });
  const error = await refused({ operation: "things", message });
  assert.equal(kindOf(error), "configuration 400");
  assert.match(error.detail ?? "", /more than 32 other documents/);
  assert.ok(fetched.length < 40, String(fetched.length));
});

test("a document of 100 MB, and what is no AsyncAPI document, is refused", async (t) => {
  const server = await startHttpFixture((_, response) => {
    response.writeHead(200, { "content-length": 100 * 1024 * 1024 });
    const more = (): void =>
      void response.write(" ".repeat(65_536), (error) => error ?? setImmediate(more));
    more();
    return undefined;
  });
  t.after(() => server.close());
  const { refused } = await asyncApi(t, {});
  const large = await refused({ document: { endpoint: server.origin }, operation: "x", message });
  assert.match(large.detail ?? "", /larger than 10485760 bytes/);
  for (const text of ["{", "asyncapi: 1.0.0", "openapi: 3.0.0", "[1]"]) {
    const other = await asyncApi(t, text);
    assert.equal(
      kindOf(await other.refused({ operation: "x", message })),
      "configuration 400",
      text,
    );
  }
});
