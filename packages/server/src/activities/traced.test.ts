import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { startHttpFixture } from "@millrace/testkit/http";
import { activityRequest, caller } from "./testing.ts";

const TRACE = {
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  tracestate: "rojo=1",
};
const never = new AbortController().signal;

test("the trace context goes along with a call over HTTP, and the author's own wins", async (t) => {
  const server = await startHttpFixture(() => ({ body: "{}" }));
  t.after(() => server.close());
  const { activities } = caller(t);
  const send = async (input: JsonObject, trace?: typeof TRACE) => {
    const given = { method: "get", endpoint: server.origin, output: "response", ...input };
    const more = trace === undefined ? {} : { trace };
    const result = await activities.execute(activityRequest("call:http", given, more), never);
    assert.ok("output" in result, JSON.stringify(result));
    const { traceparent, tracestate } = server.requests.at(-1)?.headers ?? {};
    return [traceparent, tracestate];
  };
  assert.deepEqual(await send({}, TRACE), [TRACE.traceparent, TRACE.tracestate]);
  const own = { headers: { Traceparent: "mine" } };
  assert.deepEqual(await send(own, TRACE), ["mine", undefined]);
  assert.deepEqual(await send({}), [undefined, undefined]);
});

test("the trace context stays away from where the call gets its tokens", async (t) => {
  const server = await startHttpFixture(({ target }) => ({
    headers: { "content-type": "application/json" },
    body: target === "/token" ? '{"access_token":"t","token_type":"Bearer"}' : "{}",
  }));
  t.after(() => server.close());
  const oauth2 = {
    authority: server.origin,
    endpoints: { token: "/token" },
    grant: "client_credentials",
    client: { id: "me", secret: "s" },
  };
  const endpoint = { uri: `${server.origin}/call`, authentication: { oauth2 } };
  const request = activityRequest("call:http", { method: "get", endpoint }, { trace: TRACE });
  const result = await caller(t).activities.execute(request, never);
  assert.ok("output" in result, JSON.stringify(result));
  const sent = server.requests.map(({ target, headers }) => [target, headers["traceparent"]]);
  assert.deepEqual(sent, [
    ["/token", undefined],
    ["/call", TRACE.traceparent],
  ]);
});
