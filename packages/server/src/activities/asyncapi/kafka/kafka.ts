/** Apache Kafka, with `@platformatic/kafka`. */
import {
  Connection,
  Consumer,
  type Message,
  type MessagesStream,
  ProduceAcks,
  Producer,
  type SASLMechanismValue,
  saslHandshakeV1,
} from "@platformatic/kafka";
import { ActivityFailure } from "../../failure.ts";
import type { IncomingMessage, Protocol, ProtocolContext, ProtocolTarget } from "../protocol.ts";
import {
  ANSWER_LIMIT,
  abortable,
  type Inbox,
  inSession,
  type Session,
  subscription,
  tooLong,
} from "../session.ts";
import "./decompression.ts";
import { refusal } from "./failures.ts";
import { Guard } from "./guard.ts";
import { clientOptions, groupOf, headersOf, incomingHeaders, keyOf, topicOf } from "./options.ts";

/** Milliseconds without a sign of life after which the broker gives a group member's partitions to others. */
const SESSION_TIMEOUT = 10_000;
/** Safest first; a password goes over the wire with the last one only. */
const MECHANISMS: readonly SASLMechanismValue[] = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"];

type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;

export const kafkaProtocol: Protocol = {
  async publish(target, message, context) {
    const topic = topicOf(target);
    const key = keyOf(target);
    await inSession(
      context,
      (signal) => openProducer(target, context, signal),
      async ({ producer, guard }) => {
        const record = {
          topic,
          value: Buffer.from(message.payload),
          headers: new Map(
            Object.entries(headersOf(message)).map(([name, value]) => [
              Buffer.from(name),
              Buffer.from(value),
            ]),
          ),
          ...(key === undefined ? {} : { key: Buffer.from(key) }),
        };
        const options = { acks: ProduceAcks.ALL, idempotent: true };
        await producer.send({ messages: [record], ...options }).catch((error: unknown) => {
          throw guard.failure ?? refusal(error);
        });
      },
    );
  },
  subscribe: (target, context) =>
    subscription(context, (inbox, signal) => consume(target, context, inbox, signal)),
};

function guardOf(target: ProtocolTarget, { door, maxMessageBytes }: ProtocolContext): Guard {
  const { protocol, secure } = target;
  return new Guard({ door, protocol: `${protocol}:`, secure, maxMessageBytes });
}

async function openProducer(
  target: ProtocolTarget,
  context: ProtocolContext,
  signal: AbortSignal,
): Promise<Session & { readonly producer: Producer; readonly guard: Guard }> {
  const guard = guardOf(target, context);
  try {
    const mechanism = await abortable(mechanismOf(target, guard), signal);
    const producer = new Producer(clientOptions(target, guard, mechanism));
    return {
      producer,
      guard,
      close: async () => producer.close(),
      destroy() {
        guard.destroy();
        quietly(producer.close());
      },
    };
  } catch (error) {
    guard.destroy();
    throw error;
  }
}

/** How to log in: a document says no more than user and password, so the broker is asked what it has. */
async function mechanismOf(
  target: ProtocolTarget,
  guard: Guard,
): Promise<SASLMechanismValue | undefined> {
  const { username, token } = target.credentials;
  if (token !== undefined) return "OAUTHBEARER";
  if (username === undefined) return undefined;
  const { tls } = guard;
  const connection = new Connection("millrace", {
    context: guard,
    connectTimeout: ANSWER_LIMIT,
    requestTimeout: ANSWER_LIMIT,
    ...(tls === undefined ? {} : { tls }),
  });
  try {
    await connection.connect(target.host, target.port);
    const [safest = "PLAIN"] = MECHANISMS;
    const offered = await saslHandshakeV1.api.async(connection, safest).then(
      (response) => response.mechanisms,
      (error: unknown) => {
        const mechanisms = offeredBy(error);
        if (mechanisms === undefined) throw error;
        return mechanisms;
      },
    );
    const mechanism = MECHANISMS.find((one) => offered.includes(one));
    if (mechanism !== undefined) return mechanism;
    const detail = `the broker logs in with ${offered.join(", ")}, none of ${MECHANISMS.join(", ")}`;
    throw new ActivityFailure("authentication", detail);
  } catch (error) {
    throw guard.failure ?? refusal(error);
  } finally {
    await connection.close();
  }
}

