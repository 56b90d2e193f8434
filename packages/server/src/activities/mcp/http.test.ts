import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import { createActivities } from "../registry.ts";
import { activityRequest, caller, kindOf } from "../testing.ts";
import { startMcpServer } from "./testing-server.ts";

interface Arguments {
  readonly [name: string]: Json;
}

const over = (
  url: string,
  method: string,
  parameters?: Json,
  more: Arguments = {},
): JsonObject => ({
  method,
  transport: { http: { endpoint: url } },
  ...(parameters === undefined ? {} : { parameters }),
  ...more,
});
const tool = (url: string, name: string, given: JsonObject = {}, more: Arguments = {}) =>
  over(url, "tools/call", { name, arguments: given }, more);

/** The output of a call that is meant to work. */
function mcp(t: TestContext) {
  const { activities } = caller(t);
  return async (input: JsonObject): Promise<JsonObject> => {
    const request = activityRequest("call:mcp", input);
    const result = await activities.execute(request, new AbortController().signal);
    if ("output" in result) return result.output as JsonObject;
    throw new Error(JSON.stringify(result.error));
  };
}

describe("call: mcp over streamable HTTP", () => {
  for (const json of [false, true]) {
    test(`calls every method, answered with ${json ? "JSON" : "an event stream"}`, async (t) => {
      const { url } = await startMcpServer(t, { json });
      const call = mcp(t);
      const tools = await call(over(url, "tools/list"));
      assert.equal(tools["nextCursor"], "page-2");
      const rest = await call(over(url, "tools/list", { cursor: "page-2" }));
      assert.deepEqual(rest, { tools: [{ name: "wait", inputSchema: { type: "object" } }] });
      assert.deepEqual(await call(tool(url, "echo", { a: [1, null] })), {
        content: [{ type: "text", text: '{"a":[1,null]}' }],
        structuredContent: { a: [1, null] },
      });
      assert.deepEqual(await call(over(url, "prompts/list")), { prompts: [{ name: "greet" }] });
      const prompt = await call(
        over(url, "prompts/get", { name: "greet", arguments: { name: "Ada" } }),
      );
      assert.match(JSON.stringify(prompt), /Greet Ada/);
      assert.deepEqual(await call(over(url, "resources/list")), {
        resources: [{ uri: "note://1", name: "one" }],
      });
      assert.deepEqual(await call(over(url, "resources/read", { uri: "note://1" })), {
        contents: [{ uri: "note://1", text: "the first note" }],
      });
      assert.deepEqual(await call(over(url, "resources/templates/list")), {
        resourceTemplates: [{ uriTemplate: "note://{id}", name: "note" }],
      });
    });
  }

  test("is one session: initialize, the method, and its end", async (t) => {
    const { url, seen } = await startMcpServer(t);
    const client = { name: "tester", version: "9" };
    const headers = { "x-team": "blue" };
    await mcp(t)({
      ...over(url, "tools/list", undefined, { client, protocolVersion: "2025-03-26" }),
      transport: { http: { endpoint: url, headers } },
    });
    assert.deepEqual(seen.requests, [
      "POST initialize",
      "POST notifications/initialized",
      "POST tools/list",
      "DELETE",
    ]);
    assert.deepEqual(seen.clients, [client]);
    const last = seen.headers[3];
    assert.equal(last?.["mcp-protocol-version"], "2025-03-26");
    assert.equal(last["x-team"], "blue");
    assert.equal(last["user-agent"], "millrace");
  });

  test("asks for the version of the reference unless told another", async (t) => {
    const { url, seen } = await startMcpServer(t);
    await mcp(t)(over(url, "tools/list"));
    assert.equal(seen.headers[2]?.["mcp-protocol-version"], "2025-06-18");
    assert.deepEqual(seen.clients, [{ name: "millrace", version: "0.1.0" }]);
  });

  test("authenticates with a bearer token", async (t) => {
    const { url } = await startMcpServer(t, { token: "s3cret-token" });
    const http = (token: string) => ({
      http: { endpoint: { uri: url, authentication: { bearer: { token } } } },
    });
    const good = await mcp(t)({ method: "prompts/list", transport: http("s3cret-token") });
    assert.deepEqual(good, { prompts: [{ name: "greet" }] });
    const { refused } = caller(t);
    const bad = { method: "prompts/list", transport: http("wr0ng-token") };
    const error = await refused(bad, {}, "call:mcp");
    assert.equal(kindOf(error), "communication 401");
    assert.doesNotMatch(JSON.stringify(error), /wr0ng-token/);
  });

  test("a tool that fails has an output; an error of the protocol is a runtime error", async (t) => {
    const { url } = await startMcpServer(t);
    assert.deepEqual(await mcp(t)(tool(url, "fail")), {
      content: [{ type: "text", text: "the channel is archived" }],
      isError: true,
    });
    const error = await caller(t).refused(tool(url, "nosuch"), {}, "call:mcp");
    assert.equal(kindOf(error), "runtime 500");
    assert.match(error.detail ?? "", /no tool is called nosuch/);
  });

  test("ignores progress that nobody asked for", async (t) => {
    const { url } = await startMcpServer(t);
    assert.match(JSON.stringify(await mcp(t)(tool(url, "progress"))), /done/);
  });

  test("tells the server when the call is cancelled, and ends the session", async (t) => {
    const { url, seen } = await startMcpServer(t);
    const controller = new AbortController();
    const { activities } = caller(t);
    const request = activityRequest("call:mcp", tool(url, "wait"));
    const result = activities.execute(request, controller.signal);
    await seen.waiting.promise;
    controller.abort(new Error("cancelled by its workflow"));
    await seen.cancelled.promise;
    assert.ok("error" in (await result));
    assert.deepEqual(seen.requests.slice(-2), ["POST notifications/cancelled", "DELETE"]);
  });

  test("ends a call at its own timeout", async (t) => {
    const { url, seen } = await startMcpServer(t);
    const input = tool(url, "wait", {}, { timeout: { milliseconds: 300 } });
    const error = await caller(t).refused(input, {}, "call:mcp");
    assert.equal(kindOf(error), "timeout 408");
    assert.match(error.detail ?? "", /tools\/call at http.* no answer within 300 ms/);
    await seen.cancelled.promise;
  });

  test("refuses arguments that make no call", async (t) => {
    const { refused } = caller(t);
    const cases: [JsonObject, RegExp][] = [
      [{ ...over("http://x", "tools/destroy") }, /with\.method: must be one of/],
      [{ method: "tools/list" }, /with\.transport: required/],
      [{ method: "tools/list", transport: {} }, /with\.transport: must have either http or stdio/],
      [over("ftp://x/y", "tools/list"), /scheme ftp:/],
      [over("http://x", "tools/list", "text"), /with\.parameters: must be an object/],
      [over("http://x", "tools/list", {}, { protocolVersion: "1999-01-01" }), /protocolVersion/],
      [over("http://x", "tools/list", {}, { timeout: "soon" }), /with\.timeout/],
      [over("http://x", "tools/list", {}, { client: { name: "x" } }), /with\.client\.version/],
      [
        {
          method: "tools/list",
          transport: { http: { endpoint: "http://x" }, options: { a: "b" } },
        },
        /with\.transport\.options\.a: is not an option/,
      ],
    ];
    for (const [input, expected] of cases) {
      const error = await refused(input, {}, "call:mcp");
      assert.equal(kindOf(error), "configuration 400", JSON.stringify(input));
      assert.match(error.detail ?? "", expected);
    }
  });

  test("connects to nothing that the egress policy refuses", async (t) => {
    const activities = createActivities();
    t.after(() => activities.close());
    const request = activityRequest("call:mcp", over("http://169.254.169.254/mcp", "tools/list"));
    const result = await activities.execute(request, new AbortController().signal);
    assert.ok("error" in result);
    assert.equal(kindOf(result.error), "authorization 403");
  });
});
