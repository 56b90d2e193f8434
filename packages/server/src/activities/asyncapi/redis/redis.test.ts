import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type Redis, redisUnavailable, startRedis } from "@millrace/testkit/brokers";
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
import type { OutgoingMessage, ProtocolContext, ProtocolTarget } from "../protocol.ts";
import { redis } from "./redis.ts";

const STREAM = { channel: { type: "stream" } };

/** Publishes again and again until it is stopped: nothing tells when a subscription has begun. */
function publishing(target: ProtocolTarget, context: ProtocolContext, message: OutgoingMessage) {
  const timer = setInterval(() => {
    redis.publish(target, message, context).catch(() => {});
  }, 50);
  return (): void => clearInterval(timer);
}

describe("Redis", { skip: redisUnavailable() }, () => {
  let broker: Redis;
  let password: string;
  before(async () => {
    broker = await startRedis();
    ({ password } = broker);
    setDefaultCACertificates([...getCACertificates("default"), broker.ca]);
  });
  after(() => broker.stop());
  const on = (address: string, more: Parameters<typeof targetOf>[3] = {}): ProtocolTarget =>
    targetOf("redis", broker.port, address, { credentials: { password }, ...more });

  test("Redis: what is published to a channel comes to its subscriber", async (t) => {
    const context = contextOf(t);
    const target = on("news");
    const messages = subscribed(redis, target, context);
    const stop = publishing(target, context, outgoing('{"id":1}'));
    assert.equal(await nextText(messages).finally(stop), '{"id":1}');
    await messages.return();
  });

  test("Redis: a stream keeps messages with their headers until they are acknowledged", async (t) => {
    const context = contextOf(t);
    const target = on("orders", { bindings: STREAM });
    const messages = subscribed(redis, target, context);
    const more = { headers: { kind: "new" }, correlationId: "c1", contentType: "text/plain" };
    const stop = publishing(target, context, outgoing("hello", more));
    const first = await nextOf(messages).finally(stop);
    assert.equal(Buffer.from(first.payload).toString(), "hello");
    assert.deepEqual(first.headers, { kind: "new" });
    assert.deepEqual([first.contentType, first.correlationId], ["text/plain", "c1"]);
    await first.ack();
    await messages.return();
  });

  test("Redis: what was not acknowledged comes again, and what was does not", async (t) => {
    const controller = new AbortController();
    const context = contextOf(t, { signal: controller.signal });
    const again = contextOf(t, { subscriptionId: context.subscriptionId });
    const target = on("jobs", { bindings: STREAM });
    const messages = subscribed(redis, target, context);
    const stop = publishing(target, again, outgoing("warm-up"));
    await (await nextOf(messages).finally(stop)).ack();
    for (const text of ["a", "b"]) await redis.publish(target, outgoing(text), again);
    let taken = await nextOf(messages);
    const textOf = () => Buffer.from(taken.payload).toString();
    for (; textOf() === "warm-up"; taken = await nextOf(messages)) await taken.ack();
    assert.equal(textOf(), "a");
    controller.abort(new Error("the process died"));
    await failureOf(messages.next());
    const reopened = subscribed(redis, target, again);
    for (const text of ["a", "b"]) {
      const message = await nextOf(reopened);
      assert.equal(Buffer.from(message.payload).toString(), text);
      await message.ack();
    }
    await reopened.return();
  });

  test("Redis: readers of a group share a stream, which may be bounded", async (t) => {
    const bindings = { channel: { type: "stream", group: "workers", maxLength: 1_000 } };
    const target = on("shared", { bindings });
    const contexts = [contextOf(t), contextOf(t)];
    const got: string[] = [];
    const readers = contexts.map(async (context) => {
      const messages = subscribed(redis, target, context);
      while (got.length < 10) {
        const message = await nextOf(messages);
        got.push(Buffer.from(message.payload).toString());
        await message.ack();
      }
      await messages.return();
    });
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      redis.publish(target, outgoing(String(count)), contextOf(t)).catch(() => {});
    }, 10);
    await Promise.all(readers).finally(() => clearInterval(timer));
    assert.equal(new Set(got).size, got.length);
  });

  test("Redis: TLS by the name in the certificate; a wrong password is refused", async (t) => {
    const more = {
      secure: true,
      host: "localhost",
      credentials: { username: "default", password },
    };
    const safe = targetOf("rediss", broker.tlsPort, "safe", more);
    await redis.publish(safe, outgoing("hello"), contextOf(t));
    const wrong = on("safe", { credentials: { password: "not-the-password" } });
    const refused = await failureOf(redis.publish(wrong, outgoing("hello"), contextOf(t)));
    assert.match(refused, /^authentication 401: /);
    assert.doesNotMatch(refused, /not-the-password/);
  });

  test("Redis: a publisher that is too fast for the workflow ends the subscription, not the memory", async (t) => {
    const context = contextOf(t);
    const target = on("flood");
    const messages = subscribed(redis, target, context);
    const large = { ...outgoing(""), payload: Buffer.alloc(900_000, "x") };
    const stop = publishing(target, context, large);
    await nextOf(messages);
    for (let sent = 0; sent < 20; sent += 1) await redis.publish(target, large, context);
    stop();
    let taken = 1;
    const rest = async (): Promise<void> => {
      for (;;) {
        await (await nextOf(messages)).ack();
        taken += 1;
      }
    };
    assert.match(await failureOf(rest()), /^communication 503: .*faster than the workflow/);
    assert.ok(taken >= 18 && taken < 22, String(taken));
  });
});

test("Redis: a channel carries no headers", async (t) => {
  const message = outgoing("hello", { headers: { kind: "new" } });
  const failure = await failureOf(redis.publish(targetOf("redis", 1, "x"), message, contextOf(t)));
  assert.match(failure, /^configuration 400: .*carries no headers/);
});

test("Redis: a binding with another type is refused", async (t) => {
  const target = targetOf("redis", 1, "x", { bindings: { channel: { type: "list" } } });
  const failure = await failureOf(redis.publish(target, outgoing("hello"), contextOf(t)));
  assert.match(failure, /^configuration 400: .*channel or stream/);
});

test("Redis: a server that accepts and never answers, or closes at once, is an error", async (t) => {
  const silent = targetOf("redis", await peer(() => {}), "x");
  const hasty = contextOf(t, { haste: 200 });
  assert.match(await failureOf(redis.publish(silent, outgoing("hello"), hasty)), /^timeout 408: /);
  const rude = targetOf("redis", await peer((socket) => socket.destroy()), "x");
  const failure = await failureOf(redis.publish(rude, outgoing("hello"), contextOf(t)));
  assert.match(failure, /^communication 50\d: /);
  await noSockets();
});

test("Redis: a metadata address is refused before anything is sent", async (t) => {
  const target = targetOf("redis", 6379, "x", { host: "169.254.169.254" });
  const failure = await failureOf(redis.publish(target, outgoing("hello"), contextOf(t)));
  assert.match(failure, /^authorization 403: /);
});
