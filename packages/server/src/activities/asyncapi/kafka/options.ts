/** What a target says for Kafka (AsyncAPI Kafka bindings 0.5.0), as options of the client library. */
import type { BaseOptions, SASLMechanismValue } from "@platformatic/kafka";
import { ActivityFailure } from "../../failure.ts";
import { type Binding, constantStringOf, stringOf } from "../bindings.ts";
import type { IncomingMessage, OutgoingMessage, ProtocolTarget } from "../protocol.ts";
import { ANSWER_LIMIT } from "../session.ts";
import type { Guard } from "./guard.ts";

const CONTENT_TYPE = "content-type";

function bindingOf(target: ProtocolTarget, level: Binding["level"]): Binding {
  return { level, protocol: "kafka", values: target.bindings[level] };
}

/** The topic that the channel's binding names, else the channel's address. @throws {ActivityFailure} */
export function topicOf(target: ProtocolTarget): string {
  const topic = stringOf(bindingOf(target, "channel"), "topic") ?? target.address;
  // As Kafka has it (org.apache.kafka.common.internals.Topic).
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(topic) && topic !== "." && topic !== "..") return topic;
  const detail = "a topic of Kafka has 1 to 249 letters, digits, points, hyphens and underscores";
  throw new ActivityFailure("configuration", detail);
}

export function groupOf(target: ProtocolTarget, subscriptionId: string): string {
  return constantStringOf(bindingOf(target, "operation"), "groupId") ?? subscriptionId;
}

export function keyOf(target: ProtocolTarget): string | undefined {
  return constantStringOf(bindingOf(target, "message"), "key");
}

/** The author's, and the content type as CloudEvents' Kafka binding has it (section 3.2.1 of its version 1.0.2). */
export function headersOf({ headers, contentType }: OutgoingMessage): Record<string, string> {
  const given = Object.keys(headers).some((name) => name.toLowerCase() === CONTENT_TYPE);
  return given ? { ...headers } : { ...headers, [CONTENT_TYPE]: contentType };
}

/** Values are text; of two with the same name the later one stays. */
export function incomingHeaders(
  headers: ReadonlyMap<Buffer, Buffer>,
): Pick<IncomingMessage, "headers" | "contentType"> {
  const values: Record<string, string> = {};
  for (const [name, value] of headers) values[String(name)] = String(value ?? "");
  const name = Object.keys(values).find((one) => one.toLowerCase() === CONTENT_TYPE);
  return {
    headers: values,
    ...(name === undefined ? {} : { contentType: values[name] ?? "" }),
  };
}

export function clientOptions(
  target: ProtocolTarget,
  guard: Guard,
  mechanism: SASLMechanismValue | undefined,
): BaseOptions {
  const { username, password, token } = target.credentials;
  const sasl =
    mechanism === undefined
      ? {}
      : {
          sasl: {
            mechanism,
            username: username ?? "",
            password: password ?? "",
            token: token ?? "",
          },
        };
  return {
    clientId: constantStringOf(bindingOf(target, "operation"), "clientId") ?? "millrace",
    bootstrapBrokers: [{ host: target.host, port: target.port }],
    context: guard,
    connectTimeout: ANSWER_LIMIT,
    requestTimeout: ANSWER_LIMIT,
    retries: 3,
    retryDelay: 200,
    autocreateTopics: false,
    ...(guard.tls === undefined ? {} : { tls: guard.tls }),
    ...sasl,
  };
}
