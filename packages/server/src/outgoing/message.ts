/**
 * A CloudEvent as a message: structured mode (the whole event as JSON) or binary mode (the data, with the attributes apart). The
 * same for HTTP and brokers, but for how each names the attributes (HTTP binding 3, Kafka 3, AMQP 3, MQTT 3, NATS 3).
 */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import type { EventMode } from "@millrace/protocol";

export interface EventMessage {
  readonly contentType: string;
  readonly payload: Buffer;
  /** In binary mode: every attribute but `datacontenttype`, as text. */
  readonly attributes: Readonly<Record<string, string>>;
}

export const STRUCTURED = "application/cloudevents+json";

/** @param text the event as JSON text, which structured mode sends as it is */
export function messageOf(text: string, mode: EventMode): EventMessage {
  if (mode === "structured")
    return {
      contentType: `${STRUCTURED}; charset=utf-8`,
      payload: Buffer.from(text, "utf8"),
      attributes: {},
    };
  const event = JSON.parse(text) as JsonObject;
  const { data, data_base64: binary, datacontenttype: type, ...attributes } = event;
  const contentType = typeof type === "string" ? type : "application/json";
  return {
    contentType,
    payload: payloadOf(data, binary, contentType),
    attributes: Object.fromEntries(
      Object.entries(attributes).flatMap(([name, value]) =>
        value === null || value === undefined ? [] : [[name, textOf(value)]],
      ),
    ),
  };
}

function payloadOf(data: Json | undefined, binary: Json | undefined, type: string): Buffer {
  if (typeof binary === "string") return Buffer.from(binary, "base64");
  if (data === undefined) return Buffer.alloc(0);
  const isText = typeof data === "string" && !/^[^/]+\/(?:.+\+)?json\b/i.test(type);
  return Buffer.from(isText ? data : JSON.stringify(data), "utf8");
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `id` and `source` of an event, which together name it. */
export function identityOf(text: string): { readonly id: string; readonly source: string } {
  const event = JSON.parse(text) as Json;
  if (!isObject(event)) return { id: "", source: "" };
  const { id, source } = event;
  return { id: textOf(id ?? ""), source: textOf(source ?? "") };
}
