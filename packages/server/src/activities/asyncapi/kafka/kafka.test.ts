import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { JsonObject } from "@millrace/language";
import { type Kafka, kafkaUnavailable, startKafka } from "@millrace/testkit/brokers";
import { Admin, Consumer, type Message, Producer } from "@platformatic/kafka";
import {
  contextOf,
  failureOf,
  nextOf,
  nextText,
  outgoing,
  peer,
  rebinding,
  subscribed,
  targetOf,
} from "../broker-testing.ts";
import { asyncApi, document3 } from "../call-testing.ts";
import { MAX_BATCH_BYTES } from "./decompression.ts";
import { kafkaProtocol } from "./kafka.ts";

const skip = kafkaUnavailable();
let broker: Kafka;
before(async () => {
  if (skip !== false) return;
  broker = await startKafka();
  setDefaultCACertificates([...getCACertificates("default"), broker.ca]);
});
after(() => broker?.stop());

/** Another client's options. */
const other = () => ({ clientId: "test", bootstrapBrokers: [`127.0.0.1:${broker.port}`] });

async function topicsMade(...topics: readonly string[]): Promise<void> {
  const admin = new Admin(other());
  await admin.createTopics({ topics: [...topics], partitions: 1, replicas: 1 });
  await admin.close();
}

async function produced(topic: string, ...values: readonly string[]): Promise<void> {
  const producer = new Producer(other());
  await producer.send({ messages: values.map((value) => ({ topic, value: Buffer.from(value) })) });
  await producer.close();
}

/** The first message of a topic, as another client reads it. */
async function firstOf(topic: string): Promise<Message> {
  const consumer = new Consumer({ ...other(), groupId: `reads-${topic}`, maxWaitTime: 100 });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
  for await (const message of stream) {
    await consumer.close(true);
    return message;
  }
  assert.fail("the topic has ended");
}

/** Once a group has a position, what is sent is not missed. */
async function positioned(groupId: string): Promise<void> {
  const admin = new Admin(other());
  for (;;) {
    const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId] }).catch(() => []);
    if (group?.topics.some(({ partitions }) => partitions.some((one) => one.committedOffset >= 0n)))
      break;
  }
  await admin.close();
}

test("publishes with the bound key and headers", { skip }, async (t) => {
  await topicsMade("orders");
  const target = targetOf("kafka", broker.port, "Orders channel", {
    bindings: {
      channel: { topic: "orders" },
      message: { key: { type: "string", enum: ["customer-7"] } },
    },
  });
  const message = outgoing("{}", {
    contentType: "application/json",
    headers: { traceparent: "00-1" },
  });
  await kafkaProtocol.publish(target, message, contextOf(t));
  const read = await firstOf("orders");
  assert.equal(String(read.value), "{}");
  assert.equal(String(read.key), "customer-7");
  const headers = [...read.headers].map(([name, value]) => [String(name), String(value)]);
  assert.deepEqual(headers, [
    ["traceparent", "00-1"],
    ["content-type", "application/json"],
  ]);
});

test("a document's Kafka channel is published to and subscribed to", { skip }, async (t) => {
  await topicsMade("things");
  const { saslPort, user: username, password } = broker;
  const server = { host: `127.0.0.1:${saslPort}`, protocol: "kafka" };
  const bindings = { kafka: { groupId: "things-group" } };
  const channel = { $ref: "#/channels/things" };
  const operations = { things: { action: "receive", channel, bindings } };
  const { publish, take } = await asyncApi(t, document3(server, {}, { operations }));
  const authentication = { basic: { username, password } };
  const taking = take({ operation: "things", authentication }, 2);
  await positioned("things-group");
  for (const id of [1, 2])
    await publish({ operation: "things", message: { payload: { id } }, authentication });
  const payloads = (await taking).map((item) => (item as JsonObject)["payload"]);
  assert.deepEqual(payloads, [{ id: 1 }, { id: 2 }]);
});

