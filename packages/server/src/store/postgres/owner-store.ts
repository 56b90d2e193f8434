/** The owner's side of the store on PostgreSQL. */
import type { Pool } from "pg";
import {
  type ActivityRow,
  type Batch,
  type Epoch,
  type InboxRow,
  type InstanceRow,
  type KeyName,
  type KeyRow,
  type OrphansFound,
  type OwnerStore,
  type ScheduleRow,
  type StoredDefinition,
  type TimerRow,
  type WorkflowVersion,
} from "../store.ts";
import { batchStatements } from "./commit.ts";
import {
  activityRow,
  INSTANCE_COLUMNS,
  inboxRow,
  instanceRow,
  type RawActivity,
  type RawInbox,
  type RawInstance,
  type RawSchedule,
  type RawTimer,
  SCHEDULE_COLUMNS,
  scheduleRow,
  timerRow,
} from "./rows.ts";
import { inOneFlight } from "./transaction.ts";
import { SCHEDULE_TIMER } from "../../scheduler/schedule.ts";
import { newestVersion } from "./versions.ts";

export function postgresOwnerStore(pool: Pool): OwnerStore {
  return Object.freeze({
    commit: async (batch: Batch) => {
      await inOneFlight(pool, batchStatements(batch));
    },
    loadInstances: (ids: readonly string[]) => loadInstances(pool, ids),
    loadKeys: (keys: readonly KeyName[]) => loadKeys(pool, keys),
    loadSchedules: (ids: readonly string[]) => loadSchedules(pool, ids),
    pruneDecisions: (age: number, limit: number) => pruneDecisions(pool, age, limit),
    dueTimers: (partitions: readonly number[], from: number, until: number, limit: number) =>
      dueTimers(pool, partitions, from, until, limit),
    readInbox: (partitions: readonly number[], limit: number) => readInbox(pool, partitions, limit),
    unconsumed: (messages: readonly Pick<InboxRow, "partition" | "id">[]) =>
      unconsumed(pool, messages),
    redeliverable: (epochs: readonly Epoch[], limit: number) => redeliverable(pool, epochs, limit),
    withActivities: (partitions: readonly number[], after: string, limit: number) =>
      withActivities(pool, partitions, after, limit),
    orphans: (partitions: readonly number[], after: string, stretch: number) =>
      orphans(pool, partitions, after, stretch),
    definition: (workflow: WorkflowVersion) => definition(pool, workflow),
    latestVersion: (workflow: Omit<WorkflowVersion, "version">) => latestVersion(pool, workflow),
  });
}

async function loadInstances(pool: Pool, ids: readonly string[]): Promise<readonly InstanceRow[]> {
  const { rows } = await pool.query<RawInstance>({
    name: "load-instances",
    text: `SELECT ${INSTANCE_COLUMNS} FROM all_instances WHERE id = ANY ($1::text[])`,
    values: [ids],
  });
  return rows.map(instanceRow);
}

async function loadSchedules(pool: Pool, ids: readonly string[]): Promise<readonly ScheduleRow[]> {
  const { rows } = await pool.query<RawSchedule>({
    name: "load-schedules",
    text: `SELECT ${SCHEDULE_COLUMNS} FROM schedules WHERE id = ANY ($1::text[])`,
    values: [ids],
  });
  return rows.map(scheduleRow);
}

async function pruneDecisions(pool: Pool, age: number, limit: number): Promise<number> {
  const { rowCount } = await pool.query({
    name: "prune-decisions",
    text: `DELETE FROM schedule_decisions
           WHERE ctid = ANY (ARRAY(SELECT ctid FROM schedule_decisions WHERE at < now_ms() - $1::bigint LIMIT $2))`,
    values: [age, limit],
  });
  return rowCount ?? 0;
}

async function loadKeys(pool: Pool, keys: readonly KeyName[]): Promise<readonly KeyRow[]> {
  const { rows } = await pool.query<{
    partition: number;
    tenant: string;
    namespace: string;
    name: string;
    key: string;
    digest: string;
    instance_id: string;
    created_at: string;
  }>({
    name: "load-keys",
    text: `
      SELECT i.* FROM idempotency AS i
      JOIN unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[]) AS k(partition, tenant, namespace, name, key)
      USING (partition, tenant, namespace, name, key)`,
    values: [
      keys.map((k) => k.partition),
      keys.map((k) => k.tenant),
      keys.map((k) => k.namespace),
      keys.map((k) => k.name),
      keys.map((k) => k.key),
    ],
  });
  return rows.map(({ instance_id, created_at, ...row }) => ({
    ...row,
    instanceId: instance_id,
    at: Number(created_at),
  }));
}

async function dueTimers(
  pool: Pool,
  partitions: readonly number[],
  from: number,
  until: number,
  limit: number,
): Promise<readonly TimerRow[]> {
  const { rows } = await pool.query<RawTimer>({
    name: "due-timers",
    text: `(SELECT partition, instance_id, timer_id, fire_at FROM timers
            WHERE partition = ANY ($1::int[]) AND fire_at BETWEEN $2 AND $3 ORDER BY fire_at LIMIT $4)
           UNION ALL
           (SELECT partition, schedule_id, '${SCHEDULE_TIMER}', fire_at FROM schedule_timers
            WHERE partition = ANY ($1::int[]) AND fire_at BETWEEN $2 AND $3 ORDER BY fire_at LIMIT $4)
           ORDER BY fire_at LIMIT $4`,
    values: [partitions, from, until, limit],
  });
  return rows.map(timerRow);
}

