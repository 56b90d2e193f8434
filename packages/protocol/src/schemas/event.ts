import { type Static, Type } from "typebox";
import type { Json } from "../json.ts";
import { json } from "./common.ts";

/** Longest `id`, `source` and `type` of an event, in bytes of UTF-8. */
export const MAX_EVENT_NAME = 1024;
const named = { minLength: 1, maxLength: MAX_EVENT_NAME };

/** CloudEvents 1.0.2, JSON format. Extension attributes are scalar members beside these. */
export const CloudEvent = Type.Unsafe<CloudEventAttributes>(
  Type.Object(
    {
      id: Type.String({
        ...named,
        description: "Unique among the events of `source`; at most 1,024 bytes of UTF-8.",
      }),
      source: Type.String({ ...named, description: "URI reference of where it happened." }),
      specversion: Type.Literal("1.0", { description: "`1.0`." }),
      type: Type.String({
        ...named,
        description: "What happened, such as `com.shop.order.paid`.",
      }),
      datacontenttype: Type.Optional(Type.String({ description: "Media type of the data." })),
      dataschema: Type.Optional(Type.String({ description: "URI of the data's schema." })),
      subject: Type.Optional(Type.String({ description: "What in the source it is about." })),
      time: Type.Optional(Type.String({ format: "date-time", description: "When it happened." })),
      data: Type.Optional(json("The payload.")),
      data_base64: Type.Optional(Type.String({ description: "The payload when it is binary." })),
    },
    {
      $id: "CloudEvent",
      additionalProperties: true,
      description: "An event (CloudEvents 1.0, JSON format).",
    },
  ),
);
export interface CloudEventAttributes {
  readonly id: string;
  readonly source: string;
  readonly specversion: "1.0";
  readonly type: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly subject?: string;
  readonly time?: string;
  readonly data?: Json;
  readonly data_base64?: string;
  readonly [extension: string]: Json | undefined;
}
export type CloudEvent = Static<typeof CloudEvent>;

export const EventsAccepted = Type.Object(
  {
    accepted: Type.Integer({ description: "Events that were new, and are now durable." }),
    duplicates: Type.Integer({ description: "Events whose `source` and `id` were known already." }),
  },
  { $id: "EventsAccepted", description: "What became of the events sent." },
);
export type EventsAccepted = Static<typeof EventsAccepted>;
