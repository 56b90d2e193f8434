import { type Static, Type } from "typebox";
import { json, NextCursor, ref } from "./common.ts";
import { EndpointName, EventFilter, EventMode, endpointStanding, RetryPolicy } from "./endpoint.ts";

const direction = Type.Union([Type.Literal("in"), Type.Literal("out")], {
  description: "`in`: events come from the broker; `out`: events go to it.",
});
const broker = Type.String({
  minLength: 8,
  maxLength: 1_024,
  pattern: "^[a-z][a-z0-9+-]*://[^/@]+(?:/[^@]*)?$",
  description:
    "The broker's URL without a user: kafka, kafka-secure, amqp, amqps, mqtt, mqtt5, mqtts, nats, nats+tls, redis or rediss.",
  examples: ["kafka://broker.example:9092"],
});
const address = Type.String({
  minLength: 1,
  maxLength: 1_024,
  description: "The topic, queue, subject or channel.",
  examples: ["orders"],
});
const credentials = Type.Object(
  {
    username: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
    password: Type.Optional(Type.String({ maxLength: 4_096 })),
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 8_192 })),
  },
  {
    additionalProperties: false,
    description: "A user, or a token. Kept sealed and never shown.",
  },
);
const wrap = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 1_024, description: "Type of the events made." }),
    source: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: "Source of the events made; `/millrace/channels/NAME` unless given.",
      }),
    ),
  },
  {
    $id: "ChannelWrap",
    additionalProperties: false,
    description:
      "`in`: a message that is no CloudEvent becomes the data of one. Without this it is a dead letter.",
  },
);
const bindings = Type.Record(Type.String(), json("Binding"), {
  maxProperties: 16,
  description:
    "AsyncAPI operation and channel bindings of the protocol, by name: `groupId`, `queue`, `qos`, `exchange` …",
});
const paused = Type.Boolean({ default: false, description: "While true, nothing comes or goes." });

const given = {
  filter: Type.Optional(ref(EventFilter)),
  mode: Type.Optional(EventMode),
  wrap: Type.Optional(ref(wrap)),
  bindings: Type.Optional(bindings),
  paused: Type.Optional(paused),
  retry: Type.Optional(ref(RetryPolicy)),
};

export const ChannelWrap = wrap;
export type ChannelWrap = Static<typeof ChannelWrap>;

export const NewChannel = Type.Object(
  {
    name: EndpointName,
    direction,
    broker,
    address,
    ...given,
    credentials: Type.Optional(credentials),
  },
  {
    $id: "NewChannel",
    additionalProperties: false,
    description: "A channel to create. One with `direction: out` needs a `filter`.",
  },
);
export type NewChannel = Static<typeof NewChannel>;

export const ChannelChange = Type.Object(
  {
    broker: Type.Optional(broker),
    address: Type.Optional(address),
    ...given,
    credentials: Type.Optional(credentials),
  },
  {
    $id: "ChannelChange",
    additionalProperties: false,
    minProperties: 1,
    description: "What to change; what is not given stays.",
  },
);
export type ChannelChange = Static<typeof ChannelChange>;

export const Channel = Type.Object(
  {
    name: EndpointName,
    direction,
    broker,
    address,
    filter: Type.Optional(ref(EventFilter)),
    mode: EventMode,
    wrap: Type.Optional(ref(wrap)),
    bindings,
    credentials: Type.Boolean({ description: "True when it has some." }),
    paused,
    retry: ref(RetryPolicy),
    ...endpointStanding,
  },
  { $id: "Channel", description: "A channel of a broker that events come from or go to." },
);
export type Channel = Static<typeof Channel>;

export const ChannelList = Type.Object(
  { items: Type.Array(ref(Channel)), nextCursor: Type.Optional(NextCursor) },
  { $id: "ChannelList", description: "A page of channels, by name." },
);
export type ChannelList = Static<typeof ChannelList>;
