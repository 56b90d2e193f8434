/**
 * The port between `call: asyncapi` and what a server speaks. An implementation gets everything that the document and the
 * call's arguments say, connects through the egress boundary (`context.door` or `context.transport`, never by itself), and
 * knows nothing of documents, schemas or workflows.
 */
import type { Json, JsonObject } from "@millrace/language";
import type { Clock } from "../../clock.ts";
import type { Door, Target } from "../egress/door.ts";
import type { ActivityFailure } from "../failure.ts";
import type { Credentials } from "../http/exchange.ts";
import { networkFailure } from "../http/network-error.ts";
import type { Transport } from "../http/transport.ts";

/** Where a message goes to or comes from. */
export interface ProtocolTarget {
  /** The name in the document, in lower case: a key of `protocols` (`kafka-secure`). */
  readonly protocol: string;
  /** What the document says (`protocolVersion`), such as `5` of MQTT. */
  readonly protocolVersion?: string;
  /** TLS, with the host's name in the server's certificate. */
  readonly secure: boolean;
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  /** The document's, or the protocol's own. */
  readonly port: number;
  /** Path of the server with its leading slash; empty when it has none. AMQP: the virtual host. */
  readonly pathname: string;
  /** Address of the channel after its parameters: a topic, a subject, a queue, a path. */
  readonly address: string;
  readonly bindings: Bindings;
  /** Empty when the call has no `authentication`. */
  readonly credentials: BrokerCredentials;
  /** The same for what is HTTP (or starts as HTTP), where a challenge may follow. */
  readonly httpCredentials?: Credentials;
}

/** What the document says for this protocol at each level (AsyncAPI "Bindings"); `{}` where it says nothing. Unchecked. */
export interface Bindings {
  readonly server: JsonObject;
  readonly channel: JsonObject;
  readonly operation: JsonObject;
  readonly message: JsonObject;
}

/** At most one of a user and a token. They are secrets: in no message of an error. */
export interface BrokerCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
}

export interface OutgoingMessage {
  readonly payload: Uint8Array;
  /** Always given: what the document says, or what follows from the payload. */
  readonly contentType: string;
  /** Names as the author gave them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the document says that the message has one and the message does. */
  readonly correlationId?: string;
  /** The same when the activity is delivered again: for the protocol's own message id. */
  readonly messageId: string;
}

export interface IncomingMessage {
  readonly payload: Uint8Array;
  /** As the message says. */
  readonly contentType?: string;
  readonly headers: Readonly<Record<string, Json>>;
  /** Of the protocol itself (AMQP, MQTT 5); one in headers or payload is found by the caller. */
  readonly correlationId?: string;
  /**
   * Tells the broker, where it wants to know, that the message is durably taken. Called at most once, before the next message
   * is asked for. A message whose `ack` was never called has to come again to the next subscription where the protocol can.
   */
  ack(): Promise<void>;
}

/** What implementations are given. */
export interface ProtocolContext {
  readonly door: Door;
  readonly transport: Transport;
  readonly clock: Pick<Clock, "now" | "after">;
  /** Ends everything, with its reason; no socket, timer or listener may stay behind. */
  readonly signal: AbortSignal;
  /** Longest payload, in bytes. */
  readonly maxMessageBytes: number;
  /** Names subscriptions that must be told apart, and that go on where they were after a crash: a consumer group, a client id. */
  readonly subscriptionId: string;
}

export interface Protocol {
  /**
   * Resolves when the broker has the message, as far as the protocol tells.
   * @throws {ActivityFailure}, or an error of the network (`failureAt` makes the one from the other)
   */
  publish(
    target: ProtocolTarget,
    message: OutgoingMessage,
    context: ProtocolContext,
  ): Promise<void>;
  /**
   * Messages in order of arrival, one in hand at a time, until the server ends the subscription (which a broker does only by an
   * error). At most {@link PREFETCH} more wait in memory. Whoever iterates may leave at any time: `return()` of the iterator
   * disconnects and resolves when that is done.
   * @throws as `publish`
   */
  subscribe(target: ProtocolTarget, context: ProtocolContext): AsyncIterable<IncomingMessage>;
}

/** Messages that a subscription may have in memory besides the one in hand. */
export const PREFETCH = 16;

/** Where a target is, for {@link Door}. */
export function placeOf({ protocol, host, port }: ProtocolTarget): Target {
  return { protocol: `${protocol}:`, host, port };
}

/** How a target stands in errors: `kafka://broker.example:9092 orders`. */
export function describeTarget({ protocol, host, port, address }: ProtocolTarget): string {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return `${protocol}://${bracketed}:${port} ${address}`;
}

/** The failure of whatever a connection to `target` threw; the signal's reason when it has aborted. */
export function failureAt(
  target: ProtocolTarget,
  cause: unknown,
  signal: AbortSignal,
): ActivityFailure {
  return networkFailure(signal.aborted ? signal.reason : cause, describeTarget(target));
}
