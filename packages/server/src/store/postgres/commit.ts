/**
 * One owner's transaction: the fence first, then a multi-row statement for each kind of row, then the commit.
 *
 * Every statement is prepared once per connection and takes whole columns, so its plan and its text do not depend on how
 * many rows there are.
 */
import type { Batch, ConsumedRow, WaitKey } from "../store.ts";
import { bigints, column, eachFound, ints, joined, split } from "./columns.ts";
import { subscriptionStatements } from "./commit-events.ts";
import { instanceStatements } from "./commit-instances.ts";
import { insertOutbox } from "./commit-outgoing.ts";
import { referToPayloads } from "./commit-payloads.ts";
import { scheduleStatements } from "./commit-schedules.ts";
import { SCHEDULE_TIMER } from "../../scheduler/schedule.ts";
import type { Statement } from "./statement.ts";

/** @returns the statements between BEGIN and COMMIT */
export function batchStatements(batch: Batch): readonly Statement[] {
  return [
    ...fence(batch),
    ...instanceStatements(batch),
    ...insertKeys(batch),
    ...endWaits("activities", "instance_id", "activity_id", batch.endedActivities),
    ...insertActivities(batch),
    ...endTimers(batch.endedTimers.filter(({ id }) => id !== SCHEDULE_TIMER)),
    ...insertTimers(batch.timers.filter(({ timerId }) => timerId !== SCHEDULE_TIMER)),
    ...endWaits("children", "parent_id", "child_id", batch.endedChildren),
    ...insertChildren(batch),
    ...subscriptionStatements(batch),
    ...consumeInbox(batch.consumed.filter(({ once }) => once !== true)),
    ...consumeOnce(batch.consumed.filter(({ once }) => once === true)),
    ...insertInbox(batch),
    ...insertEvents(batch),
    ...insertOutbox(batch),
    ...scheduleStatements(batch),
    ...referToPayloads(batch.payloadRefs),
  ];
}

function fence({ epochs, latestDue }: Batch): readonly Statement[] {
  const values = [ints(epochs, (e) => e.partition), bigints(epochs, (e) => e.epoch)];
  const check = { name: "fence", text: "SELECT check_epochs($1::int[], $2::bigint[])", values };
  if (latestDue === undefined) return [check];
  return [check, { name: "due", text: "SELECT expect_due($1::bigint)", values: [latestDue] }];
}

function insertKeys({ keys }: Batch): readonly Statement[] {
  if (keys.length === 0) return [];
  const text = `
    INSERT INTO idempotency (partition, tenant, namespace, name, key, digest, instance_id, created_at)
    SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])`;
  const values = [
    column(keys, (k) => k.partition),
    column(keys, (k) => k.tenant),
    column(keys, (k) => k.namespace),
    column(keys, (k) => k.name),
    column(keys, (k) => k.key),
    column(keys, (k) => k.digest),
    column(keys, (k) => k.instanceId),
    column(keys, (k) => k.at),
  ];
  return [{ name: "insert-keys", text, values }];
}

/** Deletes waits by their primary key. The names come from this file, never from outside. */
function endWaits(
  table: string,
  owner: string,
  id: string,
  rows: readonly WaitKey[],
): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    DELETE FROM ${table} AS t
    USING ${eachFound(
      table,
      `unnest($1::int[], ${split(2)}, ${split(3)}) AS n(partition, owner, id)`,
      `x.partition = n.partition AND x.${owner} = n.owner AND x.${id} = n.id`,
    )}
    WHERE t.ctid = n.found`;
  const values = [
    ints(rows, (r) => r.partition),
    joined(rows, (r) => r.instanceId),
    joined(rows, (r) => r.id),
  ];
  return [{ name: `end-${table}`, text, values }];
}

function endTimers(rows: readonly WaitKey[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    DELETE FROM timers AS t
    USING ${eachFound(
      "timers",
      `unnest($1::int[], ${split(2)}, ${split(3)}, $4::bigint[]) AS n(partition, owner, id, fire_at)`,
      "x.partition = n.partition AND x.instance_id = n.owner AND x.timer_id = n.id",
    )}
    WHERE t.ctid = n.found AND (n.fire_at IS NULL OR t.fire_at = n.fire_at)`;
  const values = [
    ints(rows, (r) => r.partition),
    joined(rows, (r) => r.instanceId),
    joined(rows, (r) => r.id),
    bigints(rows, (r) => r.fireAt),
  ];
  return [{ name: "end-timers", text, values }];
}

