/** What a target says for AMQP 0-9-1 (AsyncAPI AMQP bindings 0.3.0), as arguments of the client library. */
import type { Options } from "amqplib";
import { ActivityFailure } from "../../failure.ts";
import {
  type Binding,
  booleanOf,
  innerOf,
  integerOf,
  stringOf,
  stringsOf,
  wrong,
} from "../bindings.ts";
import type { OutgoingMessage, ProtocolTarget } from "../protocol.ts";

/** Where messages are published to. The exchange without a name routes to the queue that the routing key names. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Where messages come from: a queue that exists, or one of the subscription's own that is bound to an exchange. */
export type Source = { readonly queue: string } | Route;

function bindingOf(target: ProtocolTarget, level: Binding["level"]): Binding {
  return { level, protocol: "amqp", values: target.bindings[level] };
}

/** The queue that the channel stands for; undefined when it stands for a routing key. */
function queueOf(target: ProtocolTarget): string | undefined {
  const channel = bindingOf(target, "channel");
  const is = stringOf(channel, "is") ?? "routingKey";
  if (is === "routingKey") return undefined;
  if (is !== "queue") throw wrong(channel, "is", "routingKey or queue");
  return checked(stringOf(innerOf(channel, "queue"), "name") ?? target.address);
}

/** @throws {ActivityFailure} */
export function routeOf(target: ProtocolTarget): Route {
  const queue = queueOf(target);
  if (queue !== undefined) return { exchange: "", routingKey: queue };
  const exchange = stringOf(innerOf(bindingOf(target, "channel"), "exchange"), "name") ?? "";
  return { exchange: checked(exchange), routingKey: checked(target.address) };
}

/** @throws {ActivityFailure} */
export function sourceOf(target: ProtocolTarget): Source {
  const queue = queueOf(target) ?? stringOf(innerOf(bindingOf(target, "channel"), "queue"), "name");
  if (queue !== undefined) return { queue: checked(queue) };
  const route = routeOf(target);
  return route.exchange === "" ? { queue: route.routingKey } : route;
}

/** Names are short strings (section 4.2.5.3 of the protocol). */
function checked(name: string): string {
  if (Buffer.byteLength(name) <= 255) return name;
  throw new ActivityFailure("configuration", "a name of AMQP has at most 255 bytes");
}

/**
 * The virtual host of the server's path: `/` when it has none. One that only the channel's binding names counts then.
 * @throws {ActivityFailure}
 */
export function virtualHostOf(target: ProtocolTarget): string {
  const channel = bindingOf(target, "channel");
  const path = target.pathname.slice(1);
  if (path !== "") return decode(path);
  const bound = (name: string): string | undefined => stringOf(innerOf(channel, name), "vhost");
  return bound("exchange") ?? bound("queue") ?? "/";
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new ActivityFailure("configuration", "the virtual host is not a valid part of a URI");
  }
}

/**
 * Persistent unless bound otherwise. Where the exchange has no name, a message that no queue takes has missed its destination,
 * whether the binding says so or not.
 * @throws {ActivityFailure}
 */
export function publishOptions(
  target: ProtocolTarget,
  message: OutgoingMessage,
  { exchange }: Route,
  now: number,
): Options.Publish {
  const operation = bindingOf(target, "operation");
  const binding = bindingOf(target, "message");
  const { correlationId } = message;
  const expiration = integerOf(operation, "expiration");
  const cc = stringsOf(operation, "cc");
  const bcc = stringsOf(operation, "bcc");
  const userId = stringOf(operation, "userId");
  const priority = integerOf(operation, "priority", 0, 255);
  const encoding = stringOf(binding, "contentEncoding");
  const type = stringOf(binding, "messageType");
  return {
    contentType: message.contentType,
    messageId: message.messageId,
    headers: { ...message.headers },
    persistent: (integerOf(operation, "deliveryMode", 1, 2) ?? 2) === 2,
    mandatory: (booleanOf(operation, "mandatory") ?? false) || exchange === "",
    ...(cc.length === 0 ? {} : { CC: [...cc] }),
    ...(bcc.length === 0 ? {} : { BCC: [...bcc] }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(expiration === undefined ? {} : { expiration: String(expiration) }),
    ...(userId === undefined ? {} : { userId }),
    ...(priority === undefined ? {} : { priority }),
    ...(booleanOf(operation, "timestamp") === true ? { timestamp: Math.floor(now / 1000) } : {}),
    ...(encoding === undefined ? {} : { contentEncoding: encoding }),
    ...(type === undefined ? {} : { type }),
  };
}
