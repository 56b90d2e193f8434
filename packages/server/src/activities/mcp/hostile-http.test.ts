import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, type TestContext, test } from "node:test";
import type { WorkflowError } from "@millrace/engine";
import type { JsonObject } from "@millrace/language";
import { startHttpFixture } from "@millrace/testkit/http";
import { activityRequest, caller, kindOf } from "../testing.ts";
import { startMcpServer } from "./testing-server.ts";

interface Message {
  readonly id?: number;
  readonly method?: string;
}
type Answer = (response: ServerResponse, message: Message, verb: string) => void;

const json = (response: ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
};
const events = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { "content-type": "text/event-stream" });
const initialized = (protocolVersion = "2025-06-18") => ({
  protocolVersion,
  capabilities: {},
  serverInfo: { name: "rogue", version: "0" },
});
const result = (message: Message, value: unknown) => ({
  jsonrpc: "2.0",
  id: message.id,
  result: value,
});

const LIMITS = { maxResponseBytes: 100_000 };

/** The error of `tools/list` at a server that initializes well and then does as told. */
async function failureOf(
  t: TestContext,
  answer: Answer,
  more: JsonObject = {},
): Promise<WorkflowError> {
  const server = await startHttpFixture(({ method, body }, response) => {
    const message = (body.length === 0 ? {} : JSON.parse(body.toString())) as Message;
    if (message.method === "initialize") json(response, result(message, initialized()));
    else if (message.method?.startsWith("notifications/")) response.writeHead(202).end();
    else answer(response, message, method);
    return undefined;
  });
  t.after(() => server.close());
  return refusal(t, server.origin, more);
}

function refusal(t: TestContext, url: string, more: JsonObject = {}): Promise<WorkflowError> {
  const { refused } = caller(t, { limits: LIMITS });
  const transport = { http: { endpoint: url } };
  return refused({ method: "tools/list", transport, ...more }, {}, "call:mcp");
}