function insertActivities({ activities, epochs }: Batch): readonly Statement[] {
  if (activities.length === 0) return [];
  const epochOf = new Map(epochs.map(({ partition, epoch }) => [partition, epoch]));
  const text = `
    INSERT INTO activities (partition, instance_id, activity_id, attempt, epoch, type, request, created_at)
    SELECT *, now_ms()
    FROM unnest($1::int[], ${split(2)}, ${split(3)}, $4::int[], $5::bigint[], ${split(6)}, ${split(7)})`;
  const values = [
    ints(activities, (a) => a.partition),
    joined(activities, (a) => a.instanceId),
    joined(activities, (a) => a.activityId),
    ints(activities, (a) => a.attempt),
    bigints(activities, (a) => epochOf.get(a.partition)),
    joined(activities, (a) => a.type),
    joined(activities, (a) => a.request),
  ];
  return [{ name: "insert-activities", text, values }];
}

function insertTimers(timers: Batch["timers"]): readonly Statement[] {
  if (timers.length === 0) return [];
  const text = `
    INSERT INTO timers (partition, instance_id, timer_id, fire_at)
    SELECT * FROM unnest($1::int[], ${split(2)}, ${split(3)}, $4::bigint[])
    ON CONFLICT (partition, instance_id, timer_id) DO UPDATE SET fire_at = excluded.fire_at`;
  const values = [
    ints(timers, (t) => t.partition),
    joined(timers, (t) => t.instanceId),
    joined(timers, (t) => t.timerId),
    bigints(timers, (t) => t.fireAt),
  ];
  return [{ name: "insert-timers", text, values }];
}

function insertChildren({ children }: Batch): readonly Statement[] {
  if (children.length === 0) return [];
  const text = `
    INSERT INTO children (partition, parent_id, child_id, child_instance_id)
    SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[])`;
  const values = [
    column(children, (c) => c.partition),
    column(children, (c) => c.parentId),
    column(children, (c) => c.childId),
    column(children, (c) => c.childInstanceId),
  ];
  return [{ name: "insert-children", text, values }];
}

const DELETE_MAIL = `
    DELETE FROM inbox AS i
    USING ${eachFound(
      "inbox",
      `unnest($1::int[], ${split(2)}) AS n(partition, id)`,
      "x.partition = n.partition AND x.id = n.id",
    )}
    WHERE i.ctid = n.found`;

function consumeInbox(consumed: readonly ConsumedRow[]): readonly Statement[] {
  if (consumed.length === 0) return [];
  const values = [ints(consumed, (c) => c.partition), joined(consumed, (c) => c.id)];
  return [{ name: "consume-inbox", text: DELETE_MAIL, values }];
}

/** Refuses the batch when one was consumed before. */
function consumeOnce(consumed: readonly ConsumedRow[]): readonly Statement[] {
  if (consumed.length === 0) return [];
  const text = `WITH gone AS (${DELETE_MAIL} RETURNING 1)
    SELECT expect_rows((SELECT count(*) FROM gone), $3::bigint)`;
  const values = [
    ints(consumed, (c) => c.partition),
    joined(consumed, (c) => c.id),
    consumed.length,
  ];
  return [{ name: "consume-once", text, values }];
}

function insertInbox({ sent }: Batch): readonly Statement[] {
  if (sent.length === 0) return [];
  const text = `
    INSERT INTO inbox (partition, id, instance_id, command)
    SELECT * FROM unnest($1::int[], ${split(2)}, ${split(3)}, ${split(4)})`;
  const values = [
    ints(sent, (m) => m.partition),
    joined(sent, (m) => m.id),
    joined(sent, (m) => m.instanceId),
    joined(sent, (m) => m.command),
  ];
  return [{ name: "insert-inbox", text, values }];
}

function insertEvents({ events }: Batch): readonly Statement[] {
  if (events.length === 0) return [];
  const text = `
    INSERT INTO events (partition, id, tenant, direction, source, event_id, type, event, instance_id, at)
    SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                         $9::text[], $10::bigint[])`;
  const values = [
    column(events, (e) => e.partition),
    column(events, (e) => e.id),
    column(events, (e) => e.tenant),
    column(events, (e) => e.direction),
    column(events, (e) => e.source),
    column(events, (e) => e.eventId),
    column(events, (e) => e.type),
    column(events, (e) => e.event),
    column(events, (e) => e.instanceId ?? null),
    column(events, (e) => e.at),
  ];
  return [{ name: "insert-events", text, values }];
}
