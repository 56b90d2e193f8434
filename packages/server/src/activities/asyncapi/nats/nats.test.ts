import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import {
  type Nats,
  natsUnavailable,
  type SecuredNats,
  startNats,
  startSecuredNats,
} from "@millrace/testkit/brokers";
import {
  contextOf,
  failureOf,
  nextOf,
  nextText,
  noSockets,
  outgoing,
  peer,
  subscribed,
  targetOf,
} from "../broker-testing.ts";
import { nats } from "./nats.ts";

const skip = natsUnavailable();

describe("NATS", { skip }, () => {
  let broker: Nats;
  let secured: SecuredNats;
  before(async () => {
    broker = await startNats();
    secured = await startSecuredNats();
    setDefaultCACertificates([...getCACertificates("default"), secured.ca]);
  });
  after(async () => {
    await broker.stop();
    await secured.stop();
  });

  test("NATS: a message comes with its headers, content type and correlation id", async (t) => {
    const target = targetOf("nats", broker.port, "orders.new");
    const context = contextOf(t);
    const messages = subscribed(nats, { ...target, address: "orders.>" }, context);
    const first = nextOf(messages);
    // Nothing tells when a subscription has begun, but its first message.
    const publishing = setInterval(() => {
      const more = { headers: { kind: "new" }, correlationId: "c1", contentType: "text/plain" };
      nats.publish(target, outgoing("hello", more), context).catch(() => {});
    }, 50);
    const message = await first.finally(() => clearInterval(publishing));
    assert.equal(Buffer.from(message.payload).toString(), "hello");
    assert.equal(message.headers["kind"], "new");
    assert.deepEqual([message.contentType, message.correlationId], ["text/plain", "c1"]);
    await message.ack();
    await messages.return();
  });

  test("NATS: subscribers of a queue share the messages", async (t) => {
    const bindings = { operation: { queue: "workers" } };
    const target = targetOf("nats", broker.port, "jobs", { bindings });
    const context = contextOf(t);
    const workers = [subscribed(nats, target, context), subscribed(nats, target, context)];
    const got: string[] = [];
    const takers = workers.map(async (worker) => {
      while (got.length < 20) {
        const text = await nextText(worker);
        got.push(text);
      }
      await worker.return();
    });
    const publishing = setInterval(() => {
      nats.publish(target, outgoing(String(Math.random())), context).catch(() => {});
    }, 5);
    await Promise.all(takers);
    clearInterval(publishing);
    assert.equal(new Set(got).size, got.length);
  });

  test("NATS: TLS and a password, by the name in the certificate", async (t) => {
    const { port, user: username, password } = secured;
    const credentials = { username, password };
    for (const secure of [true, false]) {
      const target = targetOf("nats", port, "safe", { host: "localhost", secure, credentials });
      await nats.publish(target, outgoing("hello"), contextOf(t));
    }
    const wrong = targetOf("nats", port, "safe", { credentials: { username, password: "no" } });
    const refused = await failureOf(nats.publish(wrong, outgoing("hello"), contextOf(t)));
    assert.match(refused, /^authentication 401: /);
    assert.doesNotMatch(refused, new RegExp(password));
  });

  test("NATS: a document that asks for TLS gets no plain connection", async (t) => {
    const target = targetOf("nats", broker.port, "safe", { secure: true });
    const failure = await failureOf(nats.publish(target, outgoing("hello"), contextOf(t)));
    assert.match(failure, /communication 502: .*does not offer TLS/);
  });

  test("NATS: a payload longer than the server takes is refused before it goes out", async (t) => {
    const target = targetOf("nats", broker.port, "large");
    const message = { ...outgoing(""), payload: new Uint8Array(2 * 1024 * 1024) };
    const failure = await failureOf(nats.publish(target, message, contextOf(t)));
    assert.match(failure, /^configuration 400: .*larger than the 1048576 bytes/);
  });

  test("NATS: a broker that dies ends the subscription", async (t) => {
    const mortal = await startNats();
    const context = contextOf(t);
    const target = targetOf("nats", mortal.port, "x");
    const messages = subscribed(nats, target, context);
    const first = nextOf(messages);
    const publishing = setInterval(() => {
      nats.publish(target, outgoing("last"), context).catch(() => {});
    }, 50);
    await first.finally(() => clearInterval(publishing));
    await mortal.stop();
    const ended = async (): Promise<void> => {
      for (;;) await nextOf(messages);
    };
    assert.match(await failureOf(ended()), /^communication 50[23]: /);
  });
});

test("NATS: a server that accepts and never answers ends with the time limit", async (t) => {
  const port = await peer(() => {});
  const context = contextOf(t, { haste: 200 });
  const failure = await failureOf(
    nats.publish(targetOf("nats", port, "x"), outgoing("hello"), context),
  );
  assert.match(failure, /^timeout 408: /);
  await noSockets();
});

test("NATS: a first line without end and a message without end are cut off", async (t) => {
  const endless = await peer((socket) => {
    const more = (): void =>
      void socket.write("x".repeat(10_000), (error) => error ?? setImmediate(more));
    more();
  });
  const first = nats.publish(targetOf("nats", endless, "x"), outgoing("hello"), contextOf(t));
  assert.match(await failureOf(first), /^communication 502: .*does not speak NATS/);
  const flooding = await peer((socket) => {
    socket.write(
      'INFO {"server_id":"x","version":"2.9.0","max_payload":1000000,"proto":1,"headers":true}\r\n',
    );
    socket.on("data", (data) => {
      if (data.includes("PING")) socket.write("PONG\r\n");
      if (!data.includes("SUB")) return;
      socket.write("MSG x 1 9000000\r\n");
      const more = (): void =>
        void socket.write("x".repeat(100_000), (error) => error ?? setImmediate(more));
      more();
    });
  });
  const messages = subscribed(nats, targetOf("nats", flooding, "x"), contextOf(t));
  assert.match(await failureOf(messages.next()), /^communication 413: /);
});

test("NATS: a metadata address is refused before anything is sent", async (t) => {
  const target = targetOf("nats", 4222, "x", { host: "169.254.169.254" });
  const failure = await failureOf(nats.publish(target, outgoing("hello"), contextOf(t)));
  assert.match(failure, /^authorization 403: /);
});

test("NATS: cancelling closes the connection", async (t) => {
  const connected = Promise.withResolvers<void>();
  const port = await peer(() => connected.resolve());
  const controller = new AbortController();
  const context = contextOf(t, { signal: controller.signal });
  const messages = subscribed(nats, targetOf("nats", port, "x"), context);
  const failed = failureOf(messages.next());
  await connected.promise;
  controller.abort(new Error("cancelled"));
  assert.match(await failed, /^communication /);
});
