/** Rows as the driver gives them → rows of the port. `bigint` columns arrive as text. */
import type { ActivityType, Status } from "@millrace/engine";
import type { ActivityRow, InboxRow, InstanceRow, ScheduleRow, TimerRow } from "../store.ts";

export interface RawInstance {
  readonly id: string;
  readonly partition: number;
  readonly tenant: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly status: Status;
  readonly priority: number;
  readonly revision: string;
  readonly seq: string;
  readonly state: string;
  readonly activities: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly ended_at: string | null;
  readonly parent_id: string | null;
  readonly parent_child_id: string | null;
}

/** The columns of {@link RawInstance}, in the view `all_instances`. */
export const INSTANCE_COLUMNS =
  "id, partition, tenant, namespace, name, version, status, priority, revision, seq, state, activities, created_at, updated_at, ended_at, parent_id, parent_child_id";

export function instanceRow(raw: RawInstance): InstanceRow {
  return {
    id: raw.id,
    partition: raw.partition,
    tenant: raw.tenant,
    namespace: raw.namespace,
    name: raw.name,
    version: raw.version,
    status: raw.status,
    priority: raw.priority,
    revision: Number(raw.revision),
    seq: Number(raw.seq),
    state: raw.state,
    ...(raw.activities === null ? {} : { activities: raw.activities }),
    createdAt: Number(raw.created_at),
    updatedAt: Number(raw.updated_at),
    ...(raw.ended_at === null ? {} : { endedAt: Number(raw.ended_at) }),
    ...(raw.parent_id === null ? {} : { parentId: raw.parent_id }),
    ...(raw.parent_child_id === null ? {} : { parentChildId: raw.parent_child_id }),
  };
}

export interface RawTimer {
  readonly partition: number;
  readonly instance_id: string;
  readonly timer_id: string;
  readonly fire_at: string;
}
export function timerRow(raw: RawTimer): TimerRow {
  return {
    partition: raw.partition,
    instanceId: raw.instance_id,
    timerId: raw.timer_id,
    fireAt: Number(raw.fire_at),
  };
}

export interface RawInbox {
  readonly partition: number;
  readonly id: string;
  readonly instance_id: string;
  readonly command: string;
}
export function inboxRow(raw: RawInbox): InboxRow {
  const { partition, id, command } = raw;
  return { partition, id, instanceId: raw.instance_id, command };
}

export interface RawActivity {
  readonly partition: number;
  readonly instance_id: string;
  readonly activity_id: string;
  readonly attempt: number;
  readonly type: ActivityType;
  readonly request: string;
}
export function activityRow(raw: RawActivity): ActivityRow {
  const { partition, attempt, type, request } = raw;
  return {
    partition,
    instanceId: raw.instance_id,
    activityId: raw.activity_id,
    attempt,
    type,
    request,
  };
}

export interface RawSchedule {
  readonly partition: number;
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly namespace: string;
  readonly workflow: string;
  readonly revision: string;
  readonly paused: boolean;
  readonly wake_at: string | null;
  readonly state: string;
  readonly created_at: string;
  readonly updated_at: string;
}
export const SCHEDULE_COLUMNS =
  "partition, id, tenant, name, namespace, workflow, revision, paused, wake_at, state, created_at, updated_at";

export function scheduleRow(raw: RawSchedule): ScheduleRow {
  const { revision, wake_at, created_at, updated_at, ...row } = raw;
  return {
    ...row,
    revision: Number(revision),
    ...(wake_at === null ? {} : { wakeAt: Number(wake_at) }),
    createdAt: Number(created_at),
    updatedAt: Number(updated_at),
  };
}