test("takes what comes from now on; what was not acknowledged comes again after a crash", {
  skip,
}, async (t) => {
  await topicsMade("work");
  await produced("work", "before");
  const crash = new AbortController();
  const context = contextOf(t);
  const target = targetOf("kafka", broker.port, "work");
  const first = subscribed(kafkaProtocol, target, { ...context, signal: crash.signal });
  const pending = nextOf(first);
  await positioned(context.subscriptionId);
  await produced("work", "one", "two", "three");
  const one = await pending;
  assert.equal(String(one.payload), "one");
  await one.ack();
  assert.equal(await nextText(first), "two");
  crash.abort(new Error("crash"));
  await failureOf(first.next());
  const second = subscribed(kafkaProtocol, target, context);
  assert.equal(await nextText(second), "two");
  await second.return();
});

test("logs in with the safest way the broker has, and with TLS to a certificate's name", {
  skip,
}, async (t) => {
  await topicsMade("secured");
  const { user: username, password } = broker;
  const sasl = targetOf("kafka", broker.saslPort, "secured", {
    credentials: { username, password },
  });
  await kafkaProtocol.publish(sasl, outgoing("with a password"), contextOf(t));
  const tls = targetOf("kafka-secure", broker.tlsPort, "secured", {
    secure: true,
    host: "localhost",
  });
  const context = contextOf(t);
  const messages = subscribed(kafkaProtocol, tls, context);
  const pending = nextText(messages);
  await positioned(context.subscriptionId);
  await kafkaProtocol.publish(tls, outgoing("over TLS"), contextOf(t));
  assert.equal(await pending, "over TLS");
  await messages.return();
  assert.equal(String((await firstOf("secured")).value), "with a password");
});

test("a wrong password of a Kafka broker is an authentication error", { skip }, async (t) => {
  const credentials = { username: broker.user, password: "hunter2" };
  const target = targetOf("kafka", broker.saslPort, "a", { credentials });
  const text = await failureOf(kafkaProtocol.publish(target, outgoing("x"), contextOf(t)));
  assert.match(text, /^authentication 401: .*refused the login/);
  assert.doesNotMatch(text, /hunter2/);
});

test("a broker that names a forbidden address as its own is not followed there", {
  skip,
}, async (t) => {
  await topicsMade("misled");
  const target = targetOf("kafka", broker.misleadingPort, "misled");
  const publish = failureOf(kafkaProtocol.publish(target, outgoing("x"), contextOf(t)));
  assert.match(await publish, /^authorization 403: .*169\.254\.169\.254/);
  const messages = subscribed(kafkaProtocol, target, contextOf(t));
  assert.match(await failureOf(messages.next()), /^authorization 403: .*169\.254\.169\.254/);
});

test("a topic that is not there is named by a 404", { skip }, async (t) => {
  const target = targetOf("kafka", broker.port, "nowhere");
  const publish = failureOf(kafkaProtocol.publish(target, outgoing("x"), contextOf(t)));
  assert.match(await publish, /^communication 404: .*no such topic/);
  const messages = subscribed(kafkaProtocol, target, contextOf(t));
  assert.match(await failureOf(messages.next()), /^communication 404: .*no such topic/);
});

test("a message too large for the topic, or for the subscription, is a 413", {
  skip,
}, async (t) => {
  await topicsMade("huge");
  const target = targetOf("kafka", broker.port, "huge");
  const large = outgoing("x".repeat(3_000_000));
  const publish = failureOf(kafkaProtocol.publish(target, large, contextOf(t)));
  assert.match(await publish, /^communication 413: .*too large/);
  const context = contextOf(t, { maxMessageBytes: 1000 });
  const messages = subscribed(kafkaProtocol, target, context);
  const pending = failureOf(messages.next());
  await positioned(context.subscriptionId);
  await produced("huge", "x".repeat(900_000));
  assert.match(await pending, /^communication 413: .*longer than 1000 bytes/);
});

