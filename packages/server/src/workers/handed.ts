/** What a worker is given. */
import { formatDuration } from "@millrace/protocol";
import type { ActivityRequest } from "../activities/executor.ts";
import { ActivityFailure } from "../activities/failure.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Wanted } from "./queues.ts";
import type { Task } from "./task.ts";
import type { Work } from "./work.ts";

/** A task in a worker's hands. */
export interface Handed {
  readonly token: string;
  readonly request: ActivityRequest;
  readonly work: Work;
  /** 1 for the first time that this node gives this attempt to a worker. */
  readonly delivery: number;
  readonly checkpoint?: Checkpoint;
}

export interface PollAnswer {
  readonly tasks: readonly Handed[];
  /** Tokens of tasks of this worker that nobody waits for any more. */
  readonly cancelled: readonly string[];
}

/** @param work with its large values */
export function handedAs(task: Task, token: string, work: Work): Handed {
  const { request, deliveries, checkpoint } = task;
  const latest = checkpoint === undefined || checkpoint === null ? {} : { checkpoint };
  return { token, request, work, delivery: deliveries, ...latest };
}

/** Workers of different tenants are different ones, whatever they call themselves. */
export function workerKey({ tenant, worker }: Pick<Wanted, "tenant" | "worker">): string {
  return `${tenant}\n${worker}`;
}

/** The worker's name, of its key. */
export function nameOfWorker(key: string): string {
  return key.slice(key.indexOf("\n") + 1);
}

/** The error of a task whose workers have died under it, or seemed to. @param last who had it last, when that is known */
export function maxDeliveriesReached(
  { work, expiries }: Task,
  last: string | undefined,
): ActivityFailure {
  const who = last === undefined ? "" : `, the last one being ${last}`;
  const times = expiries === 1 ? "a worker was" : `${expiries} times a worker was`;
  const detail =
    `${times} given the task and then gave no sign of life for ${formatDuration(work.lease)}${who}. ` +
    "See what it wrote before it ended. The latest checkpoint is kept for a retry; " +
    "with.maxDeliveries of the task says how often it is given to another worker.";
  return new ActivityFailure("runtime", detail, { title: "Maximum Deliveries Reached" });
}
