/** MQTT 3.1, 3.1.1 and 5.0 (OASIS), with `mqtt`. */
import type { IPublishPacket } from "mqtt";
import type { IncomingMessage, Protocol, ProtocolContext, ProtocolTarget } from "../protocol.ts";
import { abortable, type Inbox, inSession, type Session, subscription } from "../session.ts";
import { openMqtt, refusal } from "./client.ts";
import { checkTopic, connectOptions, publishOptions, qosOf } from "./options.ts";

export const mqttProtocol: Protocol = {
  async publish(target, message, context) {
    checkTopic(target, true);
    const options = publishOptions(target, message);
    await inSession(
      context,
      (signal) => openMqtt(target, context, connectOptions(target), signal),
      async (session) => {
        const sent = session.client.publishAsync(
          target.address,
          Buffer.from(message.payload),
          options,
        );
        const failed = new Promise<never>((_resolve, reject) => session.onFailure(reject));
        await Promise.race([sent.catch(rethrow), failed]);
      },
    );
  },
  subscribe: (target, context) =>
    subscription(context, (inbox, signal) => subscribe(target, context, inbox, signal)),
};

async function subscribe(
  target: ProtocolTarget,
  context: ProtocolContext,
  inbox: Inbox,
  signal: AbortSignal,
): Promise<Session> {
  checkTopic(target, false);
  const qos = qosOf(target);
  const options = connectOptions(target, context.subscriptionId);
  const session = await openMqtt(target, context, options, signal, (packet, settle) => {
    inbox.deliver(incoming(packet, settle), () => settle(new Error("not acknowledged")));
  });
  try {
    session.onFailure((cause) => inbox.fail(cause));
    const granted = session.client.subscribeAsync(target.address, { qos }).catch(rethrow);
    const failed = new Promise<never>((_resolve, reject) => session.onFailure(reject));
    await abortable(Promise.race([granted, failed]), signal);
  } catch (error) {
    session.destroy();
    throw error;
  }
  return session;
}

function rethrow(error: unknown): never {
  throw refusal(withCode(error));
}

/** A refused subscription has its reason in the packet, not in the error. */
function withCode(error: unknown): unknown {
  const { packet } = error as { readonly packet?: { readonly granted?: readonly unknown[] } };
  const code = packet?.granted?.find((value) => typeof value === "number" && value >= 128);
  // 128 says no more than no; of a subscription it means that this user may not have it.
  return code === undefined ? error : { code: code === 128 ? 135 : code };
}

function incoming(packet: IPublishPacket, settle: (error?: Error) => void): IncomingMessage {
  const { properties = {} } = packet;
  const { contentType, correlationData, userProperties } = properties;
  return {
    payload: Buffer.from(packet.payload),
    headers: { ...userProperties },
    ...(contentType === undefined ? {} : { contentType }),
    ...(correlationData === undefined ? {} : { correlationId: correlationData.toString("utf8") }),
    async ack() {
      settle();
    },
  };
}
