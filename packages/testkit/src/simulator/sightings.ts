/** Notices, in what is committed, the rare paths that a simulation has to take now and then. */
import { isTerminal } from "@millrace/engine";
import { partitionOf } from "@millrace/protocol";
import type { Batch } from "@millrace/server/ports";
import { waitName } from "./database.ts";
import type { Surroundings } from "./surroundings.ts";

/** Milliseconds ahead that an owner holds timers in memory. */
const HORIZON = 60_000;

/** Looks at a batch before it changes anything. */
export function sightBefore(batch: Batch, { database, met }: Surroundings): void {
  const epochOf = new Map(batch.epochs.map(({ partition, epoch }) => [partition, epoch]));
  for (const key of batch.endedTimers) {
    const row = database.timers.get(waitName(key));
    if (key.fireAt === undefined || row?.fireAt !== key.fireAt) continue;
    if (row.epoch !== epochOf.get(row.partition))
      met("a timer was set by one epoch and fired by another");
    if (row.fireAt - row.setAt > HORIZON) met("a timer beyond the horizon fired");
  }
}

export function sightAfter(batch: Batch, { database, met }: Surroundings): void {
  if (batch.payloadRefs.length > 0) met("a large value was referred to");
  if (batch.activities.length > 0) met("an activity was kept apart from its instance");
  for (const row of [...batch.created, ...batch.updated]) {
    if ((database.stateOf(row).held ?? []).length > 0)
      met("a result arrived while the instance was suspended");
    if (row.parentId === undefined || !isTerminal(row.status)) continue;
    if (row.status === "cancelled") met("a parent cancelled its child");
    if (partitionOf(row.parentId) !== row.partition)
      met("a child's end was told to its parent in another partition");
  }
  for (const { events } of batch.history)
    for (const event of events) {
      if (event.kind === "task.faulted" && event.error.status === 408)
        met("a timeout ended an activity");
      if (event.kind === "workflow.faulted" && event.error.status === 408)
        met("a timeout ended a workflow");
      if (event.kind === "task.retried" && event.attempt > 2)
        met("a retry failed and was repeated");
    }
}
