/**
 * Redis, in one of two ways. A channel is published and subscribed to (PUBLISH, SUBSCRIBE): a message is its payload and nothing
 * else, and comes to who is there at that time. Where the channel's binding says `type: stream`, the address is the key of a
 * stream: messages have headers, wait for their reader and are acknowledged (XADD, XREADGROUP, XACK). AsyncAPI reserves the Redis
 * bindings and says nothing of their content; ours are `type`, `group` and `maxLength`.
 */
import { badArgument } from "../../arguments.ts";
import { type Binding, integerOf, stringOf, wrong } from "../bindings.ts";
import type { OutgoingMessage, Protocol, ProtocolContext, ProtocolTarget } from "../protocol.ts";
import { type Inbox, inSession, type Session, subscription, tooLong } from "../session.ts";
import { MOST_WAITING, tooFast, Unrepeated } from "../unrepeated.ts";
import { openRedis, type RedisSession } from "./client.ts";
import { addToStream, readStream } from "./stream.ts";

export const redis: Protocol = {
  async publish(target, message, context) {
    const stream = isStream(target);
    if (!stream && Object.keys(message.headers).length > 0)
      throw badArgument("message.headers", "a channel of Redis carries no headers; a stream does");
    await inSession(
      context,
      (signal) => openRedis(target, context, signal),
      (session) => send(session, target, message, stream),
    );
  },
  subscribe: (target, context) =>
    subscription(context, async (inbox, signal) => {
      const stream = isStream(target);
      const session = await openRedis(target, context, signal);
      try {
        return await (stream
          ? readStream(session, target, context, inbox)
          : listen(session, target, context, inbox));
      } catch (error) {
        session.destroy();
        throw error;
      }
    }),
};

async function send(
  session: RedisSession,
  target: ProtocolTarget,
  message: OutgoingMessage,
  stream: boolean,
): Promise<void> {
  if (!stream) await session.command("PUBLISH", target.address, Buffer.from(message.payload));
  else await addToStream(session, target, message, integerOf(bindingOf(target), "maxLength", 1));
}

async function listen(
  session: RedisSession,
  { address }: ProtocolTarget,
  { maxMessageBytes }: ProtocolContext,
  inbox: Inbox,
): Promise<Session> {
  const received = new Unrepeated(inbox);
  session.onFailure((cause) => received.fail(cause));
  await session.listen(address, (payload) => {
    if (payload.length > maxMessageBytes) return received.fail(tooLong(maxMessageBytes));
    received.deliver({ payload, headers: {} });
    const { count, bytes } = received;
    if (count < MOST_WAITING.messages && bytes < MOST_WAITING.bytes) return;
    // What has come is handed on; nothing more is read meanwhile.
    received.fail(tooFast());
    session.destroy();
  });
  return session;
}

function isStream(target: ProtocolTarget): boolean {
  const binding = bindingOf(target);
  const type = stringOf(binding, "type");
  if (type === undefined || type === "channel") return false;
  if (type === "stream") return true;
  throw wrong(binding, "type", "channel or stream");
}

function bindingOf({ bindings }: ProtocolTarget): Binding {
  return { level: "channel", protocol: "redis", values: bindings.channel };
}
