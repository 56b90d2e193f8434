/** Statements for schedules and what became of their times. */
import { SCHEDULE_TIMER } from "../../scheduler/schedule.ts";
import { type Batch, REFUSED, type ScheduleRow, type WrittenSchedule } from "../store.ts";
import { bigints, column, eachFound, ints, joined, split } from "./columns.ts";
import type { Statement } from "./statement.ts";

export function scheduleStatements(batch: Batch): readonly Statement[] {
  const { schedules } = batch;
  return [
    ...insert(schedules.filter(({ revision }) => revision === 1)),
    ...update(schedules.filter(({ revision }) => revision > 1)),
    ...remove(batch),
    ...endTimers(batch.endedTimers.filter(({ id }) => id === SCHEDULE_TIMER)),
    ...insertTimers(batch.timers.filter(({ timerId }) => timerId === SCHEDULE_TIMER)),
    ...record(batch),
  ];
}

function insert(rows: readonly ScheduleRow[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    INSERT INTO schedules (partition, id, tenant, name, namespace, workflow, revision, paused, wake_at, state, created_at, updated_at, calendars)
    SELECT n.partition, n.id, n.tenant, n.name, n.namespace, n.workflow, 1, n.paused = 1, n.wake_at, n.state, n.created_at, n.updated_at,
           string_to_array(n.calendars, '/')
    FROM unnest($1::int[], ${split(2)}, $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::bigint[], ${split(9)},
                $10::bigint[], $11::bigint[], $12::text[])
         AS n(partition, id, tenant, name, namespace, workflow, paused, wake_at, state, created_at, updated_at, calendars)`;
  const values = [
    ints(rows, (r) => r.partition),
    joined(rows, (r) => r.id),
    column(rows, (r) => r.tenant),
    column(rows, (r) => r.name),
    column(rows, (r) => r.namespace),
    column(rows, (r) => r.workflow),
    ints(rows, (r) => (r.paused ? 1 : 0)),
    bigints(rows, (r) => r.wakeAt),
    joined(rows, (r) => r.state),
    bigints(rows, (r) => r.createdAt),
    bigints(rows, (r) => r.updatedAt),
    column(rows, calendarsOf),
  ];
  return [{ name: "insert-schedules", text, values }];
}

/** A slash is in no name. */
function calendarsOf({ calendars = [] }: ScheduleRow): string | null {
  return calendars.length === 0 ? null : calendars.join("/");
}

/** Workflow and calendars change hardly ever; written as they were, they leave their indexes alone. */
function update(rows: readonly WrittenSchedule[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    WITH written AS (
      UPDATE schedules AS s
      SET revision = n.revision, paused = n.paused = 1, wake_at = n.wake_at, state = n.state, updated_at = n.updated_at,
          namespace = n.namespace, workflow = n.workflow, calendars = string_to_array(n.calendars, '/'),
          created_at = n.created_at
      FROM ${eachFound(
        "schedules",
        `unnest(${split(1)}, $2::bigint[], $3::int[], $4::bigint[], ${split(5)}, $6::bigint[], $7::text[], $8::text[], $9::text[],
                $10::bigint[], $11::bigint[])
           AS n(id, revision, paused, wake_at, state, updated_at, namespace, workflow, calendars, created_at, in_place_of)`,
        "x.id = n.id",
      )}
      WHERE s.ctid = n.found AND s.revision = n.revision - 1 AND s.created_at = n.in_place_of
      RETURNING 1
    )
    SELECT expect_rows((SELECT count(*) FROM written), $12::bigint)`;
  const values = [
    joined(rows, (r) => r.id),
    bigints(rows, (r) => r.revision),
    ints(rows, (r) => (r.paused ? 1 : 0)),
    bigints(rows, (r) => r.wakeAt),
    joined(rows, (r) => r.state),
    bigints(rows, (r) => r.updatedAt),
    column(rows, (r) => r.namespace),
    column(rows, (r) => r.workflow),
    column(rows, calendarsOf),
    bigints(rows, (r) => r.createdAt),
    bigints(rows, (r) => r.inPlaceOf),
    rows.length,
  ];
  return [{ name: "update-schedules", text, values }];
}

function remove({ deletedSchedules: rows }: Batch): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    WITH gone AS (
      DELETE FROM schedules AS s
      USING unnest(${split(1)}, $2::bigint[], $3::bigint[]) AS n(id, revision, created_at)
      WHERE s.id = n.id AND s.revision = n.revision AND s.created_at = n.created_at
      RETURNING 1
    )
    SELECT expect_rows((SELECT count(*) FROM gone), $4::bigint)`;
  const values = [
    joined(rows, (r) => r.id),
    bigints(rows, (r) => r.revision),
    bigints(rows, (r) => r.createdAt),
    rows.length,
  ];
  return [{ name: "delete-schedules", text, values }];
}

function endTimers(rows: Batch["endedTimers"]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    DELETE FROM schedule_timers AS t
    USING ${eachFound(
      "schedule_timers",
      `unnest($1::int[], $2::bigint[], ${split(3)}) AS n(partition, fire_at, id)`,
      "x.partition = n.partition AND x.fire_at = n.fire_at AND x.schedule_id = n.id",
    )}
    WHERE t.ctid = n.found`;
  const values = [
    ints(rows, (r) => r.partition),
    bigints(rows, (r) => r.fireAt),
    joined(rows, (r) => r.instanceId),
  ];
  return [{ name: "end-schedule-timers", text, values }];
}

function insertTimers(rows: Batch["timers"]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    INSERT INTO schedule_timers (partition, fire_at, schedule_id)
    SELECT * FROM unnest($1::int[], $2::bigint[], ${split(3)}) ON CONFLICT DO NOTHING`;
  const values = [
    ints(rows, (r) => r.partition),
    bigints(rows, (r) => r.fireAt),
    joined(rows, (r) => r.instanceId),
  ];
  return [{ name: "insert-schedule-timers", text, values }];
}

function record({ decisions: rows }: Batch): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    INSERT INTO schedule_decisions
      (partition, schedule_id, nominal, key, origin, until, count, outcome, reason, instance_id, detail, at)
    SELECT * FROM unnest($1::int[], ${split(2)}, $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::int[], $8::text[],
                         $9::text[], $10::text[], $11::text[], $12::bigint[])
    ON CONFLICT (schedule_id, nominal, key) DO UPDATE
    SET origin = excluded.origin, until = excluded.until, count = excluded.count, outcome = excluded.outcome,
        reason = excluded.reason, instance_id = excluded.instance_id, detail = excluded.detail, at = excluded.at
    WHERE schedule_decisions.outcome = 'skipped' OR excluded.outcome = 'started' OR excluded.reason = '${REFUSED}'`;
  const values = [
    ints(rows, (r) => r.partition),
    joined(rows, (r) => r.scheduleId),
    bigints(rows, (r) => r.nominal),
    column(rows, (r) => r.key),
    column(rows, (r) => r.origin),
    bigints(rows, (r) => r.until),
    column(rows, (r) => r.count ?? null),
    column(rows, (r) => r.outcome),
    column(rows, (r) => r.reason ?? null),
    column(rows, (r) => r.instanceId ?? null),
    column(rows, (r) => r.detail ?? null),
    bigints(rows, (r) => r.at),
  ];
  return [{ name: "record-decisions", text, values }];
}
