/** What a target says for MQTT (AsyncAPI MQTT bindings 0.2.0), as options of the client library. */
import { randomBytes } from "node:crypto";
import type { IClientOptions, IClientPublishOptions } from "mqtt";
import { ActivityFailure } from "../../failure.ts";
import {
  type Binding,
  booleanOf,
  constantStringOf,
  innerOf,
  integerOf,
  stringOf,
} from "../bindings.ts";
import { type OutgoingMessage, PREFETCH, type ProtocolTarget } from "../protocol.ts";

type QoS = 0 | 1 | 2;
type Version = 3 | 4 | 5;

/** Seconds for which a broker keeps the session of a subscription that has gone. */
const SESSION_EXPIRY = 24 * 60 * 60;
/** Seconds between two signs of life, unless bound. */
const KEEP_ALIVE = 30;

const VERSIONS: Readonly<Record<string, Version>> = {
  "5": 5,
  "5.0": 5,
  "5.0.0": 5,
  "4": 4,
  "3": 4,
  "3.1.1": 4,
  "3.1": 3,
};

function bindingOf(target: ProtocolTarget, level: Binding["level"]): Binding {
  return { level, protocol: "mqtt", values: target.bindings[level] };
}

/** 5 unless the document says otherwise; 4 stands for 3.1.1. @throws {ActivityFailure} */
function versionOf({ protocolVersion }: ProtocolTarget): Version {
  if (protocolVersion === undefined) return 5;
  const version = VERSIONS[protocolVersion];
  if (version !== undefined) return version;
  const detail = `MQTT ${protocolVersion} is unknown: protocolVersion has to be 5, 3.1.1 or 3.1`;
  throw new ActivityFailure("configuration", detail);
}

/** @param subscriptionId of a subscription whose session goes on; a session that only publishes has none */
export function connectOptions(target: ProtocolTarget, subscriptionId?: string): IClientOptions {
  const binding = bindingOf(target, "server");
  const protocolVersion = versionOf(target);
  const { username, password, token } = target.credentials;
  // An anonymous session has nothing to come back to.
  const clean = subscriptionId === undefined || (booleanOf(binding, "cleanSession") ?? false);
  const expiry = integerOf(binding, "sessionExpiryInterval") ?? SESSION_EXPIRY;
  const will = willOf(binding);
  const properties = {
    receiveMaximum: PREFETCH,
    ...(clean ? {} : { sessionExpiryInterval: expiry }),
  };
  return {
    protocolVersion,
    ...(protocolVersion === 3 ? { protocolId: "MQIsdp" as const } : {}),
    ...(protocolVersion === 5 ? { properties } : {}),
    clientId:
      stringOf(binding, "clientId") ??
      subscriptionId ??
      `millrace${randomBytes(6).toString("hex")}`,
    clean,
    keepalive: integerOf(binding, "keepAlive", 0, 0xffff) || KEEP_ALIVE,
    ...(username === undefined && token === undefined ? {} : { username: username ?? "" }),
    // MQTT has no field for tokens; brokers that take them take them as the password.
    ...(password === undefined && token === undefined ? {} : { password: password ?? token ?? "" }),
    ...(will === undefined ? {} : { will }),
    reconnectPeriod: 0,
    resubscribe: false,
  };
}

function willOf(binding: Binding): IClientOptions["will"] {
  const will = innerOf(binding, "lastWill");
  const topic = stringOf(will, "topic");
  if (topic === undefined) return undefined;
  return {
    topic,
    payload: Buffer.from(stringOf(will, "message") ?? ""),
    qos: (integerOf(will, "qos", 0, 2) ?? 0) as QoS,
    retain: booleanOf(will, "retain") ?? false,
  };
}

/** At least once, unless bound. */
export function qosOf(target: ProtocolTarget): QoS {
  return (integerOf(bindingOf(target, "operation"), "qos", 0, 2) ?? 1) as QoS;
}

/** @throws {ActivityFailure} when a message has what the version of the protocol cannot carry */
export function publishOptions(
  target: ProtocolTarget,
  message: OutgoingMessage,
): IClientPublishOptions {
  const operation = bindingOf(target, "operation");
  const qos = qosOf(target);
  const retain = booleanOf(operation, "retain") ?? false;
  const names = Object.keys(message.headers);
  if (versionOf(target) !== 5) {
    if (names.length === 0) return { qos, retain };
    const detail = `MQTT before version 5 has no headers, and this message has ${names[0]}`;
    throw new ActivityFailure("configuration", detail);
  }
  const binding = bindingOf(target, "message");
  const { correlationId } = message;
  const expiry = integerOf(operation, "messageExpiryInterval");
  const responseTopic = constantStringOf(binding, "responseTopic");
  const indicator = integerOf(binding, "payloadFormatIndicator", 0, 1);
  return {
    qos,
    retain,
    properties: {
      contentType: stringOf(binding, "contentType") ?? message.contentType,
      ...(names.length === 0 ? {} : { userProperties: { ...message.headers } }),
      ...(correlationId === undefined ? {} : { correlationData: Buffer.from(correlationId) }),
      ...(expiry === undefined ? {} : { messageExpiryInterval: expiry }),
      ...(responseTopic === undefined ? {} : { responseTopic }),
      ...(indicator === undefined ? {} : { payloadFormatIndicator: indicator === 1 }),
    },
  };
}

/** A topic to publish to has no wildcards (MQTT 5.0 section 4.7.1). @throws {ActivityFailure} */
export function checkTopic({ address }: ProtocolTarget, publishing: boolean): void {
  const detail =
    address === "" || address.includes("\0") || Buffer.byteLength(address) > 0xffff
      ? "a topic of MQTT has 1 to 65535 bytes and no NUL"
      : publishing && /[+#]/.test(address)
        ? "a topic to publish to has no wildcards"
        : undefined;
  if (detail !== undefined) throw new ActivityFailure("configuration", detail);
}
