/**
 * The specification's examples of AsyncAPI subscriptions, unmodified, against a real WebSocket server. None of them puts anything
 * into the context, so `$context.consumedMessages` has no length that changes: `while` and `forever` go on until they are
 * cancelled, and `until` until its thirty minutes are over.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { type Json, type JsonObject, load } from "@millrace/language";
import { startHttpFixture } from "@millrace/testkit/http";
import { WebSocketServer } from "ws";
import { createActivities } from "../../src/activities/registry.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { runToEnd } from "../../src/local/index.ts";

const folder = join(process.env["MILLRACE_SPEC_DIR"] ?? "", "examples");
const missing =
  process.env["MILLRACE_SPEC_DIR"] === undefined || !existsSync(folder)
    ? "set MILLRACE_SPEC_DIR to a folder with the specification's examples/"
    : false;

/** Two of three are from somebody; the filter of the examples lets only those from nobody pass. */
const message = (n: number): JsonObject =>
  n % 3 === 0 ? { n } : { n, from: { firstName: "Ada" } };

/** Runs an example with a server that sends `count` messages to each subscriber. */
async function run(
  t: TestContext,
  name: string,
  count: number,
  enough: (taken: number) => boolean = () => false,
) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    for (let n = 1; n <= count; n += 1) socket.send(JSON.stringify(message(n)));
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const channels = { "/notifications": { address: "/notifications" } };
  const getNotifications = { action: "send", channel: { $ref: "#/channels/~1notifications" } };
  const documents = await startHttpFixture(() => ({
    body: {
      asyncapi: "3.0.0",
      servers: { live: { host: `127.0.0.1:${port}`, protocol: "ws" } },
      channels,
      operations: { getNotifications },
    },
  }));
  const origins = { "https://fake.com": documents.origin };
  const activities = createActivities({ egress: { allowLoopback: true }, origins });
  t.after(async () => {
    await activities.close();
    for (const client of server.clients) client.terminate();
    server.close();
    await documents.close();
  });
  const loaded = load(readFileSync(join(folder, `${name}.yaml`), "utf8"));
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const controller = new AbortController();
  const emitted: JsonObject[] = [];
  let taken = 0;
  const { state } = await runToEnd(
    loaded.program,
    "i",
    {},
    {
      executor: {
        execute: (request, signal, feed) =>
          activities.execute(request, signal, async (item: Json) => {
            const answer = await feed(item);
            taken += 1;
            if (enough(taken)) controller.abort();
            return answer;
          }),
      },
      clock: hurried(),
      signal: controller.signal,
      onEmit: (event) => emitted.push(event),
    },
  );
  return { state, emitted };
}

/** Half an hour is over after half a second. */
function hurried(): Clock {
  const clock = systemClock();
  let ahead = 0;
  return {
    ...clock,
    now: () => clock.now() + ahead,
    monotonic: () => clock.monotonic() + ahead,
    after: (ms, then) =>
      ms < 1_000_000
        ? clock.after(ms, then)
        : clock.after(500, () => {
            ahead += ms;
            then();
          }),
  };
}

const numbers = (output: Json | undefined): Json[] =>
  (output as JsonObject[]).map((item) => (item["payload"] as JsonObject)["n"] ?? null);

suite("the specification's examples of subscriptions", { skip: missing }, () => {
  test("call-asyncapi-subscribe-consume-amount ends with five messages that pass the filter", async (t) => {
    const { state } = await run(t, "call-asyncapi-subscribe-consume-amount", 100);
    assert.equal(state.status, "completed", JSON.stringify(state.error));
    assert.deepEqual(numbers(state.output), [3, 6, 9, 12, 15]);
  });

  test("call-asyncapi-subscribe-consume-until ends with its period", async (t) => {
    const { state } = await run(t, "call-asyncapi-subscribe-consume-until", 9);
    assert.equal(state.status, "completed", JSON.stringify(state.error));
    assert.deepEqual(numbers(state.output), [3, 6, 9]);
  });

  test("call-asyncapi-subscribe-consume-while goes on until it is cancelled", async (t) => {
    const name = "call-asyncapi-subscribe-consume-while";
    const { state } = await run(t, name, 30, (taken) => taken === 25);
    assert.equal(state.status, "cancelled");
  });

  test("call-asyncapi-subscribe-consume-forever-foreach emits an event for each message", async (t) => {
    const name = "call-asyncapi-subscribe-consume-forever-foreach";
    const { state, emitted } = await run(t, name, 30, (taken) => taken === 21);
    assert.equal(state.status, "cancelled");
    const data = emitted.map(
      (event) => ((event["data"] as JsonObject)["message"] as JsonObject)["payload"],
    );
    assert.deepEqual(data.slice(0, 7), [3, 6, 9, 12, 15, 18, 21].map(message));
  });
});
