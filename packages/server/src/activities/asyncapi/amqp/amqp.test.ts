import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type RabbitMq, rabbitMqUnavailable, startRabbitMq } from "@millrace/testkit/brokers";
import { type Channel, connect } from "amqplib";
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
import { kindOf } from "../../testing.ts";
import { asyncApi, document3 } from "../call-testing.ts";
import { amqpProtocol } from "./amqp.ts";

const skip = rabbitMqUnavailable();
let broker: RabbitMq;
before(async () => {
  if (skip !== false) return;
  broker = await startRabbitMq();
  setDefaultCACertificates([...getCACertificates("default"), broker.ca]);
});
after(() => broker?.stop());

/** Does something as another client. */
async function asOther<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
  const model = await connect(`amqp://guest:guest@127.0.0.1:${broker.port}`);
  try {
    const channel = await model.createConfirmChannel();
    const result = await work(channel);
    await channel.waitForConfirms();
    return result;
  } finally {
    await model.close();
  }
}

/** A durable queue, with these messages in it. */
async function queueWith(queue: string, ...texts: readonly string[]): Promise<void> {
  await asOther(async (channel) => {
    await channel.assertQueue(queue);
    for (const text of texts) channel.sendToQueue(queue, Buffer.from(text), { persistent: true });
  });
}

test("publishes to an exchange with properties from bindings and message", { skip }, async (t) => {
  await asOther(async (channel) => {
    await channel.assertExchange("orders", "topic");
    await channel.assertQueue("all-orders");
    await channel.bindQueue("all-orders", "orders", "orders.#");
  });
  const target = targetOf("amqp", broker.port, "orders.new", {
    bindings: {
      channel: { is: "routingKey", exchange: { name: "orders", type: "topic" } },
      operation: { priority: 3, mandatory: true, timestamp: true },
      message: { messageType: "order" },
    },
  });
  const message = outgoing("{}", {
    contentType: "application/json",
    headers: { traceparent: "00-1" },
    correlationId: "c-1",
  });
  await amqpProtocol.publish(target, message, contextOf(t));
  const read = await asOther((channel) => channel.get("all-orders", { noAck: true }));
  assert.ok(read);
  assert.equal(read.content.toString(), "{}");
  const { contentType, correlationId, messageId, deliveryMode, priority, type, headers } =
    read.properties;
  assert.deepEqual(
    { contentType, correlationId, messageId, deliveryMode, priority, type },
    {
      contentType: "application/json",
      correlationId: "c-1",
      messageId: "id-1",
      deliveryMode: 2,
      priority: 3,
      type: "order",
    },
  );
  assert.equal(headers?.traceparent, "00-1");
});

test("a document's AMQP channel is published to and subscribed to", { skip }, async (t) => {
  await queueWith("things");
  const server = { host: `127.0.0.1:${broker.port}`, protocol: "amqp", pathname: "/" };
  const { publish, take, refused } = await asyncApi(t, document3(server));
  const message = { payload: { id: 1 }, headers: { kind: "new" } };
  await publish({ operation: "things", message });
  const [item] = await take({ operation: "things" }, 1);
  assert.deepEqual(item, message);
  const authentication = { basic: { username: "ada", password: "hunter2" } };
  const error = await refused({ operation: "things", message, authentication });
  assert.equal(kindOf(error), "authentication 401");
  assert.equal(
    error.detail,
    `amqp://127.0.0.1:${broker.port} things: the broker refused the login (403)`,
  );
});

test("publishes over TLS with a user and a password", { skip }, async (t) => {
  await queueWith("secure");
  const { tlsPort, user: username, password } = broker;
  const target = targetOf("amqps", tlsPort, "secure", {
    secure: true,
    host: "localhost",
    credentials: { username, password },
  });
  await amqpProtocol.publish(target, outgoing("secret"), contextOf(t));
  const read = await asOther((channel) => channel.get("secure", { noAck: true }));
  assert.equal(read && read.content.toString(), "secret");
});

