/**
 * From a broker's message to the CloudEvents in it: structured or batched by its media type, binary by its attributes' headers
 * (CloudEvents protocol bindings), anything else as the data of an event that the channel's `wrap` describes.
 */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "@millrace/language";
import type { IncomingMessage } from "../../activities/asyncapi/protocol.ts";
import { readEvents } from "../../events/cloudevents.ts";
import type { ChannelSettings } from "../endpoint.ts";

const CLOUDEVENTS = /^application\/cloudevents/i;
/** As the bindings write attributes: Kafka `ce_`, AMQP `cloudEvents:` or `cloudEvents_`, NATS `ce-`; MQTT 5 without a prefix. */
const PREFIX = /^(?:ce_|ce-|cloudevents:|cloudevents_)/i;

/** @throws {ProblemError} when it is meant as an event and is none, or is none and there is no `wrap` */
export function eventsOf(
  message: IncomingMessage,
  { wrap }: Pick<ChannelSettings, "wrap">,
  channel: string,
): readonly JsonObject[] {
  const body = Buffer.from(message.payload);
  const attributes = attributesOf(message);
  const contentType = message.contentType ?? attributes.contentType;
  const isEvent =
    CLOUDEVENTS.test(contentType ?? "") || attributes.named["ce-specversion"] !== undefined;
  if (isEvent || wrap === undefined) {
    const type = contentType === undefined ? {} : { "content-type": contentType };
    return readEvents({ headers: { ...attributes.named, ...type }, body }) as readonly JsonObject[];
  }
  return [wrapped(message, body, contentType, wrap, channel)];
}

/** Headers as the HTTP binding names them, which is what events are read from. */
function attributesOf({ headers }: IncomingMessage) {
  const named: Record<string, string> = {};
  let contentType: string | undefined;
  const bare = typeof headers["specversion"] === "string";
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "object") continue;
    const text = String(value);
    if (/^content-type$/i.test(name)) contentType = text;
    else if (PREFIX.test(name))
      named[`ce-${name.replace(PREFIX, "").toLowerCase()}`] = encodeURIComponent(text);
    else if (bare) named[`ce-${name.toLowerCase()}`] = encodeURIComponent(text);
  }
  return { named, contentType };
}

/**
 * A message that says its id gives its event that id, and counts once. Two others that are alike are two events: a sensor may
 * say the same twice.
 */
function wrapped(
  message: IncomingMessage,
  body: Buffer,
  contentType: string | undefined,
  { type, source }: NonNullable<ChannelSettings["wrap"]>,
  channel: string,
): JsonObject {
  return {
    specversion: "1.0",
    id: messageIdOf(message) ?? randomUUID(),
    source: source ?? `/millrace/channels/${channel}`,
    type,
    ...dataOf(body, contentType),
  };
}

function messageIdOf({ headers }: IncomingMessage): string | undefined {
  const name = Object.keys(headers).find((one) => /^(?:nats-msg-id|message-id)$/i.test(one));
  const value = name === undefined ? undefined : headers[name];
  return typeof value === "string" && value !== "" ? value.slice(0, 1_000) : undefined;
}

function dataOf(body: Buffer, contentType: string | undefined): JsonObject {
  try {
    const data = JSON.parse(body.toString("utf8")) as JsonObject;
    return { datacontenttype: contentType ?? "application/json", data };
  } catch {
    const text = body.toString("utf8");
    if (Buffer.from(text, "utf8").equals(body))
      return { datacontenttype: contentType ?? "text/plain", data: text };
    return {
      datacontenttype: contentType ?? "application/octet-stream",
      data_base64: body.toString("base64"),
    };
  }
}

/** What could not be read, as an event to look at among the dead letters. */
export function unreadable(message: IncomingMessage, channel: string, now: number): JsonObject {
  const wrap = { type: "io.millrace.channel.unreadable.v1" };
  const body = Buffer.from(message.payload);
  const event = wrapped(message, body, message.contentType, wrap, channel);
  return { ...event, time: new Date(now).toISOString() };
}