async function readInbox(
  pool: Pool,
  partitions: readonly number[],
  limit: number,
): Promise<readonly InboxRow[]> {
  const { rows } = await pool.query<RawInbox>({
    name: "read-inbox",
    text: `SELECT partition, id, instance_id, command FROM inbox
           WHERE partition = ANY ($1::int[]) ORDER BY id LIMIT $2`,
    values: [partitions, limit],
  });
  return rows.map(inboxRow);
}

async function unconsumed(
  pool: Pool,
  messages: readonly Pick<InboxRow, "partition" | "id">[],
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ id: string }>({
    name: "unconsumed",
    text: `SELECT n.id FROM unnest($1::int[], $2::text[]) AS n(partition, id)
           WHERE EXISTS (SELECT FROM inbox AS i WHERE i.partition = n.partition AND i.id = n.id)`,
    values: [messages.map((m) => m.partition), messages.map((m) => m.id)],
  });
  return new Set(rows.map((row) => row.id));
}

async function redeliverable(
  pool: Pool,
  epochs: readonly Epoch[],
  limit: number,
): Promise<readonly ActivityRow[]> {
  const { rows } = await pool.query<RawActivity>({
    name: "redeliverable",
    text: `
      WITH lost AS (
        SELECT a.partition, a.instance_id, a.activity_id, e.epoch
        FROM activities AS a
        JOIN unnest($1::int[], $2::bigint[]) AS e(partition, epoch) USING (partition)
        WHERE a.epoch < e.epoch LIMIT $3
      )
      UPDATE activities AS a SET attempt = a.attempt + 1, epoch = lost.epoch
      FROM lost, check_epochs($1::int[], $2::bigint[])
      WHERE (a.partition, a.instance_id, a.activity_id) = (lost.partition, lost.instance_id, lost.activity_id)
      RETURNING a.partition, a.instance_id, a.activity_id, a.attempt, a.type, a.request`,
    values: [epochs.map((e) => e.partition), epochs.map((e) => e.epoch), limit],
  });
  return rows.map(activityRow);
}

async function withActivities(
  pool: Pool,
  partitions: readonly number[],
  after: string,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>({
    name: "with-activities",
    text: `SELECT id FROM instances
           WHERE id > $2 AND partition = ANY ($1::int[]) AND activities IS NOT NULL ORDER BY id LIMIT $3`,
    values: [partitions, after, limit],
  });
  return rows.map((row) => row.id);
}

async function orphans(
  pool: Pool,
  partitions: readonly number[],
  after: string,
  stretch: number,
): Promise<OrphansFound> {
  const { rows: last } = await pool.query<{ id: string }>({
    name: "orphans-until",
    text: "SELECT id FROM instances WHERE id > $1 ORDER BY id OFFSET $2 - 1 LIMIT 1",
    values: [after, stretch],
  });
  const until = last[0]?.id;
  const { rows } = await pool.query<Omit<RawInstance, "ended_at">>({
    name: "orphans",
    text: `
      SELECT ${INSTANCE_COLUMNS.replace("ended_at, ", "")} FROM instances AS i
      WHERE i.id > $2 AND ($3::text IS NULL OR i.id <= $3) AND i.partition = ANY ($1::int[])
        AND i.status <> 'suspended' AND i.activities IS NULL
        AND NOT EXISTS (SELECT FROM activities AS a WHERE a.partition = i.partition AND a.instance_id = i.id)
        AND NOT EXISTS (SELECT FROM timers AS t WHERE t.partition = i.partition AND t.instance_id = i.id)
        AND NOT EXISTS (SELECT FROM children AS c WHERE c.partition = i.partition AND c.parent_id = i.id)
        AND NOT EXISTS (SELECT FROM inbox AS m WHERE m.instance_id = i.id)
        AND NOT EXISTS (SELECT FROM event_subscriptions AS s WHERE s.target_id = i.id)
      LIMIT 100`,
    values: [partitions, after, until ?? null],
  });
  const found = rows.map((row) => instanceRow({ ...row, ended_at: null }));
  return { orphans: found, next: until ?? "" };
}

/** A parent's definition names its children as it likes; PostgreSQL refuses to be asked for text with a NUL. */
function inNoTable(...names: readonly string[]): boolean {
  return names.some((name) => name.includes("\0"));
}

async function definition(
  pool: Pool,
  workflow: WorkflowVersion,
): Promise<StoredDefinition | undefined> {
  const { tenant, namespace, name, version } = workflow;
  if (inNoTable(namespace, name, version)) return undefined;
  const { rows } = await pool.query<{ definition: string; resources: string | null }>({
    name: "definition",
    text: `SELECT definition, resources FROM workflows
           WHERE tenant = $1 AND namespace = $2 AND name = $3 AND version = $4`,
    values: [tenant, namespace, name, version],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const { definition: text, resources } = row;
  return resources === null ? { text } : { text, resources };
}

async function latestVersion(
  pool: Pool,
  { tenant, namespace, name }: Omit<WorkflowVersion, "version">,
): Promise<string | undefined> {
  if (inNoTable(namespace, name)) return undefined;
  const { rows } = await pool.query<{ version: string }>({
    name: "versions",
    text: "SELECT version FROM workflows WHERE tenant = $1 AND namespace = $2 AND name = $3",
    values: [tenant, namespace, name],
  });
  return newestVersion(rows.map((row) => row.version));
}
