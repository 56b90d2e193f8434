import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Nats, natsUnavailable, startNats } from "@millrace/testkit/brokers";
import pg from "pg";
import {
  contextOf,
  nextOf,
  outgoing,
  subscribed,
  targetOf,
} from "../src/activities/asyncapi/broker-testing.ts";
import { nats } from "../src/activities/asyncapi/nats/nats.ts";
import { document } from "./harness.ts";
import { type Api, startApi } from "./webhook-stand.ts";

const EMITTER = `${document("emitter")}
do: [ { say: { emit: { event: { with: { type: com.shop.placed, data: { n: '\${ .n }' } } } } } } ]`;
interface Dead {
  readonly items: readonly { readonly error: string; readonly event: Record<string, unknown> }[];
}

/** What was received of a type, as stored. */
async function received(api: Api, type: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: api.database.url });
  await client.connect();
  const { rows } = await client.query<{ event: Record<string, unknown> }>(
    "SELECT event::json AS event FROM events WHERE direction = 'received' AND type = $1",
    [type],
  );
  await client.end();
  return rows.map(({ event }) => event);
}

describe("channels over NATS", { skip: natsUnavailable() }, () => {
  let broker: Nats;
  before(async () => {
    broker = await startNats();
  });
  after(() => broker.stop());
  const url = () => `nats://127.0.0.1:${broker.port}`;

  test("a channel out publishes what its filter lets pass, in structured and in binary mode", async (t) => {
    const api = await startApi(t, [EMITTER]);
    const common = { direction: "out", broker: url(), filter: { types: ["com.shop.*"] } };
    await api.call("POST", "/v1/channels", { ...common, name: "whole", address: "out.whole" });
    await api.call("POST", "/v1/channels", {
      ...common,
      name: "parts",
      address: "out.parts",
      mode: "binary",
    });
    const context = contextOf(t);
    const whole = subscribed(nats, targetOf("nats", broker.port, "out.whole"), context);
    const parts = subscribed(nats, targetOf("nats", broker.port, "out.parts"), context);
    const [first, second] = [nextOf(whole), nextOf(parts)];
    // Nothing tells when a subscription has begun, but its first message.
    const running = setInterval(() => void api.run("emitter", { n: 5 }), 200);
    const both = await Promise.all([first, second]).finally(() => clearInterval(running));
    const [structured, binary] = both;
    assert.equal(structured.contentType, "application/cloudevents+json; charset=utf-8");
    const event = JSON.parse(Buffer.from(structured.payload).toString());
    assert.deepEqual([event.type, event.data], ["com.shop.placed", { n: 5 }]);
    assert.equal(binary.contentType, "application/json");
    assert.equal(binary.headers["ce-type"], "com.shop.placed");
    assert.deepEqual(JSON.parse(Buffer.from(binary.payload).toString()), { n: 5 });
    await whole.return();
    await parts.return();
  });

  test("a channel in takes events as they are, wraps or keeps what is none, and goes on", async (t) => {
    const api = await startApi(t, []);
    const common = { direction: "in", broker: url() };
    await api.call("POST", "/v1/channels", { ...common, name: "plain", address: "in.plain" });
    await api.call("POST", "/v1/channels", {
      ...common,
      name: "wrapped",
      address: "in.wrapped",
      wrap: { type: "com.sensor.read" },
    });
    const context = contextOf(t);
    const publish = (address: string, text: string, more = {}): Promise<void> =>
      nats.publish(targetOf("nats", broker.port, address), outgoing(text, more), context);
    const event = { specversion: "1.0", id: "1", source: "/shop", type: "com.shop.paid", data: 7 };
    const attributes = { "ce-specversion": "1.0", "ce-id": "2", "ce-source": "/shop" };
    const again = async (): Promise<void> => {
      await publish("in.plain", JSON.stringify(event), {
        contentType: "application/cloudevents+json",
      });
      await publish("in.plain", '{"a":1}', {
        contentType: "application/json",
        headers: { ...attributes, "ce-type": "com.shop.sent" },
      });
      await publish("in.plain", "no event", { contentType: "text/plain" });
      await publish("in.wrapped", '{"celsius":21}', { contentType: "application/json" });
    };
    let dead: Dead = { items: [] };
    while (
      dead.items.length === 0 ||
      (await received(api, "com.shop.paid")).length === 0 ||
      (await received(api, "com.shop.sent")).length === 0 ||
      (await received(api, "com.sensor.read")).length === 0
    ) {
      await again();
      dead = await api.call<Dead>("GET", "/v1/channels/plain/deliveries");
    }
    // However often they came, they are one event each.
    assert.deepEqual(await received(api, "com.shop.paid"), [event]);
    const [sent, ...others] = await received(api, "com.shop.sent");
    assert.deepEqual([sent?.["id"], sent?.["data"], others.length], ["2", { a: 1 }, 0]);
    const [read] = await received(api, "com.sensor.read");
    assert.deepEqual(
      [read?.["source"], read?.["data"]],
      ["/millrace/channels/wrapped", { celsius: 21 }],
    );
    assert.equal(dead.items[0]?.event["data"], "no event");
    assert.match(dead.items[0]?.error ?? "", /without ce- headers is no event/);
    await api.call("POST", "/v1/channels/plain/replay", {}, 422);
  });
});

test("what a channel cannot be is said with its place", async (t) => {
  const api = await startApi(t, []);
  const given = { name: "c", direction: "out", broker: "nats://127.0.0.1:4222", address: "a" };
  const refused = async (change: object, path: string, message: RegExp): Promise<void> => {
    const problem = await api.call<{ issues: { path: string; message: string }[] }>(
      "POST",
      "/v1/channels",
      { ...given, ...change },
      422,
    );
    assert.equal(problem.issues[0]?.path, path);
    assert.match(problem.issues[0]?.message ?? "", message);
  };
  const filter = { types: ["*"] };
  await refused({}, "filter", /required/);
  await refused({ broker: "gopher://x:1", filter }, "broker", /no broker's/);
  await refused({ broker: "redis://x", filter, mode: "binary" }, "mode", /headers/);
  await refused({ direction: "in", filter }, "filter", /only for direction out/);
  await refused({ filter, credentials: { token: "a", username: "b" } }, "credentials", /not both/);
  await refused({ filter, retry: { minDelay: "soon" } }, "retry.minDelay", /no duration/);
  await api.call("POST", "/v1/channels", { ...given, filter });
  await api.call("POST", "/v1/channels", { ...given, filter }, 409);
  await api.call("GET", "/v1/channels/none", undefined, 404);
});