test("takes from a queue one by one; what was not acknowledged comes again after a crash", {
  skip,
}, async (t) => {
  await queueWith("work", "one", "two");
  const crash = new AbortController();
  const context = contextOf(t);
  const target = targetOf("amqp", broker.port, "work");
  const first = subscribed(amqpProtocol, target, { ...context, signal: crash.signal });
  const one = await nextOf(first);
  assert.equal(String(one.payload), "one");
  await one.ack();
  assert.equal(await nextText(first), "two");
  crash.abort(new Error("crash"));
  await failureOf(first.next());
  const second = subscribed(amqpProtocol, target, context);
  const two = await nextOf(second);
  assert.equal(String(two.payload), "two");
  await two.ack();
  await second.return();
  const left = await asOther((channel) => channel.checkQueue("work"));
  assert.equal(left.messageCount, 0);
});

test("a subscription to an exchange has a durable queue of its own", { skip }, async (t) => {
  await asOther((channel) => channel.assertExchange("news", "fanout"));
  const context = contextOf(t);
  const target = targetOf("amqp", broker.port, "any", {
    bindings: { channel: { exchange: { name: "news" } } },
  });
  const first = subscribed(amqpProtocol, target, context);
  const waiting = first.next();
  // Its queue is there as soon as this finds it.
  for (;;) {
    const found = await asOther((channel) => channel.checkQueue(context.subscriptionId)).catch(
      () => undefined,
    );
    if (found?.consumerCount === 1) break;
  }
  await first.return();
  assert.equal((await waiting).done, true);
  await amqpProtocol.publish(target, outgoing("missed"), context);
  const second = subscribed(amqpProtocol, target, context);
  assert.equal(await nextText(second), "missed");
  await second.return();
});

test("a queue or exchange that is not there is named by the broker's 404", { skip }, async (t) => {
  const context = contextOf(t);
  const target = targetOf("amqp", broker.port, "nowhere");
  const publish = failureOf(amqpProtocol.publish(target, outgoing("x"), context));
  assert.match(await publish, /^communication 404: .*there is no queue nowhere/);
  const exchange = targetOf("amqp", broker.port, "key", {
    bindings: { channel: { exchange: { name: "nowhere" } } },
  });
  for (const work of [
    () => subscribed(amqpProtocol, target, context).next(),
    () => subscribed(amqpProtocol, exchange, context).next(),
    () => amqpProtocol.publish(exchange, outgoing("x"), context),
  ])
    assert.match(await failureOf(work()), /^communication 404: .*no such exchange or queue/);
});

test("a wrong password of an AMQP broker is an authentication error, a virtual host that is not there one of authorization", {
  skip,
}, async (t) => {
  const context = contextOf(t);
  const credentials = { username: "guest", password: "hunter2" };
  const target = targetOf("amqp", broker.port, "a", { credentials });
  const text = await failureOf(amqpProtocol.publish(target, outgoing("x"), context));
  assert.match(text, /^authentication 401: .*refused the login/);
  assert.doesNotMatch(text, /hunter2/);
  const elsewhere = targetOf("amqp", broker.port, "a", { pathname: "/else%2Fwhere" });
  assert.match(
    await failureOf(amqpProtocol.publish(elsewhere, outgoing("x"), context)),
    /^authorization 403: .*refused the virtual host else\/where/,
  );
});

test("an AMQP broker that never answers ends in time", async (t) => {
  const port = await peer(() => undefined);
  const target = targetOf("amqp", port, "a");
  const context = contextOf(t, { haste: 200 });
  const publish = failureOf(amqpProtocol.publish(target, outgoing("x"), context));
  assert.match(await publish, /^timeout 408: .*no answer within/);
  const messages = subscribed(amqpProtocol, target, context);
  assert.match(await failureOf(messages.next()), /^timeout 408/);
});

