/** What instances ask of the world of events, as rows to write. */
import type { Effect } from "@millrace/engine";
import { bucketOf } from "../events/buckets.ts";
import type { SubscribedBucket } from "../store/events.ts";
import type { BatchBuilder } from "./builder.ts";
import type { EffectContext } from "./effects.ts";

type SetSubscription = Extract<Effect, { kind: "subscription.set" }>;

/**
 * Events that came before are meant too: with its correlation fixed, any that is kept; else those since the instance
 * began.
 */
export function setSubscription(
  { subscriptionId, filters }: SetSubscription,
  {
    state,
    partition,
    workflow: { tenant },
  }: Pick<EffectContext, "state" | "partition" | "workflow">,
  batch: BatchBuilder,
): void {
  const buckets = new Map<string, SubscribedBucket>();
  for (const { filter, keys } of filters) {
    const bucket = bucketOf(tenant, filter, keys);
    buckets.set(bucket, { bucket, since: keys === undefined ? state.startedAt : 0 });
  }
  batch.subscriptions.add(state.id, subscriptionId, {
    partition,
    targetId: state.id,
    subscriptionId,
    kind: "instance",
    buckets: [...buckets.values()],
  });
}
