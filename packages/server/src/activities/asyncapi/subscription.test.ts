import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import { systemClock } from "../../clock.ts";
import { asyncApi, document3 } from "./call-testing.ts";
import { targetOf } from "./broker-testing.ts";
import type { MessageDefinition } from "./message.ts";
import type { IncomingMessage } from "./protocol.ts";
import { bring, type Subscription } from "./subscription.ts";

/** Brings `texts` to an instance that wants `wanted` of them. */
async function brought(
  texts: readonly string[],
  wanted: number,
  more: Partial<Subscription> & { readonly message?: Partial<IncomingMessage> } = {},
) {
  const { message, ...rest } = more;
  const log: string[] = [];
  const items: Json[] = [];
  async function* open(signal: AbortSignal): AsyncGenerator<IncomingMessage> {
    try {
      for (const text of texts) {
        const ack = async (): Promise<void> => {
          assert.equal(signal.aborted, false);
          log.push(`ack ${text}`);
        };
        yield { payload: Buffer.from(text), headers: {}, ...message, ack };
      }
    } finally {
      log.push("closed");
    }
  }
  const controller = new AbortController();
  const done = bring({
    open,
    target: targetOf("test", 1, "things"),
    definitions: [],
    maxJsonDepth: 10,
    clock: systemClock(),
    signal: controller.signal,
    feed: async (item) => {
      items.push(item);
      if (items.length < wanted) return "more";
      // As the owner of an instance does when it has had enough.
      controller.abort(new Error("no longer wanted"));
      return "enough";
    },
    ...rest,
  });
  const failure = await done.then(
    () => undefined,
    (error: Error) => error.message,
  );
  return { log, items, failure };
}

const definition = (more: Partial<MessageDefinition>): MessageDefinition => ({
  name: "m",
  bindings: {},
  ...more,
});
const numbersOnly: MessageDefinition = definition({
  contentType: "application/json",
  payload: {
    validate: (value) =>
      typeof value === "number" ? [] : [{ pointer: "", message: "must be a number" }],
  },
});

test("the last message is acknowledged although the activity is no longer wanted by then", async () => {
  const { log, items, failure } = await brought(["1", "2", "3"], 2);
  assert.equal(failure, undefined);
  assert.deepEqual(
    items,
    [1, 2].map((payload) => ({ payload, headers: {} })),
  );
  assert.deepEqual(log, ["ack 1", "ack 2", "closed"]);
});

test("malformed JSON, JSON nested too deep and what matches no schema are acknowledged and passed over", async () => {
  const deep = `${"[".repeat(20)}${"]".repeat(20)}`;
  const texts = ["{oops", deep, '"text"', "7"];
  const { log, items } = await brought(texts, 1, { definitions: [numbersOnly] });
  assert.deepEqual(items, [{ payload: 7, headers: {} }]);
  assert.deepEqual(log, [...texts.map((text) => `ack ${text}`), "closed"]);
});

test("a subscription that fails says how many messages it passed over, and why", async () => {
  const { failure } = await brought(["{oops", '"text"'], 1, { definitions: [numbersOnly] });
  const expected = "2 passed over, the last because payload: must be a number";
  assert.match(failure ?? "", /the server ended the subscription/);
  assert.ok(failure?.includes(expected), failure);
});

test("a message that the instance does not take is not acknowledged", async () => {
  const feed = (): Promise<never> => Promise.reject(new Error("gone"));
  const { log, failure } = await brought(["1"], 1, { feed });
  assert.deepEqual(log, ["closed"]);
  assert.notEqual(failure, undefined);
});

test("correlation ids come from where the document says, else from the protocol", async () => {
  const message = { headers: { id: "c1" }, correlationId: "of the protocol" };
  const located = definition({ correlationId: "$message.header#/id" });
  const first = await brought(["1"], 1, { message, definitions: [located] });
  assert.equal((first.items[0] as JsonObject)["correlationId"], "c1");
  const absent = definition({ correlationId: "$message.payload#/a/b" });
  const second = await brought(['{"a":{}}'], 1, { message, definitions: [absent] });
  assert.equal((second.items[0] as JsonObject)["correlationId"], "of the protocol");
});

test("payloads follow their content type: JSON, text, base64, or what they look like", async () => {
  const payloadOf = async (text: string, contentType?: string) => {
    const message = contentType === undefined ? {} : { contentType };
    const { items } = await brought([text], 1, { message });
    return (items[0] as JsonObject)["payload"];
  };
  assert.deepEqual(await payloadOf('{"a":1}', "application/vnd.x+json; v=1"), { a: 1 });
  assert.equal(await payloadOf("7", "text/plain"), "7");
  assert.equal(await payloadOf("abc", "application/octet-stream"), "YWJj");
  assert.equal(await payloadOf("null"), null);
  assert.equal(await payloadOf("{oops"), "{oops");
  assert.equal(await payloadOf("", "application/json"), null);
});

test("an outgoing message that matches no schema, or cannot be what its type says, is refused", async (t) => {
  const server = { host: "x.invalid", protocol: "http" };
  const messages = {
    a: { name: "a", payload: { type: "object", required: ["id"] } },
    b: { name: "b", payload: { type: "object", required: ["key"] } },
  };
  const { refused } = await asyncApi(t, document3(server, { messages }));
  const error = await refused({ operation: "things", message: { payload: {} } });
  assert.match(error.detail ?? "", /with.message does not match a: payload.*none of 1 others/);
  const binary = document3(server, { messages: { m: { contentType: "image/png" } } });
  const other = await (await asyncApi(t, binary)).refused({
    operation: "things",
    message: { payload: { not: "base64" } },
  });
  assert.match(other.detail ?? "", /must be base64 for image\/png/);
  const injected = await refused({
    operation: "things",
    message: { payload: { id: 1 }, headers: { a: "x\r\ny: z" } },
  });
  assert.match(injected.detail ?? "", /characters a header cannot carry/);
});
