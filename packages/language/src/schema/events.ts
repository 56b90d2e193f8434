/** Events, filters and strategies of consumption (reference, "Event …", "Subscription Iterator"). */
import { runtimeExpression, uriOrExpression } from "./common.ts";
import { exported, output } from "./data.ts";
import { taskList } from "./task-list.ts";
import { anything, array, documented, either, keyed, map, named, object, string } from "./type.ts";
import type { Static, Type } from "./type.ts";

const attributes = {
  id: string(),
  source: uriOrExpression,
  subject: string(),
  time: either(
    "an RFC 3339 time or an expression",
    string({ format: "date-time" }),
    runtimeExpression,
  ),
  datacontenttype: string(),
  dataschema: uriOrExpression,
  data: anything(),
};

/** CloudEvents attributes of an event to emit. */
export const emittedEvent = object({ must: { type: string() }, may: attributes, open: true });

const eventFilter = object({
  must: {
    with: object({ may: { ...attributes, type: string() }, open: true, minProperties: 1 }),
  },
  may: {
    correlate: map(object({ must: { from: string() }, may: { expect: string() }, open: true })),
  },
});
export type EventFilter = Static<typeof eventFilter>;

const all = object({ must: { all: array(eventFilter) } });
const one = object({ must: { one: eventFilter } });
const untilConsumed = keyed("strategy", {
  all,
  any: object({ must: { any: array(eventFilter) } }),
  one,
});
const strategyType = keyed("strategy", {
  all,
  any: object({
    must: { any: array(eventFilter) },
    may: { until: either("an expression or a strategy", string(), untilConsumed) },
  }),
  one,
});
export type EventStrategy = Static<typeof strategyType>;

export const eventStrategy: Type<EventStrategy> = named("eventConsumptionStrategy", () =>
  documented("Which events to consume: `all` of them, `any` of them, or `one`.", strategyType),
);

const iteratorType = object({
  may: { item: string(), at: string(), do: taskList, output, export: exported },
});
export type SubscriptionIterator = Static<typeof iteratorType>;
export const subscriptionIterator = named("subscriptionIterator", () => iteratorType);