describe("call: mcp with a hostile HTTP server", () => {
  test("a server that never answers", async (t) => {
    const timeout = { milliseconds: 200 };
    const before = await startHttpFixture(() => undefined);
    t.after(() => before.close());
    assert.equal(kindOf(await refusal(t, before.origin, { timeout })), "timeout 408");
    const after = await failureOf(t, () => {}, { timeout });
    assert.equal(kindOf(after), "timeout 408");
    const silent = await failureOf(t, (response) => events(response).write(": \n\n"), { timeout });
    assert.equal(kindOf(silent), "timeout 408");
  });

  test("an event stream without end", async (t) => {
    const error = await failureOf(t, (response) => {
      const more = (): void => {
        if (events_.writable) events_.write(": comment\n\n".repeat(100), () => setImmediate(more));
      };
      const events_ = events(response);
      more();
    });
    assert.equal(kindOf(error), "communication 502");
    assert.match(error.detail ?? "", /larger than 100000 bytes/);
  });

  test("notifications without end", async (t) => {
    const progress = { progressToken: 1, progress: 1 };
    const note = { jsonrpc: "2.0", method: "notifications/progress", params: progress };
    const error = await failureOf(t, (response) => {
      const stream = events(response);
      const more = (): void => {
        if (stream.writable)
          stream.write(`data: ${JSON.stringify(note)}\n\n`.repeat(20), () => setImmediate(more));
      };
      more();
    });
    assert.match(error.detail ?? "", /larger than 100000 bytes/);
  });

  test("a huge result", async (t) => {
    for (const streaming of [true, false]) {
      const { url } = await startMcpServer(t, { json: !streaming });
      const parameters = { name: "huge", arguments: { size: 200_000 } };
      const error = await refusal(t, url, { method: "tools/call", parameters });
      assert.equal(kindOf(error), "communication 502");
      assert.match(error.detail ?? "", /larger than 100000 bytes/);
    }
  });

  test("a result that is nested too deep", async (t) => {
    const deep = "[".repeat(5000) + "]".repeat(5000);
    const error = await failureOf(t, (response, { id }) =>
      json(response, `{"jsonrpc":"2.0","id":${id},"result":{"deep":${deep}}}`),
    );
    assert.equal(kindOf(error), "communication 502");
    assert.match(error.detail ?? "", /nested more than 512 deep/);
  });

  test("what is not JSON-RPC", async (t) => {
    const bodies = ["{", "[]", '"text"', '{"jsonrpc":"1.0","id":1,"result":{}}', '{"id":1}'];
    for (const body of bodies) {
      for (const answer of [
        (response: ServerResponse) => json(response, body),
        (response: ServerResponse) => void events(response).end(`data: ${body}\n\n`),
      ]) {
        const error = await failureOf(t, answer);
        assert.equal(kindOf(error), "communication 502", body);
        assert.match(error.detail ?? "", /not valid JSON-RPC|without an answer|not one to/, body);
      }
    }
  });

  test("an answer to another request, or to none", async (t) => {
    const other = await failureOf(t, (response) => json(response, result({ id: 77 }, {})));
    assert.match(other.detail ?? "", /not one to the request/);
    const none = await failureOf(t, (response) => response.writeHead(202).end());
    assert.match(none.detail ?? "", /not one to the request/);
  });

  test("an event stream that ends, or breaks, without an answer", async (t) => {
    const ended = await failureOf(t, (response) => void events(response).end(": bye\n\n"));
    assert.equal(kindOf(ended), "communication 502");
    assert.match(ended.detail ?? "", /ended without an answer/);
    const broken = await failureOf(t, (response) => {
      events(response).write(": soon\n\n", () => response.destroy());
    });
    assert.equal(kindOf(broken), "communication 502");
  });

  test("a wrong content type, and a content coding that was not asked for", async (t) => {
    const page = await failureOf(t, (response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>Sign in</h1>");
    });
    assert.equal(kindOf(page), "communication 502");
    assert.match(page.detail ?? "", /neither JSON nor an event stream/);
    const coded = await failureOf(t, (response) => {
      const headers = { "content-type": "application/json", "content-encoding": "gzip" };
      response.writeHead(200, headers).end("x");
    });
    assert.match(coded.detail ?? "", /content coding gzip/);
  });

  test("a status that is none of success says what the server says", async (t) => {
    const error = await failureOf(t, (response) =>
      json(response, { jsonrpc: "2.0", id: null, error: { code: 1, message: "go\naway" } }, 503),
    );
    assert.equal(kindOf(error), "communication 503");
    assert.match(error.detail ?? "", /503 Service Unavailable \(go away\)/);
  });

  test("a redirect to a metadata address is not followed", async (t) => {
    for (const status of [302, 307]) {
      const location = "http://169.254.169.254/latest/meta-data";
      const error = await failureOf(
        t,
        (response) => void response.writeHead(status, { location }).end(),
      );
      assert.equal(kindOf(error), `communication ${status}`);
      assert.match(error.detail ?? "", /Redirect to http:\/\/169\.254\.169\.254\S+ not followed/);
    }
  });

  test("a redirect without end", async (t) => {
    let redirects = 0;
    const error = await failureOf(t, (response) => {
      redirects += 1;
      response.writeHead(307, { location: "/again" }).end();
    });
    assert.equal(kindOf(error), "communication 307");
    assert.equal(redirects, 6);
  });

  test("a stream that is to be taken up again and again, and pings without end", async (t) => {
    const again = await failureOf(t, (response) => {
      events(response).end("id: 1\nretry: 0\ndata:\n\n");
    });
    assert.match(again.detail ?? "", /needs more than 100 requests/);
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    const pings = await failureOf(t, (response, { method }) => {
      if (method === undefined) response.writeHead(202).end();
      else events(response).write(`data: ${JSON.stringify(ping)}\n\n`.repeat(200));
    });
    assert.match(pings.detail ?? "", /needs more than 100 requests/);
  });

  test("a server that does not answer the end of a session delays its result, and no more", async (t) => {
    const server = await startHttpFixture(({ method, body }, response) => {
      if (method === "DELETE") return undefined;
      const message = JSON.parse(body.toString()) as Message;
      if (message.method?.startsWith("notifications/")) return { status: 202 };
      response.setHeader("mcp-session-id", "1");
      return { body: result(message, message.method === "initialize" ? initialized() : {}) };
    });
    t.after(() => server.close());
    const transport = { http: { endpoint: server.origin } };
    const request = activityRequest("call:mcp", { method: "tools/list", transport });
    const done = await caller(t).activities.execute(request, new AbortController().signal);
    assert.deepEqual(done, { output: {} });
    assert.equal(server.requests.at(-1)?.method, "DELETE");
  });

  test("a version of MCP that nobody knows", async (t) => {
    const server = await startHttpFixture(({ body }) => {
      const message = JSON.parse(body.toString()) as Message;
      return { body: result(message, initialized("3000-01-01")) };
    });
    t.after(() => server.close());
    const error = await refusal(t, server.origin);
    assert.equal(kindOf(error), "communication 502");
    assert.match(error.detail ?? "", /version is not supported: 3000-01-01/);
  });
});
