/** One MQTT session over a socket of the egress boundary: never reconnected, and gone with everything it holds. */
import type { Socket } from "node:net";
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import { ActivityFailure } from "../../failure.ts";
import { placeOf, type ProtocolContext, type ProtocolTarget } from "../protocol.ts";
import { abortable, connectionLost, type Session, tooLong } from "../session.ts";

/** What a packet may hold besides the payload: topic and properties. */
const PACKET_OVERHEAD = 128 * 1024;

export interface MqttSession extends Session {
  readonly client: MqttClient;
  /** Called with the first failure after the session is open; with what happened before if that is so already. */
  onFailure(listener: (cause: unknown) => void): void;
}

/**
 * Called for every message; its own next packet is read when `settle` has been called: with nothing it is acknowledged, with an
 * error it isn't.
 */
export type OnMessage = (packet: IPublishPacket, settle: (error?: Error) => void) => void;

/** Resolves when the broker has accepted the session. @throws {ActivityFailure}, or an error of the network */
export async function openMqtt(
  target: ProtocolTarget,
  context: ProtocolContext,
  options: IClientOptions,
  signal: AbortSignal,
  onMessage?: OnMessage,
): Promise<MqttSession> {
  const socket = await context.door.connect(
    placeOf(target),
    signal,
    target.secure ? {} : undefined,
  );
  const failure = new Failure();
  const client = new mqtt.MqttClient(() => socket, {
    ...options,
    customHandleAcks: (_topic, _payload, packet, done) => takeExactlyOnce(packet, done, onMessage),
  });
  client.on("error", (error) => failure.set(refusal(error)));
  client.on("disconnect", (packet) => failure.set(disconnection(packet.reasonCode)));
  client.on("close", () => failure.set(connectionLost()));
  limitPackets(client, socket, context.maxMessageBytes, failure);
  takeMessages(client, onMessage);
  const destroy = (): void => {
    socket.destroy();
    client.end(true);
  };
  const accepted = new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    failure.on(reject);
  });
  try {
    await abortable(accepted, signal);
  } catch (error) {
    destroy();
    throw error;
  }
  return {
    client,
    onFailure: (listener) => failure.on(listener),
    close: () => client.endAsync(),
    destroy,
  };
}

/** The first thing that went wrong, for whoever asks before or after. */
class Failure {
  #cause: { readonly value: unknown } | undefined;
  #listeners: ((cause: unknown) => void)[] = [];

  set(value: unknown): void {
    if (this.#cause !== undefined) return;
    this.#cause = { value };
    for (const listener of this.#listeners) listener(value);
    this.#listeners = [];
  }

  on(listener: (cause: unknown) => void): void {
    if (this.#cause === undefined) this.#listeners.push(listener);
    else listener(this.#cause.value);
  }
}

/**
 * The library reads no further packet until the one in hand is settled, answers to its own signs of life included: while a
 * message is in hand they are sent all the same, and nobody waits for the answer.
 */
function takeMessages(client: MqttClient, onMessage: OnMessage | undefined): void {
  let inHand = 0;
  const late = client.onKeepaliveTimeout.bind(client);
  client.onKeepaliveTimeout = () => {
    if (inHand === 0) return late();
    client.sendPing();
    client.reschedulePing(true);
  };
  client.handleMessage = (packet, done) => {
    // One with QoS 2 was handed over when it came, not when it was released.
    if (packet.qos === 2 || onMessage === undefined) return done();
    inHand += 1;
    onMessage(packet, (error) => {
      inHand -= 1;
      done(error);
    });
  };
}

/**
 * A message with QoS 2 is ours as soon as we say that we have received it (PUBREC): after that the broker sends no more than its
 * number. So it has to be taken before that.
 */
function takeExactlyOnce(
  packet: IPublishPacket,
  done: (error: Error | number, code?: number) => void,
  onMessage: OnMessage | undefined,
): void {
  if (packet.qos !== 2 || onMessage === undefined) return done(0);
  onMessage(packet, (error) => done(error ?? 0));
}

/** Ends the session when a packet is too long, before the whole of it is in memory. */
function limitPackets(client: MqttClient, socket: Socket, limit: number, failure: Failure): void {
  let bytes = 0;
  client.on("packetreceive", () => {
    bytes = 0;
  });
  socket.on("data", (data: Buffer) => {
    bytes += data.length;
    if (bytes <= limit + PACKET_OVERHEAD) return;
    failure.set(tooLong(limit));
    socket.destroy();
  });
}

/** Codes of CONNACK in MQTT 3.1.1 (section 3.2.2.3), and reason codes of MQTT 5.0 (section 2.4). */
const REFUSALS: Readonly<
  Record<
    number,
    readonly [kind: "authentication" | "authorization" | "communication", status: number]
  >
> = {
  1: ["communication", 505],
  2: ["communication", 400],
  3: ["communication", 503],
  4: ["authentication", 401],
  5: ["authentication", 401],
  132: ["communication", 505],
  133: ["communication", 400],
  134: ["authentication", 401],
  135: ["authorization", 403],
  136: ["communication", 503],
  137: ["communication", 503],
  138: ["authorization", 403],
  140: ["authentication", 401],
  143: ["communication", 400],
  144: ["communication", 400],
  149: ["communication", 413],
  150: ["communication", 429],
  151: ["communication", 429],
};

/** What the library's errors mean; those of the network stay as they are. */
export function refusal(error: unknown): unknown {
  const code = (error as { readonly code?: unknown }).code;
  if (typeof code !== "number") {
    if (typeof code === "string" || !(error instanceof Error)) return error;
    if (/connack timeout/i.test(error.message)) return connectionLost();
    return new ActivityFailure("communication", "the broker does not speak MQTT", { status: 502 });
  }
  // Before the session is open, "not authorized" is about who we are.
  const connecting = error instanceof Error && error.message.startsWith("Connection refused");
  const [kind, status] =
    connecting && code === 135
      ? (["authentication", 401] as const)
      : (REFUSALS[code] ?? ["communication", 502]);
  return new ActivityFailure(kind, `the broker refused with reason code ${code}`, { status });
}

function disconnection(code: number | undefined): ActivityFailure {
  if (code !== undefined && code > 0) return refusal({ code }) as ActivityFailure;
  return connectionLost();
}
