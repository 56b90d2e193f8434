/** Tasks and checkpoints as they go over the wire. */
import { formatDuration, type Json } from "@millrace/protocol";
import type {
  Checkpoint as CheckpointWire,
  WorkerInfo,
  WorkerLease,
  WorkerTask,
  WorkerTasks,
} from "@millrace/protocol/schemas";
import type { Checkpoint } from "../workers/checkpoint.ts";
import type { Handed, PollAnswer } from "../workers/handed.ts";
import type { WorkerView } from "../workers/roster.ts";
import { instant } from "./wire.ts";

export function tasksWire({ tasks, cancelled }: PollAnswer): WorkerTasks {
  return { tasks: tasks.map(taskWire), cancelled: [...cancelled] };
}

function taskWire({ token, request, work, delivery, checkpoint }: Handed): WorkerTask {
  const { instanceId, activityId, attempt, idempotencyKey, workflow, name, reference } = request;
  const { deadline, trace } = request;
  return {
    token,
    instanceId,
    activityId,
    attempt,
    delivery,
    idempotencyKey,
    workflow,
    name,
    reference,
    function: work.function,
    arguments: work.arguments,
    lease: formatDuration(work.lease),
    ...(deadline === undefined ? {} : { deadline: instant(deadline) }),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpointWire(checkpoint) }),
    ...trace,
  };
}

export function workerWire({ tasks, firstSeenAt, lastSeenAt, ...view }: WorkerView): WorkerInfo {
  return {
    ...view,
    functions: [...view.functions],
    tasks: tasks.map(({ request, work, deliveries }) => {
      const { instanceId, activityId, name, attempt } = request;
      const { function: function_ } = work;
      return { instanceId, activityId, name, function: function_, attempt, delivery: deliveries };
    }),
    firstSeenAt: instant(firstSeenAt),
    lastSeenAt: instant(lastSeenAt),
  };
}

export function checkpointWire(checkpoint: Checkpoint): CheckpointWire {
  const { number, attempt, level, percent, note, data, digest, at } = checkpoint;
  const value = data === undefined ? undefined : (JSON.parse(data) as Json);
  return {
    number,
    attempt,
    level,
    ...(percent === undefined ? {} : { percent }),
    ...(note === undefined ? {} : { note }),
    ...(value === undefined ? {} : { [level === "state" ? "state" : "data"]: value }),
    ...(digest === undefined ? {} : { digest }),
    at: instant(at),
  };
}

/** @param lease milliseconds; undefined when nobody waits for the task any more */
export function leaseWire(lease: number | undefined): WorkerLease {
  return lease === undefined
    ? { cancelled: true }
    : { cancelled: false, lease: formatDuration(lease) };
}
