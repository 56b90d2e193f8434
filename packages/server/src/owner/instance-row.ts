/** The columns of an instance beside its state. */
import type { State } from "@millrace/engine";
import { DEFAULT_PRIORITY } from "@millrace/protocol";
import type { WorkflowVersion } from "../store/store.ts";
import type { Hot } from "./slots.ts";

export function workflowOf(row: WorkflowVersion): WorkflowVersion {
  const { tenant, namespace, name, version } = row;
  return { tenant, namespace, name, version };
}

export function newRow(
  { id, status, priority = DEFAULT_PRIORITY, parent }: State,
  partition: number,
  { tenant, namespace, name, version }: WorkflowVersion,
  now: number,
): Hot["row"] {
  return {
    id,
    partition,
    tenant,
    namespace,
    name,
    version,
    status,
    priority,
    revision: 0,
    seq: 0,
    createdAt: now,
    updatedAt: now,
    endedAt: undefined,
    parentId: parent?.instanceId,
    parentChildId: parent?.childId,
  };
}

/** Of one shape always, whether a field is there or not: rows of one shape are faster. */
export function headOf({ state, row }: Hot, before: Hot | undefined, now: number): Hot["row"] {
  return {
    id: row.id,
    partition: row.partition,
    tenant: row.tenant,
    namespace: row.namespace,
    name: row.name,
    version: row.version,
    status: state.status,
    priority: row.priority,
    revision: (before?.row.revision ?? 0) + 1,
    seq: state.seq,
    createdAt: row.createdAt,
    updatedAt: now,
    endedAt: state.endedAt,
    parentId: row.parentId,
    parentChildId: row.parentChildId,
  };
}
