import { type Static, Type } from "typebox";
import { NextCursor, ref } from "./common.ts";
import { EndpointName, EventFilter, EventMode, endpointStanding, RetryPolicy } from "./endpoint.ts";

const url = Type.String({
  minLength: 8,
  maxLength: 2_048,
  pattern: "^https?://[^/]",
  description: "Where events are POSTed to: an absolute http or https URL without a user.",
  examples: ["https://example.com/hooks/orders"],
});
const secret = Type.String({
  pattern: "^whsec_[A-Za-z0-9+/]{32,128}={0,2}$",
  description:
    "The key of the signature as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in Base64.",
});
const paused = Type.Boolean({
  default: false,
  description: "While true, events are kept and nothing is sent.",
});
const headerValues = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$" }),
  Type.String({ maxLength: 4_096, pattern: "^[\\t\\x20-\\x7e\\x80-\\xff]*$" }),
  {
    maxProperties: 32,
    description: "Header fields of every request. Their values are kept sealed and never shown.",
  },
);

const given = {
  filter: ref(EventFilter),
  mode: Type.Optional(EventMode),
  headers: Type.Optional(headerValues),
  paused: Type.Optional(paused),
  retry: Type.Optional(ref(RetryPolicy)),
};

export const NewWebhook = Type.Object(
  {
    name: EndpointName,
    url,
    ...given,
    secret: Type.Optional(secret),
  },
  {
    $id: "NewWebhook",
    additionalProperties: false,
    description: "A webhook to create. Without `secret`, one is made.",
  },
);
export type NewWebhook = Static<typeof NewWebhook>;

export const WebhookChange = Type.Object(
  {
    url: Type.Optional(url),
    ...given,
    filter: Type.Optional(ref(EventFilter)),
    secret: Type.Optional(secret),
    rotateSecret: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Make a new secret; not together with `secret`.",
      }),
    ),
  },
  {
    $id: "WebhookChange",
    additionalProperties: false,
    minProperties: 1,
    description:
      "What to change; what is not given stays. After a new secret the former one signs too, for a day.",
  },
);
export type WebhookChange = Static<typeof WebhookChange>;

const shown = {
  name: EndpointName,
  url,
  filter: ref(EventFilter),
  mode: EventMode,
  headers: Type.Array(Type.String(), { description: "Names of the header fields set." }),
  paused,
  retry: ref(RetryPolicy),
  ...endpointStanding,
};

export const Webhook = Type.Object(shown, {
  $id: "Webhook",
  description: "A webhook: an address that events are POSTed to, signed (Standard Webhooks).",
});
export type Webhook = Static<typeof Webhook>;

export const WebhookWithSecret = Type.Object(
  {
    ...shown,
    secret: Type.Optional(
      Type.String({ description: "Present when it is new. It is not shown again." }),
    ),
  },
  { $id: "WebhookWithSecret", description: "A webhook, with its secret when that is new." },
);
export type WebhookWithSecret = Static<typeof WebhookWithSecret>;

export const WebhookList = Type.Object(
  { items: Type.Array(ref(Webhook)), nextCursor: Type.Optional(NextCursor) },
  { $id: "WebhookList", description: "A page of webhooks, by name." },
);
export type WebhookList = Static<typeof WebhookList>;

export const WebhookTested = Type.Object(
  {
    delivered: Type.Boolean({ description: "True when the receiver answered 2xx." }),
    status: Type.Optional(Type.Integer({ description: "What it answered." })),
    error: Type.Optional(Type.String({ description: "What went wrong." })),
    durationMs: Type.Number({ minimum: 0, description: "Milliseconds until the answer." }),
  },
  { $id: "WebhookTested", description: "What became of a test event." },
);
export type WebhookTested = Static<typeof WebhookTested>;
