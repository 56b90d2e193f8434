import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, type TestContext, test } from "node:test";
import type { WorkflowError } from "@millrace/engine";
import type { JsonObject } from "@millrace/language";
import { type Handler, startHttpFixture } from "@millrace/testkit/http";
import { activityRequest, caller, kindOf } from "../testing.ts";

const LIMITS = { maxResponseBytes: 100_000 };
const events = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { "content-type": "text/event-stream" });
/** One event of the stream that the test request gets. */
const event = (result: unknown): string =>
  `data: ${JSON.stringify({ jsonrpc: "2.0", id: "key-1", result })}\n\n`;

async function serving(t: TestContext, handle: Handler): Promise<string> {
  const server = await startHttpFixture(handle);
  t.after(() => server.close());
  return server.origin;
}

function refusal(t: TestContext, input: JsonObject): Promise<WorkflowError> {
  return caller(t, { limits: LIMITS }).refused({ method: "tasks/get", ...input }, {}, "call:a2a");
}

async function failureOf(t: TestContext, handle: Handler, method = "tasks/get") {
  return refusal(t, { server: await serving(t, handle), method });
}

const streaming = (t: TestContext, write: (response: ServerResponse) => void) =>
  failureOf(
    t,
    (_, response) => {
      write(events(response));
      return undefined;
    },
    "message/stream",
  );

