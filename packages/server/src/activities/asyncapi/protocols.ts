/** The protocols of AsyncAPI servers that can be spoken. Each is loaded, with its client library, by the first call. */
import type { Protocol } from "./protocol.ts";

export interface ProtocolEntry {
  /** What the server listens on when the document names no port. */
  readonly defaultPort: number;
  readonly secure: boolean;
  /** The value of the DSL's `with.protocol` that selects it, and its name in bindings. */
  readonly family: string;
  load(): Promise<Protocol>;
}

/** By the name in the document's `protocol`, in lower case. */
export const protocols: Readonly<Record<string, ProtocolEntry>> = {
  http: overHttp(80, false),
  https: overHttp(443, true),
  amqp: amqp(5672, false),
  amqps: amqp(5671, true),
  kafka: kafka(9092, false),
  "kafka-secure": kafka(9093, true),
  nats: overNats(false),
  "nats+tls": overNats(true),
  redis: overRedis(false),
  rediss: overRedis(true),
  ws: webSocket(80, false),
  wss: webSocket(443, true),
  mqtt: mqtt(1883, false),
  mqtt5: mqtt(1883, false, "mqtt5"),
  mqtts: mqtt(8883, true),
  "secure-mqtt": mqtt(8883, true),
};

function webSocket(defaultPort: number, secure: boolean): ProtocolEntry {
  const load = async (): Promise<Protocol> => (await import("./websocket.ts")).webSocket;
  return { defaultPort, secure, family: "ws", load };
}

/** A server that requires TLS gets it over `nats` as well. */
function overNats(secure: boolean): ProtocolEntry {
  const load = async (): Promise<Protocol> => (await import("./nats/nats.ts")).nats;
  return { defaultPort: 4222, secure, family: "nats", load };
}

function overRedis(secure: boolean): ProtocolEntry {
  const load = async (): Promise<Protocol> => (await import("./redis/redis.ts")).redis;
  return { defaultPort: 6379, secure, family: "redis", load };
}

function overHttp(defaultPort: number, secure: boolean): ProtocolEntry {
  const load = async (): Promise<Protocol> => (await import("./http.ts")).http;
  return { defaultPort, secure, family: "http", load };
}

function amqp(defaultPort: number, secure: boolean): ProtocolEntry {
  const load = async (): Promise<Protocol> => (await import("./amqp/amqp.ts")).amqpProtocol;
  return { defaultPort, secure, family: "amqp", load };
}

function kafka(defaultPort: number, secure: boolean): ProtocolEntry {
  const load = async (): Promise<Protocol> => (await import("./kafka/kafka.ts")).kafkaProtocol;
  return { defaultPort, secure, family: "kafka", load };
}

function mqtt(defaultPort: number, secure: boolean, family = "mqtt"): ProtocolEntry {
  const load = async (): Promise<Protocol> => (await import("./mqtt/mqtt.ts")).mqttProtocol;
  return { defaultPort, secure, family, load };
}

/** @returns undefined for a protocol that this version doesn't speak */
export function protocolEntry(name: string): ProtocolEntry | undefined {
  return Object.hasOwn(protocols, name) ? protocols[name] : undefined;
}
