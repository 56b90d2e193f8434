import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type Mosquitto, mosquittoUnavailable, startMosquitto } from "@millrace/testkit/brokers";
import mqtt, { type IPublishPacket } from "mqtt";
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
import { mqttProtocol } from "./mqtt.ts";

const skip = mosquittoUnavailable();
let broker: Mosquitto;
before(async () => {
  if (skip !== false) return;
  broker = await startMosquitto();
  setDefaultCACertificates([...getCACertificates("default"), broker.ca]);
});
after(() => broker?.stop());

/** A client of its own; gives what it receives from now on. */
async function listener(
  topic: string,
): Promise<{ next(): Promise<IPublishPacket>; end(): Promise<void> }> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 5 });
  const packets: IPublishPacket[] = [];
  let wake = (): void => undefined;
  client.on("message", (_topic, _payload, packet) => {
    packets.push(packet);
    wake();
  });
  await client.subscribeAsync(topic, { qos: 2 });
  return {
    async next() {
      while (packets.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return packets.shift() as IPublishPacket;
    },
    end: () => client.endAsync(),
  };
}

test("publishes with QoS, headers and content type to MQTT 5", { skip }, async (t) => {
  const other = await listener("orders/new");
  const target = targetOf("mqtt", broker.port, "orders/new", {
    bindings: { operation: { qos: 2, messageExpiryInterval: 60 } },
  });
  const message = outgoing("{}", {
    contentType: "application/json",
    headers: { traceparent: "00-1" },
    correlationId: "c-1",
  });
  await mqttProtocol.publish(target, message, contextOf(t));
  const packet = await other.next();
  assert.equal(String(packet.payload), "{}");
  assert.equal(packet.qos, 2);
  assert.equal(packet.properties?.contentType, "application/json");
  assert.equal(String(packet.properties?.correlationData), "c-1");
  assert.equal(packet.properties?.userProperties?.traceparent, "00-1");
  await other.end();
});

test("a document's MQTT channel is published to and subscribed to", { skip }, async (t) => {
  const { tlsPort, user: username, password } = broker;
  const server = { host: `localhost:${tlsPort}`, protocol: "secure-mqtt" };
  const operations = {
    things: {
      action: "receive",
      channel: { $ref: "#/channels/things" },
      bindings: { mqtt: { qos: 1, retain: true } },
    },
  };
  const { publish, take } = await asyncApi(t, document3(server, {}, { operations }));
  const authentication = { basic: { username, password } };
  const message = { payload: { id: 1 }, headers: { kind: "new" } };
  await publish({ operation: "things", message, authentication });
  const [item] = await take({ operation: "things", authentication }, 1);
  assert.deepEqual(item, message);
});

test("retains what is bound to be retained, over MQTT 3.1.1, TLS and a password", {
  skip,
}, async (t) => {
  const { user: username, password } = broker;
  const target = targetOf("secure-mqtt", broker.tlsPort, "retained", {
    secure: true,
    host: "localhost",
    protocolVersion: "3.1.1",
    credentials: { username, password },
    bindings: { operation: { retain: true } },
  });
  const context = contextOf(t);
  await mqttProtocol.publish(target, outgoing("kept"), context);
  const messages = subscribed(mqttProtocol, target, context);
  assert.equal(await nextText(messages), "kept");
  await messages.return();
});

