/** Ids of schedules and of what they start: both follow from names, so that doing a thing again meets what it made. */
import { createHash } from "node:crypto";
import { newId, partitionOf } from "@millrace/protocol";
import { placement } from "../cluster/placement.ts";
import type { Occasion, ScheduleState } from "./schedule.ts";

/** There is one schedule of a name: no index has to say so beside the primary key. */
export function scheduleId(tenant: string, name: string, partitions: number): string {
  const key = JSON.stringify(["schedule", tenant, name]);
  return newId(placement(partitions, key), 0, digestOf(key).subarray(8, 18));
}

/**
 * The same for a time and for a backfill of that time; in the schedule's own partition, so one transaction decides and
 * starts. A schedule that is made anew under an old name starts anew.
 */
export function scheduledInstanceId(
  { id, createdAt }: Pick<ScheduleState, "id" | "createdAt">,
  { nominal, key }: Pick<Occasion, "nominal" | "key">,
): string {
  const digest = digestOf(JSON.stringify([id, createdAt, nominal, key ?? null]));
  return newId(partitionOf(id), Math.max(0, nominal), digest.subarray(0, 10));
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