test("a batch that decompresses to gigabytes ends a Kafka subscription", { skip }, async (t) => {
  await topicsMade("bomb");
  const context = contextOf(t);
  const messages = subscribed(kafkaProtocol, targetOf("kafka", broker.port, "bomb"), context);
  const pending = failureOf(messages.next());
  await positioned(context.subscriptionId);
  const producer = new Producer(other());
  const value = Buffer.alloc(MAX_BATCH_BYTES + 1);
  await producer.send({ messages: [{ topic: "bomb", value }], compression: "gzip" });
  await producer.close();
  assert.match(await pending, /^communication 413: .*after decompression/);
});

test("a Kafka broker that never answers ends in time", async (t) => {
  const port = await peer(() => undefined);
  const target = targetOf("kafka", port, "a");
  const context = contextOf(t, { haste: 200 });
  const publish = failureOf(kafkaProtocol.publish(target, outgoing("x"), context));
  assert.match(await publish, /^timeout 408: .*no answer within/);
  const messages = subscribed(kafkaProtocol, target, context);
  assert.match(await failureOf(messages.next()), /^timeout 408/);
});

test("a response that says it is two gigabytes long is not waited for", async (t) => {
  const port = await peer((socket) => {
    const head = Buffer.from("7fffffff00000001", "hex");
    socket.once("data", () => socket.write(head));
  });
  const target = targetOf("kafka", port, "a");
  const publish = failureOf(kafkaProtocol.publish(target, outgoing("x"), contextOf(t)));
  assert.match(await publish, /^communication 413: .*longer than/);
});

test("a Kafka subscription ends when its signal aborts, and when its caller leaves while it waits", {
  skip,
}, async (t) => {
  await topicsMade("quiet");
  const cancel = new AbortController();
  const target = targetOf("kafka", broker.port, "quiet");
  const context = contextOf(t, { signal: cancel.signal });
  const first = subscribed(kafkaProtocol, target, context);
  const waiting = failureOf(first.next());
  await positioned(context.subscriptionId);
  cancel.abort(new Error("cancelled"));
  assert.match(await waiting, /^communication/);
  const second = subscribed(kafkaProtocol, target, contextOf(t));
  const next = second.next();
  await second.return();
  assert.equal((await next).done, true);
});

test("a Kafka broker that the egress policy forbids is not spoken to", async (t) => {
  const port = await peer(() => assert.fail("connected"));
  for (const secure of [false, true]) {
    const target = targetOf("kafka", port, "a", { secure });
    const context = contextOf(t, { egress: {} });
    const publish = failureOf(kafkaProtocol.publish(target, outgoing("x"), context));
    assert.match(await publish, /^authorization 403: .*loopback/);
  }
});

test("the Kafka client connects to the address that was judged, and asks for the name no second time", {
  skip,
}, async (t) => {
  await topicsMade("named");
  const { host, resolve } = rebinding();
  const target = targetOf("kafka", broker.port, "named", { host });
  const context = contextOf(t, { resolve });
  await kafkaProtocol.publish(target, outgoing("x"), context);
  const again = failureOf(kafkaProtocol.publish(target, outgoing("x"), context));
  assert.match(await again, /^authorization 403: .*169\.254\.169\.254/);
});

test("a Kafka topic's name is checked before anything is sent", async (t) => {
  const publish = failureOf(
    kafkaProtocol.publish(targetOf("kafka", 1, "a/b"), outgoing("x"), contextOf(t)),
  );
  assert.match(await publish, /^configuration 400: .*249 letters/);
});

test("a Kafka broker that dies in the middle ends the subscription", { skip }, async (t) => {
  await topicsMade("last");
  const target = targetOf("kafka", broker.port, "last");
  const context = contextOf(t);
  const messages = subscribed(kafkaProtocol, target, context);
  const waiting = failureOf(messages.next());
  await positioned(context.subscriptionId);
  await broker.kill();
  assert.match(await waiting, /^communication 50[23]: /);
});
