import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import { startHttpFixture } from "@millrace/testkit/http";
import { activityRequest, caller, kindOf } from "../testing.ts";
import { startAgent } from "./testing-agent.ts";

const never = new AbortController().signal;
const say = (text: string): JsonObject => ({ message: { parts: [{ kind: "text", text }] } });
const sayIn10 = (text: string): JsonObject => ({ message: { parts: [{ text }] } });

/** The output of a call that is meant to work. */
function a2a(t: TestContext) {
  const { activities } = caller(t);
  return async (to: JsonObject, method: string, parameters?: JsonObject): Promise<JsonObject> => {
    const input = { ...to, method, ...(parameters === undefined ? {} : { parameters }) };
    const result = await activities.execute(activityRequest("call:a2a", input), never);
    if ("output" in result) return result.output as JsonObject;
    throw new Error(JSON.stringify(result.error));
  };
}

const stateOf = (task: Json): Json =>
  ((task as JsonObject)["status"] as JsonObject)["state"] ?? null;

describe("call: a2a", () => {
  test("calls every method of A2A 0.3, found by the agent's card", async (t) => {
    const agent = await startAgent(t);
    const to = { agentCard: { endpoint: agent.card } };
    const call = a2a(t);
    const reply = await call(to, "message/send", say("hello"));
    assert.deepEqual([reply["kind"], reply["role"]], ["message", "agent"]);
    assert.deepEqual(reply["parts"], [{ kind: "text", text: "HELLO" }]);

    const work = (await call(to, "message/stream", say("work"))) as unknown as JsonObject[];
    assert.deepEqual(
      work.map(({ kind, status }) => [kind, (status as JsonObject)["state"]]),
      [
        ["task", "submitted"],
        ["status-update", "working"],
        ["status-update", "completed"],
      ],
    );
    const id = work[0]?.["id"] ?? null;
    assert.equal(stateOf(await call(to, "tasks/get", { id })), "completed");

    const pushNotificationConfig = { id: "hook", url: "https://hooks.example/1" };
    const set = await call(to, "tasks/pushNotificationConfig/set", {
      taskId: id,
      pushNotificationConfig,
    });
    assert.equal(set["taskId"], id);
    const of = { id, pushNotificationConfigId: "hook" };
    assert.equal((await call(to, "tasks/pushNotificationConfig/get", of))["taskId"], id);
    const list = (await call(to, "tasks/pushNotificationConfig/list", { id })) as unknown as Json[];
    assert.equal(list.length, 1);
    assert.equal(await call(to, "tasks/pushNotificationConfig/delete", of), null);

    const card = await call(to, "agent/getAuthenticatedExtendedCard");
    assert.equal(card["name"], "Test agent, extended");
  });

  test("cancels a task, and follows one again to its end", async (t) => {
    const agent = await startAgent(t);
    const to = { server: `${agent.origin}/a2a` };
    const call = a2a(t);
    const configuration = { blocking: false };
    const task = await call(to, "message/send", { ...say("hang"), configuration });
    const id = task["id"] ?? null;
    const followed = call(to, "tasks/resubscribe", { id });
    await agent.requestFor("tasks/resubscribe");
    const cancelled = await call(to, "tasks/cancel", { id });
    assert.equal(stateOf(cancelled), "canceled");
    const events = (await followed) as unknown as Json[];
    assert.equal(stateOf(events.at(-1) ?? null), "canceled");
  });

  test("does the same in A2A 1.0", async (t) => {
    const agent = await startAgent(t);
    const to = { agentCard: { endpoint: `${agent.origin}/.well-known/new.json` } };
    const call = a2a(t);
    const configuration = { returnImmediately: true };
    const { task } = await call(to, "message/send", { ...sayIn10("hang"), configuration });
    const id = (task as JsonObject)["id"] ?? null;
    const followed = call(to, "tasks/resubscribe", { id });
    await agent.requestFor("SubscribeToTask");
    assert.equal(stateOf(await call(to, "tasks/cancel", { id })), "TASK_STATE_CANCELED");
    const events = (await followed) as unknown as JsonObject[];
    assert.deepEqual(Object.keys(events[0] ?? {}), ["task"]);
    assert.equal(stateOf(events.at(-1)?.["statusUpdate"] ?? null), "TASK_STATE_CANCELED");
  });

  test("a task that the agent rejects is an output", async (t) => {
    const agent = await startAgent(t);
    const to = { server: `${agent.origin}/a2a` };
    assert.equal(stateOf(await a2a(t)(to, "message/send", say("refuse"))), "rejected");
  });

  test("speaks A2A 1.0 to an agent whose card offers nothing older", async (t) => {
    const agent = await startAgent(t);
    const to = { agentCard: { endpoint: `${agent.origin}/.well-known/new.json` } };
    const call = a2a(t);
    const { message } = (await call(to, "message/send", sayIn10("hello"))) as Record<
      string,
      JsonObject
    >;
    assert.deepEqual([message?.["role"], message?.["parts"]], ["ROLE_AGENT", [{ text: "HELLO" }]]);
    const work = (await call(to, "message/stream", sayIn10("work"))) as unknown as JsonObject[];
    assert.deepEqual(
      work.flatMap((event) => Object.keys(event)),
      ["task", "statusUpdate", "statusUpdate"],
    );
    const list = await call(to, "tasks/list");
    assert.equal((list["tasks"] as Json[]).length, 1);
    assert.equal(agent.headers.at(-1)?.["a2a-version"], "1.0");
    const id = (work[0]?.["task"] as JsonObject | undefined)?.["id"] ?? null;
    assert.equal(stateOf(await call(to, "tasks/get", { id })), "TASK_STATE_COMPLETED");
    const hook = { taskId: id, id: "hook" };
    const url = "https://hooks.example/1";
    await call(to, "tasks/pushNotificationConfig/set", { ...hook, url });
    assert.equal((await call(to, "tasks/pushNotificationConfig/get", hook))["url"], url);
    const hooks = await call(to, "tasks/pushNotificationConfig/list", { taskId: id });
    assert.equal((hooks["configs"] as Json[]).length, 1);
    await call(to, "tasks/pushNotificationConfig/delete", hook);
    const card = await call(to, "agent/getAuthenticatedExtendedCard");
    assert.equal(card["name"], "Test agent, extended");
  });

  test("names the tenant whose agent the card offers", async (t) => {
    const seen: unknown[] = [];
    const server = await startHttpFixture(({ method, body }) => {
      const url = `${server.origin}/shared`;
      const shared = { url, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "blue" };
      if (method === "GET") return { body: { supportedInterfaces: [shared] } };
      const { id, params } = JSON.parse(body.toString()) as { id: string; params: unknown };
      seen.push(params);
      return { body: { jsonrpc: "2.0", id, result: {} } };
    });
    t.after(() => server.close());
    await a2a(t)({ agentCard: { endpoint: server.origin } }, "tasks/get", { id: "1" });
    assert.deepEqual(seen, [{ tenant: "blue", id: "1" }]);
  });

  test("gives a message an id that stays the same when it is delivered again", async (t) => {
    const agent = await startAgent(t);
    const to = { server: `${agent.origin}/a2a` };
    await a2a(t)(to, "message/send", say("one"));
    await a2a(t)(to, "message/send", say("one"));
    const own = {
      message: { ...(say("two")["message"] as JsonObject), messageId: "mine", role: "agent" },
    };
    await a2a(t)(to, "message/send", own);
    const sent = agent.messages.map(
      ({ params }) => (params as Record<string, JsonObject>)["message"],
    );
    assert.match(
      JSON.stringify(sent[0]?.["messageId"]),
      /^"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$/,
    );
    assert.equal(sent[1]?.["messageId"], sent[0]?.["messageId"]);
    assert.equal(sent[0]?.["role"], "user");
    assert.deepEqual([sent[2]?.["messageId"], sent[2]?.["role"]], ["mine", "agent"]);
    assert.equal(agent.headers[0]?.["idempotency-key"], "key-1");
  });

  test("looks for the card of a bare host where A2A keeps it", async (t) => {
    const agent = await startAgent(t);
    const reply = await a2a(t)(
      { agentCard: { endpoint: agent.origin } },
      "message/send",
      say("hi"),
    );
    assert.deepEqual(reply["parts"], [{ kind: "text", text: "HI" }]);
  });

  test("authenticates with a bearer token", async (t) => {
    const agent = await startAgent(t, { token: "s3cret-token" });
    const authentication = (token: string) => ({ bearer: { token } });
    const server = (token: string) => ({
      server: { uri: `${agent.origin}/a2a`, authentication: authentication(token) },
    });
    const reply = await a2a(t)(server("s3cret-token"), "message/send", say("hi"));
    assert.equal(reply["kind"], "message");
    const endpoint = { uri: agent.card, authentication: authentication("s3cret-token") };
    assert.ok(await a2a(t)({ agentCard: { endpoint } }, "message/send", say("hi")));
    const wrong = { ...server("wr0ng-token"), method: "message/stream", parameters: say("hi") };
    const error = await caller(t).refused(wrong, {}, "call:a2a");
    assert.equal(kindOf(error), "communication 401");
    assert.doesNotMatch(JSON.stringify(error), /wr0ng-token/);
  });

  test("an error of JSON-RPC is a runtime error that says what the agent said", async (t) => {
    const agent = await startAgent(t);
    const server = `${agent.origin}/a2a`;
    for (const method of ["tasks/get", "tasks/resubscribe"]) {
      const input = { server, method, parameters: { id: "nosuch" } };
      const error = await caller(t).refused(input, {}, "call:a2a");
      assert.equal(kindOf(error), "runtime 500");
      assert.match(error.detail ?? "", /nosuch.*\(-32001\)/);
    }
    // A2A 0.3 lists tasks over its other transports only.
    const list = await caller(t).refused({ server, method: "tasks/list" }, {}, "call:a2a");
    assert.match(list.detail ?? "", /\(-32601\)/);
  });

  test("refuses arguments that make no call", async (t) => {
    const { refused } = caller(t);
    const cases: [JsonObject, RegExp][] = [
      [{ method: "tasks/destroy", server: "http://x" }, /with\.method: must be one of/],
      [{ method: "tasks/get" }, /with\.server: required without an agentCard/],
      [{ method: "tasks/get", server: "ftp://x" }, /scheme ftp:/],
      [{ method: "tasks/get", server: "http://x", parameters: "text" }, /with\.parameters/],
      [{ method: "tasks/get", agentCard: {} }, /with\.agentCard\.endpoint: required/],
    ];
    for (const [input, expected] of cases) {
      const error = await refused(input, {}, "call:a2a");
      assert.equal(kindOf(error), "configuration 400", JSON.stringify(input));
      assert.match(error.detail ?? "", expected);
    }
  });
});
