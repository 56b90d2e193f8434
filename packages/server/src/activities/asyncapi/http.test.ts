import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { type Handler, type HttpFixture, startHttpFixture } from "@millrace/testkit/http";
import type { ActivitiesConfig } from "../registry.ts";
import { kindOf } from "../testing.ts";
import { asyncApi, document3, hostOf } from "./call-testing.ts";

/** A broker that is an HTTP server, and a document of it. */
async function broker(
  t: TestContext,
  handle: Handler,
  more: JsonObject = {},
  config: ActivitiesConfig = {},
) {
  const server: HttpFixture = await startHttpFixture(handle);
  t.after(() => server.close());
  const place = { host: hostOf(server.origin), protocol: "http", pathname: "/v1/" };
  return { server, ...(await asyncApi(t, document3(place, {}, more), config)) };
}

const streaming = (response: ServerResponse, ...events: string[]): undefined => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) response.write(event);
};

test("HTTP: a message is a POST with its headers and content type, and credentials", async (t) => {
  const { server, publish } = await broker(t, () => ({ status: 202 }));
  const output = await publish({
    operation: "things",
    message: { payload: { id: 1 }, headers: { "X-Kind": "new", "x-count": 2 } },
    authentication: { basic: { username: "ada", password: "pw" } },
  });
  assert.equal(output, null);
  const [request] = server.requests;
  assert.deepEqual([request?.method, request?.target], ["POST", "/v1/things"]);
  assert.equal(request?.body.toString(), '{"id":1}');
  const { headers } = request ?? {};
  assert.equal(headers?.["content-type"], "application/json");
  assert.deepEqual([headers?.["x-kind"], headers?.["x-count"]], ["new", "2"]);
  assert.equal(headers?.["idempotency-key"], "key-1");
  assert.equal(headers?.["authorization"], `Basic ${Buffer.from("ada:pw").toString("base64")}`);
});

test("HTTP: the binding's method is used; an answer that is an error is one", async (t) => {
  const operations = {
    things: {
      action: "receive",
      channel: { $ref: "#/channels/things" },
      bindings: { http: { method: "PUT" } },
    },
  };
  const { server, publish } = await broker(t, () => ({}), { operations });
  await publish({ operation: "things", message: { payload: {} } });
  assert.equal(server.requests[0]?.method, "PUT");
  const failing = await broker(t, () => ({ status: 409 }));
  const error = await failing.refused({ operation: "things", message: { payload: {} } });
  assert.equal(kindOf(error), "communication 409");
});

test("HTTP: each event of a stream is a message; the stream is left after the last wanted one", async (t) => {
  const closed = Promise.withResolvers<void>();
  const { take } = await broker(t, (_, response) => {
    response.on("close", () => closed.resolve());
    return streaming(
      response,
      ': hello\n\nevent: new\nid: 7\ndata: {"id":\ndata: 1}\n',
      '\r\ndata: {"id":2}\r',
      "\ndata:\r\n\r\n",
      "data: plain text\n\ndata: more\n\n",
    );
  });
  const items = await take({ channel: "things" }, 3);
  assert.deepEqual(items, [
    { payload: { id: 1 }, headers: { event: "new", id: "7" } },
    { payload: { id: 2 }, headers: { event: "message", id: "7" } },
    { payload: "plain text", headers: { event: "message", id: "7" } },
  ]);
  await closed.promise;
});

test("HTTP: a stream that ends goes on where it was", async (t) => {
  const asked: (string | undefined)[] = [];
  const { take } = await broker(t, ({ headers }, response) => {
    asked.push(headers["last-event-id"]);
    streaming(response, `retry: 1\nid: ${asked.length}\ndata: ${asked.length}\n\n`);
    response.end("data: cut off");
    return undefined;
  });
  const items = await take({ channel: "things" }, 3);
  assert.deepEqual(
    items.map((item) => (item as JsonObject)["payload"]),
    [1, 2, 3],
  );
  assert.deepEqual(asked, [undefined, "1", "2"]);
});

test("HTTP: an answer that is no stream is one message, and the next is asked for", async (t) => {
  let count = 0;
  const { take } = await broker(t, () => {
    count += 1;
    return { body: { count }, headers: { "x-n": String(count) } };
  });
  const items = (await take({ channel: "things" }, 2)) as JsonObject[];
  assert.deepEqual(
    items.map(({ payload }) => payload),
    [{ count: 1 }, { count: 2 }],
  );
  assert.deepEqual(
    items.map(({ headers }) => (headers as JsonObject)["x-n"]),
    ["1", "2"],
  );
  assert.equal(count, 2);
});

test("HTTP: a subscription answers a digest challenge", async (t) => {
  const { take } = await broker(t, ({ headers }) =>
    (headers["authorization"] ?? "").startsWith('Digest username="ada"')
      ? { body: { in: true } }
      : { status: 401, headers: { "www-authenticate": 'Digest realm="r", nonce="n", qop="auth"' } },
  );
  const authentication = { digest: { username: "ada", password: "pw" } };
  const [item] = await take({ channel: "things", authentication }, 1);
  assert.deepEqual((item as JsonObject)["payload"], { in: true });
});

test("HTTP: a server that ends the stream at once is an error, not a loop", async (t) => {
  const { refused, server } = await broker(t, (_, response) => {
    streaming(response);
    response.end();
    return undefined;
  });
  const error = await refused({ channel: "things", subscription: {} });
  assert.equal(kindOf(error), "communication 502");
  assert.match(error.detail ?? "", /ended the event stream without an event/);
  assert.equal(server.requests.length, 1);
});

test("HTTP: an endless event is refused when it is longer than the limit", async (t) => {
  const limits = { maxContentBytes: 10_000 };
  const handle: Handler = (_, response) => {
    streaming(response, "data: ");
    const more = (): void =>
      void response.write("x".repeat(1_000), (error) => error ?? setImmediate(more));
    more();
    return undefined;
  };
  const { refused } = await broker(t, handle, {}, { limits });
  const error = await refused({ channel: "things", subscription: {} });
  assert.equal(kindOf(error), "communication 502");
  assert.match(error.detail ?? "", /longer than 10000 characters/);
});

test("HTTP: many short lines without an end of the event are refused as well", async (t) => {
  const handle: Handler = (_, response) => streaming(response, "data: x\n".repeat(3_000));
  const { refused } = await broker(t, handle, {}, { limits: { maxContentBytes: 10_000 } });
  const error = await refused({ channel: "things", subscription: {} });
  assert.match(error.detail ?? "", /longer than 10000 characters/);
});

test("HTTP: cancelling a subscription closes its connection", async (t) => {
  const [open, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { listen } = await broker(t, (_, response) => {
    response.on("close", () => closed.resolve());
    streaming(response, ": quiet\n");
    open.resolve();
    return undefined;
  });
  const controller = new AbortController();
  const listening = listen({ channel: "things" }, () => "more", controller.signal);
  await open.promise;
  controller.abort(new Error("cancelled"));
  await assert.rejects(listening);
  await closed.promise;
});