describe("call: a2a with a hostile agent", () => {
  test("an agent that never answers, and a stream that falls silent", async (t) => {
    for (const method of ["tasks/get", "message/stream"]) {
      const server = await serving(t, (_, response) => {
        if (method === "message/stream") events(response).write(": \n\n");
        return undefined;
      });
      const { activities } = caller(t, { limits: { totalTimeout: 200 } });
      const request = activityRequest("call:a2a", { server, method });
      const result = await activities.execute(request, new AbortController().signal);
      assert.ok("error" in result);
      assert.equal(kindOf(result.error), "timeout 408");
    }
  });

  test("a call that is cancelled closes its stream", async (t) => {
    const closed = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const server = await serving(t, (_, response) => {
      response.on("close", () => closed.resolve());
      events(response).write(event({ kind: "task" }), () => opened.resolve());
      return undefined;
    });
    const controller = new AbortController();
    const request = activityRequest("call:a2a", { server, method: "message/stream" });
    const result = caller(t).activities.execute(request, controller.signal);
    await opened.promise;
    controller.abort(new Error("cancelled"));
    assert.ok("error" in (await result));
    await closed.promise;
  });

  test("a stream without end: of comments, and of results", async (t) => {
    for (const text of [": comment\n\n".repeat(100), event({ kind: "status-update" }).repeat(20)]) {
      const error = await streaming(t, (response) => {
        const more = (): void => {
          if (response.writable) response.write(text, () => setImmediate(more));
        };
        more();
      });
      assert.equal(kindOf(error), "communication 502");
      assert.match(error.detail ?? "", /larger than 100000 bytes/);
    }
  });

  test("a stream of too many results", async (t) => {
    const server = await serving(t, (_, response) => {
      events(response).end(event(0).repeat(10_001));
      return undefined;
    });
    const error = await caller(t).refused({ server, method: "message/stream" }, {}, "call:a2a");
    assert.match(error.detail ?? "", /more than 10000 results/);
  });

  test("a stream goes no further than its final event", async (t) => {
    const final = { kind: "status-update", final: true };
    const server = await serving(t, (_, response) => {
      events(response).write(event({ kind: "task" }) + event(final));
      return undefined;
    });
    const request = activityRequest("call:a2a", { server, method: "message/stream" });
    const result = await caller(t).activities.execute(request, new AbortController().signal);
    assert.deepEqual(result, { output: [{ kind: "task" }, final] });
  });

  test("a stream that breaks, is empty, or holds what is not JSON", async (t) => {
    const broken = await streaming(t, (response) => {
      response.write(event({ kind: "task" }), () => response.destroy());
    });
    assert.equal(kindOf(broken), "communication 502");
    const empty = await streaming(t, (response) => void response.end());
    assert.match(empty.detail ?? "", /ended without a result/);
    const garbage = await streaming(t, (response) => void response.end("data: {\n\n"));
    assert.match(garbage.detail ?? "", /not JSON/);
  });

  test("a huge answer, and one that is nested too deep", async (t) => {
    const huge = await failureOf(t, () => ({ body: "x".repeat(200_000) }));
    assert.match(huge.detail ?? "", /larger than 100000 bytes/);
    const deep = "[".repeat(5000) + "]".repeat(5000);
    const nested = await failureOf(t, () => ({
      body: `{"jsonrpc":"2.0","id":"key-1","result":${deep}}`,
    }));
    assert.match(nested.detail ?? "", /nested more than 512 deep/);
  });

  test("what is not JSON-RPC, and an answer to another request", async (t) => {
    const bodies = [
      "{",
      "<html>",
      "[]",
      { id: "key-1", result: 1 },
      { jsonrpc: "2.0", id: "key-1" },
    ];
    for (const body of bodies) {
      const error = await failureOf(t, () => ({ body }));
      assert.equal(kindOf(error), "communication 502", JSON.stringify(body));
      assert.match(error.detail ?? "", /is not JSON/);
    }
    const other = await failureOf(t, () => ({ body: { jsonrpc: "2.0", id: 1, result: {} } }));
    assert.match(other.detail ?? "", /not one to the request/);
  });

  test("a status that is none of success, with an error of JSON-RPC or without", async (t) => {
    const plain = await failureOf(t, () => ({ status: 503, body: "later" }));
    assert.equal(kindOf(plain), "communication 503");
    const rpc = { jsonrpc: "2.0", id: "key-1", error: { code: -32603, message: "out\nof order" } };
    const explained = await failureOf(t, () => ({ status: 500, body: rpc }));
    assert.equal(kindOf(explained), "runtime 500");
    assert.match(explained.detail ?? "", /out of order \(-32603\)/);
  });

  test("a redirect to a metadata address is not followed", async (t) => {
    const location = "http://169.254.169.254/latest/meta-data";
    const error = await failureOf(t, () => ({ status: 307, headers: { location } }));
    assert.equal(kindOf(error), "communication 307");
    const card = await serving(t, () => ({ status: 302, headers: { location } }));
    const followed = await refusal(t, { agentCard: { endpoint: `${card}/card` } });
    assert.equal(kindOf(followed), "authorization 403");
  });

  test("a card that points to a metadata address, or to what is no agent", async (t) => {
    const cards: [JsonObject | string, string, RegExp][] = [
      [{ url: "http://169.254.169.254/" }, "authorization 403", /metadata address/],
      [{ url: "file:///etc/passwd" }, "configuration 400", /no usable http/],
      [{ url: "http://user:pass@127.0.0.1/" }, "configuration 400", /no usable http/],
      [
        { url: "http://127.0.0.1/", preferredTransport: "GRPC" },
        "configuration 400",
        /offers "GRPC"/,
      ],
      [{ name: "nobody" }, "configuration 400", /names no interface/],
      ["just text", "configuration 400", /no agent card/],
    ];
    for (const [body, kind, detail] of cards) {
      const origin = await serving(t, () => ({ body }));
      const error = await refusal(t, { agentCard: { endpoint: `${origin}/card` } });
      assert.equal(kindOf(error), kind, JSON.stringify(body));
      assert.match(error.detail ?? "", detail);
    }
  });

  test("an agent elsewhere than its card does not get the card's credentials", async (t) => {
    const seen: (string | undefined)[] = [];
    const agent = await serving(t, ({ headers }) => {
      seen.push(headers["authorization"]);
      return { body: { jsonrpc: "2.0", id: "key-1", result: {} } };
    });
    const card = await serving(t, ({ headers }) => {
      seen.push(headers["authorization"]);
      return { body: { url: agent } };
    });
    const authentication = { bearer: { token: "for-the-card" } };
    const agentCard = { endpoint: { uri: `${card}/card`, authentication } };
    const request = activityRequest("call:a2a", { agentCard, method: "tasks/get" });
    const result = await caller(t).activities.execute(request, new AbortController().signal);
    assert.deepEqual(result, { output: {} });
    assert.deepEqual(seen, ["Bearer for-the-card", undefined]);
  });
});