test("an AMQP subscription ends when its signal aborts, and when its caller leaves while it waits", {
  skip,
}, async (t) => {
  await queueWith("quiet");
  const cancel = new AbortController();
  const target = targetOf("amqp", broker.port, "quiet");
  const first = subscribed(amqpProtocol, target, contextOf(t, { signal: cancel.signal }));
  const waiting = failureOf(first.next());
  cancel.abort(new Error("cancelled"));
  assert.match(await waiting, /^communication/);
  const second = subscribed(amqpProtocol, target, contextOf(t));
  const next = second.next();
  await second.return();
  assert.equal((await next).done, true);
});

test("a message longer than the limit ends an AMQP subscription, not the memory", {
  skip,
}, async (t) => {
  await queueWith("huge", "x".repeat(2_000_000));
  const context = contextOf(t, { maxMessageBytes: 1000 });
  const messages = subscribed(amqpProtocol, targetOf("amqp", broker.port, "huge"), context);
  assert.match(await failureOf(messages.next()), /^communication 413: .*longer than 1000 bytes/);
});

test("a peer that speaks no AMQP is named as such, and one that hangs up too", async (t) => {
  const talking = await peer((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const publish = (port: number): Promise<string> =>
    failureOf(amqpProtocol.publish(targetOf("amqp", port, "a"), outgoing("x"), contextOf(t)));
  assert.match(await publish(talking), /^communication 502: .*does not speak AMQP/);
  const leaving = await peer((socket) => socket.end());
  assert.match(await publish(leaving), /^communication 502: .*connection was closed/);
});

test("an AMQP broker that the egress policy forbids is not spoken to", async (t) => {
  const port = await peer(() => assert.fail("connected"));
  const context = contextOf(t, { egress: {} });
  for (const secure of [false, true]) {
    const target = targetOf("amqp", port, "a", { secure });
    const publish = failureOf(amqpProtocol.publish(target, outgoing("x"), context));
    assert.match(await publish, /^authorization 403: .*loopback/);
  }
});

test("the AMQP client connects to the address that was judged, and asks for the name no second time", {
  skip,
}, async (t) => {
  await queueWith("named");
  const { host, resolve } = rebinding();
  const target = targetOf("amqp", broker.port, "named", { host });
  const context = contextOf(t, { resolve });
  await amqpProtocol.publish(target, outgoing("x"), context);
  const again = failureOf(amqpProtocol.publish(target, outgoing("x"), context));
  assert.match(await again, /^authorization 403: .*169\.254\.169\.254/);
});

test("what AMQP bindings cannot mean is refused before anything is sent", async (t) => {
  const publish = (bindings: Record<string, Record<string, never>>): Promise<string> =>
    failureOf(
      amqpProtocol.publish(targetOf("amqp", 1, "a", { bindings }), outgoing("x"), contextOf(t)),
    );
  const wrong = (value: unknown): Record<string, never> => value as Record<string, never>;
  assert.match(
    await publish({ channel: wrong({ is: "topic" }) }),
    /^configuration 400: .*: is of the amqp channel binding/,
  );
  assert.match(
    await publish({ channel: wrong({ exchange: { name: "x".repeat(256) } }) }),
    /^configuration 400: .*255 bytes/,
  );
});

test("an AMQP broker that dies in the middle ends the subscription, and its message comes again", {
  skip,
}, async (t) => {
  await queueWith("durable", "kept");
  const target = targetOf("amqp", broker.port, "durable");
  const context = contextOf(t);
  const first = subscribed(amqpProtocol, target, context);
  const message = await nextOf(first);
  await broker.kill();
  assert.match(
    await failureOf(first.next()),
    /^communication 502: .*connection was (closed|reset)/,
  );
  await assert.rejects(message.ack());
  await broker.restart();
  const second = subscribed(amqpProtocol, target, context);
  assert.equal(await nextText(second), "kept");
  await second.return();
});