for (const qos of [1, 2]) {
  test(`a message with QoS ${qos} that was not acknowledged comes again after a crash`, {
    skip,
  }, async (t) => {
    const target = targetOf("mqtt", broker.port, `again/${qos}`, {
      bindings: { operation: { qos } },
    });
    const crash = new AbortController();
    const context = contextOf(t);
    const first = subscribed(mqttProtocol, target, { ...context, signal: crash.signal });
    const pending = nextOf(first);
    // Subscribed once a message that is sent again and again comes.
    const sender = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`);
    const repeat = setInterval(() => void sender.publish(target.address, "hello"), 20);
    await (await pending).ack();
    clearInterval(repeat);
    await sender.publishAsync(target.address, "one", { qos: 2 });
    await sender.publishAsync(target.address, "two", { qos: 2 });
    await sender.endAsync();
    let message = await nextOf(first);
    while (String(message.payload) === "hello") {
      await message.ack();
      message = await nextOf(first);
    }
    assert.equal(String(message.payload), "one");
    crash.abort(new Error("crash"));
    await failureOf(first.next());
    const second = subscribed(mqttProtocol, target, context);
    const again = await nextOf(second);
    assert.equal(String(again.payload), "one");
    await again.ack();
    assert.equal(await nextText(second), "two");
    await second.return();
  });
}

test("a wrong password of an MQTT broker is an authentication error", { skip }, async (t) => {
  const target = targetOf("secure-mqtt", broker.tlsPort, "a", {
    secure: true,
    host: "localhost",
    credentials: { username: broker.user, password: "hunter2" },
  });
  for (const protocolVersion of ["3.1.1", "5"]) {
    const text = await failureOf(
      mqttProtocol.publish({ ...target, protocolVersion }, outgoing("x"), contextOf(t)),
    );
    assert.match(text, /^authentication 401: .*the broker refused/);
    assert.doesNotMatch(text, /hunter2/);
  }
});

test("an MQTT broker that never answers ends in time", async (t) => {
  const port = await peer(() => undefined);
  const text = failureOf(
    mqttProtocol.publish(targetOf("mqtt", port, "a"), outgoing("x"), contextOf(t, { haste: 200 })),
  );
  assert.match(await text, /^timeout 408: .*no answer within/);
  const messages = subscribed(
    mqttProtocol,
    targetOf("mqtt", port, "a"),
    contextOf(t, { haste: 200 }),
  );
  assert.match(await failureOf(messages.next()), /^timeout 408/);
});

test("an MQTT subscription ends when its signal aborts, and when its caller leaves while it waits", {
  skip,
}, async (t) => {
  const cancel = new AbortController();
  const target = targetOf("mqtt", broker.port, "quiet");
  const first = subscribed(mqttProtocol, target, contextOf(t, { signal: cancel.signal }));
  const waiting = failureOf(first.next());
  cancel.abort(new Error("cancelled"));
  assert.match(await waiting, /^communication/);
  const second = subscribed(mqttProtocol, target, contextOf(t));
  const next = second.next();
  await second.return();
  assert.equal((await next).done, true);
});

test("an MQTT broker that dies in the middle ends the subscription", { skip }, async (t) => {
  const own = await startMosquitto();
  t.after(() => own.stop());
  const target = targetOf("mqtt", own.port, "a", { bindings: { operation: { retain: true } } });
  const context = contextOf(t);
  await mqttProtocol.publish(target, outgoing("x"), context);
  const messages = subscribed(mqttProtocol, target, context);
  const message = await nextOf(messages);
  const next = failureOf(message.ack().then(() => messages.next()));
  await own.kill();
  assert.match(await next, /^communication 502: .*the connection was (closed|reset)/);
});

test("a message longer than the limit ends an MQTT subscription, not the memory", {
  skip,
}, async (t) => {
  const target = targetOf("mqtt", broker.port, "huge", {
    bindings: { operation: { retain: true } },
  });
  await mqttProtocol.publish(target, outgoing("x".repeat(900_000)), contextOf(t));
  const messages = subscribed(mqttProtocol, target, contextOf(t, { maxMessageBytes: 1000 }));
  assert.match(await failureOf(messages.next()), /^communication 413: .*longer than 1000 bytes/);
});

test("a peer that speaks no MQTT is named as such", async (t) => {
  const port = await peer((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const text = failureOf(
    mqttProtocol.publish(targetOf("mqtt", port, "a"), outgoing("x"), contextOf(t)),
  );
  assert.match(await text, /^communication 502: .*does not speak MQTT/);
});

test("the MQTT client connects to the address that was judged, and asks for the name no second time", {
  skip,
}, async (t) => {
  const { host, resolve } = rebinding();
  const target = targetOf("mqtt", broker.port, "named", { host });
  const context = contextOf(t, { resolve });
  await mqttProtocol.publish(target, outgoing("x"), context);
  const again = failureOf(mqttProtocol.publish(target, outgoing("x"), context));
  assert.match(await again, /^authorization 403: .*169\.254\.169\.254/);
});

test("what MQTT cannot carry is refused before anything is sent", async (t) => {
  const context = contextOf(t);
  const publish = (
    address: string,
    more: Parameters<typeof targetOf>[3],
    headers = {},
  ): Promise<string> =>
    failureOf(
      mqttProtocol.publish(targetOf("mqtt", 1, address, more), outgoing("x", { headers }), context),
    );
  assert.match(await publish("a/+", {}), /^configuration 400: .*no wildcards/);
  assert.match(await publish("", {}), /^configuration 400: .*1 to 65535 bytes/);
  assert.match(
    await publish("a", { protocolVersion: "3.1.1" }, { a: "b" }),
    /^configuration 400: .*no headers/,
  );
  assert.match(
    await publish("a", { protocolVersion: "9" }),
    /^configuration 400: .*MQTT 9 is unknown/,
  );
  assert.match(
    await publish("a", { bindings: { operation: { qos: 3 } } }),
    /^configuration 400: .*: qos of the mqtt operation binding/,
  );
});

test("an MQTT broker that the egress policy forbids is not spoken to", async (t) => {
  const port = await peer(() => assert.fail("connected"));
  const target = targetOf("mqtt", port, "a");
  const context = contextOf(t, { egress: {} });
  assert.match(
    await failureOf(mqttProtocol.publish(target, outgoing("x"), context)),
    /^authorization 403: .*loopback/,
  );
});
