/** What webhooks and channels have in common: which events, how often they are tried, and what became of them. */
import { type Static, Type } from "typebox";
import { CloudEvent } from "./event.ts";
import { Cursor, Limit, NAME_PATTERN, NextCursor, ref, timestamp } from "./common.ts";

export const EndpointName = Type.String({
  pattern: NAME_PATTERN,
  description: "A name of your choice: up to 63 letters, digits and hyphens.",
  examples: ["audit"],
});
export const EndpointPath = Type.Object({ name: EndpointName });
export type EndpointPath = Static<typeof EndpointPath>;

const patterns = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), {
    minItems: 1,
    maxItems: 100,
    description: `${description} Each is the whole value, or its beginning with a final \`*\`.`,
  });

export const EventFilter = Type.Object(
  {
    types: patterns("Types of events."),
    sources: Type.Optional(patterns("Sources of events; any unless given.")),
    workflows: Type.Optional(
      patterns(
        "`NAMESPACE/NAME` of the workflows whose instances made the event; any unless given.",
      ),
    ),
    subjects: Type.Optional(patterns("Subjects of events; any, or none, unless given.")),
  },
  {
    $id: "EventFilter",
    additionalProperties: false,
    description: "Which events: those that pass every part given.",
  },
);
export type EventFilter = Static<typeof EventFilter>;

const duration = (description: string, fallback: string) =>
  Type.String({
    minLength: 2,
    maxLength: 40,
    default: fallback,
    description: `${description} (\`5s\`, \`PT1H\`).`,
  });

export const RetryPolicy = Type.Object(
  {
    minDelay: Type.Optional(duration("Longest pause after the first failure", "PT5S")),
    maxDelay: Type.Optional(duration("Longest pause after any failure", "PT1H")),
    giveUpAfter: Type.Optional(
      duration("Time from an event's first try after which it is a dead letter", "P1D"),
    ),
  },
  {
    $id: "RetryPolicy",
    additionalProperties: false,
    description:
      "After the nth failure in a row the pause is random, up to minDelay × 2ⁿ⁻¹ and maxDelay at most.",
  },
);
export type RetryPolicy = Static<typeof RetryPolicy>;

export const Failing = Type.Object(
  {
    since: timestamp("First of the failures in a row"),
    failures: Type.Integer({ minimum: 1, description: "Failures in a row." }),
    lastError: Type.String({ description: "What went wrong last." }),
    nextTryAt: Type.Optional(
      timestamp("Until then nothing is sent; the next event is then tried alone"),
    ),
  },
  { $id: "Failing", description: "What an endpoint that does not take its events does instead." },
);
export type Failing = Static<typeof Failing>;

/** How an endpoint stands: the last members of one that is shown. */
export const endpointStanding = {
  disabled: Type.Optional(
    Type.String({
      description: "Why the server turned it off; a change with `paused: false` turns it on.",
    }),
  ),
  failing: Type.Optional(ref(Failing)),
  createdAt: timestamp("When it was created"),
  updatedAt: timestamp("When it was changed last"),
};

export const EventMode = Type.Union([Type.Literal("structured"), Type.Literal("binary")], {
  default: "structured",
  description:
    "CloudEvents content mode: the whole event as JSON, or its data with the attributes in headers.",
});
export type EventMode = Static<typeof EventMode>;

export const Delivery = Type.Object(
  {
    id: Type.String({ description: "What names it to `replay`, once it is dead." }),
    state: Type.Union([Type.Literal("waiting"), Type.Literal("dead")], {
      description: "On its way, or given up.",
    }),
    event: ref(CloudEvent),
    attempts: Type.Integer({ minimum: 0, description: "Tries so far." }),
    error: Type.Optional(Type.String({ description: "What went wrong last." })),
    queuedAt: timestamp("When it was queued"),
    nextTryAt: Type.Optional(timestamp("No other try before this")),
    deadAt: Type.Optional(timestamp("When it was given up")),
  },
  { $id: "Delivery", description: "An event on its way to an endpoint. One that arrived is gone." },
);
export type Delivery = Static<typeof Delivery>;

export const DeliveryList = Type.Object(
  { items: Type.Array(ref(Delivery)), nextCursor: Type.Optional(NextCursor) },
  { $id: "DeliveryList", description: "A page of deliveries, oldest first." },
);
export type DeliveryList = Static<typeof DeliveryList>;

export const DeliveryListQuery = Type.Object({
  state: Type.Optional(
    Type.Union([Type.Literal("waiting"), Type.Literal("dead")], {
      default: "dead",
      description: "Which: those on their way, or those given up.",
    }),
  ),
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type DeliveryListQuery = Static<typeof DeliveryListQuery>;

export const ReplayRequest = Type.Object(
  {
    ids: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
        minItems: 1,
        maxItems: 1_000,
        description: "Ids of dead letters; all of the endpoint unless given.",
      }),
    ),
  },
  { $id: "ReplayRequest", additionalProperties: false, description: "Which dead letters to send." },
);
export type ReplayRequest = Static<typeof ReplayRequest>;

export const Replayed = Type.Object(
  {
    replayed: Type.Integer({
      minimum: 0,
      description: "Dead letters that are on their way again.",
    }),
  },
  { $id: "Replayed", description: "What a replay did." },
);
export type Replayed = Static<typeof Replayed>;

export const EndpointListQuery = Type.Object({
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Limit),
});
export type EndpointListQuery = Static<typeof EndpointListQuery>;
