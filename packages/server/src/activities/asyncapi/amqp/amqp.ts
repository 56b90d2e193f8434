/** AMQP 0-9-1 (and RabbitMQ's publisher confirms), with `amqplib`. AMQP 1.0 is another protocol. */
import type { Channel, ConfirmChannel, ConsumeMessage } from "amqplib";
import type { Json } from "@millrace/language";
import { ActivityFailure } from "../../failure.ts";
import {
  type IncomingMessage,
  type OutgoingMessage,
  PREFETCH,
  type Protocol,
  type ProtocolContext,
  type ProtocolTarget,
} from "../protocol.ts";
import {
  abortable,
  type Inbox,
  inSession,
  type Session,
  subscription,
  tooLong,
} from "../session.ts";
import { type AmqpSession, openAmqp } from "./connection.ts";
import { publishOptions, type Route, routeOf, type Source, sourceOf } from "./options.ts";

/** Milliseconds for which the broker keeps a subscription's own queue when nobody takes from it. */
const QUEUE_EXPIRY = 24 * 60 * 60 * 1000;
/** What a message has besides its payload: frames, properties. */
const MESSAGE_OVERHEAD = 256 * 1024;
const HEARTBEAT_BYTES = 8;

export const amqpProtocol: Protocol = {
  async publish(target, message, context) {
    const route = routeOf(target);
    await inSession(
      context,
      (signal) => openAmqp(target, context, signal),
      async (session) => {
        const channel = await Promise.race([session.model.createConfirmChannel(), session.failed]);
        session.watch(channel);
        const sent = confirmed(channel, route, target, message, context.clock.now());
        await Promise.race([session.failed, sent]);
      },
    );
  },
  subscribe: (target, context) =>
    subscription(context, (inbox, signal) => consume(target, context, inbox, signal)),
};

/** Resolves when the broker has taken responsibility for the message. */
function confirmed(
  channel: ConfirmChannel,
  route: Route,
  target: ProtocolTarget,
  message: OutgoingMessage,
  now: number,
): Promise<void> {
  const { exchange, routingKey } = route;
  return new Promise((resolve, reject) => {
    // Comes before the confirmation.
    channel.on("return", () => reject(unroutable(route)));
    const options = publishOptions(target, message, route, now);
    channel.publish(exchange, routingKey, Buffer.from(message.payload), options, (error) => {
      if (error === null || error === undefined) return resolve();
      const detail = "the broker did not take the message";
      // When the channel was closed, the reason for that is the better one, and on its way.
      setImmediate(() => reject(new ActivityFailure("communication", detail, { status: 503 })));
    });
  });
}

function unroutable({ exchange, routingKey }: Route): ActivityFailure {
  const where = exchange === "" ? "there is no queue" : `exchange ${exchange} has no queue for`;
  return new ActivityFailure("communication", `${where} ${routingKey}`, { status: 404 });
}

async function consume(
  target: ProtocolTarget,
  context: ProtocolContext,
  inbox: Inbox,
  signal: AbortSignal,
): Promise<Session> {
  const source = sourceOf(target);
  const session = await openAmqp(target, context, signal);
  session.failed.catch((cause: unknown) => inbox.fail(cause));
  try {
    const channel = await within(session, signal, session.model.createChannel());
    session.watch(channel);
    const delivered = limitMessages(session, context.maxMessageBytes, inbox);
    const onMessage = (message: ConsumeMessage | null): void => {
      if (message === null) return inbox.fail(queueDeleted());
      delivered();
      inbox.deliver(incoming(message, channel));
    };
    const start = async (): Promise<void> => {
      await channel.prefetch(PREFETCH);
      const queue = await queueOf(channel, source, context.subscriptionId);
      await channel.consume(queue, onMessage, { noAck: false });
    };
    await within(session, signal, start());
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

function within<T>(session: AmqpSession, signal: AbortSignal, work: Promise<T>): Promise<T> {
  // A channel that fails rejects the call as well, with less to say.
  const patient = work.catch(
    (error: unknown) =>
      new Promise<never>((_resolve, reject) => {
        setImmediate(() => reject(error));
      }),
  );
  return abortable(Promise.race([session.failed, patient]), signal);
}

/** Nothing is declared that the document names: what it names has to be there. */
async function queueOf(channel: Channel, source: Source, subscriptionId: string): Promise<string> {
  if ("queue" in source) return source.queue;
  const options = { durable: true, arguments: { "x-expires": QUEUE_EXPIRY } };
  const { queue } = await channel.assertQueue(subscriptionId, options);
  await channel.bindQueue(queue, source.exchange, source.routingKey);
  return queue;
}

function queueDeleted(): ActivityFailure {
  return new ActivityFailure("communication", "the queue was deleted", { status: 404 });
}

/**
 * The library takes frames until a message is whole, however long it is: counts what has come since the last whole one.
 * @returns what to call with each whole message
 */
function limitMessages(session: AmqpSession, limit: number, inbox: Inbox): () => void {
  const { socket } = session;
  let mark = socket.bytesRead;
  let last = mark;
  socket.on("readable", () => {
    // Nothing but signs of life comes while the queue is empty.
    if (socket.bytesRead - last <= HEARTBEAT_BYTES) mark += socket.bytesRead - last;
    last = socket.bytesRead;
    if (last - mark <= limit + MESSAGE_OVERHEAD) return;
    inbox.fail(tooLong(limit));
    session.destroy();
  });
  return () => {
    mark = socket.bytesRead;
  };
}

function incoming(message: ConsumeMessage, channel: Channel): IncomingMessage {
  const { contentType, correlationId, headers = {} } = message.properties;
  return {
    payload: message.content,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, jsonOf(value)]),
    ),
    ...(typeof contentType === "string" ? { contentType } : {}),
    ...(typeof correlationId === "string" ? { correlationId } : {}),
    async ack() {
      channel.ack(message);
      // Acknowledgements have no answer. What is asked after one on the same channel is answered after it is done.
      await channel.prefetch(PREFETCH);
    },
  };
}

/** A value of a field table (section 4.2.5.5): bytes as base64, a time as its seconds. */
function jsonOf(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object") return null;
  if ("!" in value && "value" in value) return jsonOf(value.value);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, jsonOf(item)]));
}