/** A broker that does not have the mechanism says which it has. */
function offeredBy(error: unknown): readonly string[] | undefined {
  const { response } = error as { readonly response?: { readonly mechanisms?: readonly string[] } };
  return response?.mechanisms;
}

async function consume(
  target: ProtocolTarget,
  context: ProtocolContext,
  inbox: Inbox,
  signal: AbortSignal,
): Promise<Session> {
  const topic = topicOf(target);
  const guard = guardOf(target, context);
  let consumer: Consumer | undefined;
  const destroy = (): void => {
    guard.destroy();
    if (consumer !== undefined) quietly(consumer.close(true));
  };
  const start = async (): Promise<Session> => {
    const mechanism = await mechanismOf(target, guard);
    consumer = new Consumer(consumerOptions(target, context, guard, mechanism));
    const stream = await consumer.consume({
      topics: [topic],
      mode: "committed",
      fallbackMode: "latest",
    });
    stream.on("error", (error) => inbox.fail(guard.failure ?? refusal(error)));
    await keepPosition(consumer, stream);
    void pump(stream, context.maxMessageBytes, inbox);
    const open = consumer;
    return { destroy, close: () => open.close(true) };
  };
  try {
    return await abortable(start(), signal);
  } catch (error) {
    destroy();
    throw signal.aborted ? signal.reason : (guard.failure ?? refusal(error));
  }
}

/** A member with a name of its own takes the place of the one that crashed at once. */
function consumerOptions(
  target: ProtocolTarget,
  { subscriptionId, maxMessageBytes }: ProtocolContext,
  guard: Guard,
  mechanism: SASLMechanismValue | undefined,
) {
  return {
    ...clientOptions(target, guard, mechanism),
    groupId: groupOf(target, subscriptionId),
    groupInstanceId: subscriptionId,
    autocommit: false,
    sessionTimeout: SESSION_TIMEOUT,
    rebalanceTimeout: SESSION_TIMEOUT,
    heartbeatInterval: SESSION_TIMEOUT / 4,
    maxWaitTime: 1_000,
    maxBytes: maxMessageBytes,
    maxBytesPerPartition: maxMessageBytes,
    highWaterMark: 1,
  };
}

/**
 * Commits where a group that is new begins: with what comes from now on. Otherwise it would begin later when it comes back
 * after a crash, and what it had not acknowledged would be lost.
 */
async function keepPosition(consumer: Consumer, stream: Stream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.once("offsets", () => resolve());
    stream.once("error", reject);
  });
  const assigned = (consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
  const offsets = assigned.flatMap(({ topic, partition }) => {
    const offset = stream.offsetsToFetch.get(`${topic}:${partition}`);
    return offset === undefined ? [] : [{ topic, partition, offset, leaderEpoch: -1 }];
  });
  if (offsets.length > 0) await consumer.commit({ offsets });
}

/** Hands over one message at a time: the next is read when that is done with. */
async function pump(stream: Stream, limit: number, inbox: Inbox): Promise<void> {
  try {
    for await (const message of stream) {
      if ((message.value?.length ?? 0) > limit) throw tooLong(limit);
      await new Promise<void>((settle) => {
        inbox.deliver(incoming(message, settle), settle);
      });
    }
  } catch (error) {
    inbox.fail(refusal(error));
  }
}

function incoming(message: Message, settle: () => void): IncomingMessage {
  return {
    // A message without a value (a tombstone) is one without a payload.
    payload: message.value ?? Buffer.alloc(0),
    ...incomingHeaders(message.headers),
    async ack() {
      try {
        await message.commit();
      } catch (error) {
        throw refusal(error);
      }
      settle();
    },
  };
}

/** What closes after its connections have gone has nothing to say. */
function quietly(closing: Promise<unknown> | void): void {
  closing?.catch(() => undefined);
}
