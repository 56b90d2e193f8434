/**
 * Writing and reading of checkpoints. Those of many tasks go in one transaction; those of one chain go one after the other, so
 * that a later one never meets an earlier one, and whoever goes on with the chain sees all that was accepted before.
 */
import { createHash } from "node:crypto";
import type { EngineValues, PayloadError } from "../payloads/payloads.ts";
import { StoreError } from "../store/store.ts";
import type {
  Chain,
  ChainKey,
  Checkpoint,
  CheckpointRow,
  CheckpointStore,
  NewCheckpoint,
  Saved,
} from "./checkpoint.ts";
import type { WorkerCounters } from "./counters.ts";
import { chainOf, type Task } from "./task.ts";
import { WorkerError } from "./worker-error.ts";

/** Bytes of JSON above which a value becomes a payload. */
const INLINE = 32 * 1024;
/** Rows of one transaction, their bytes, and transactions under way. */
const MOST_ROWS = 500;
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_IN_FLIGHT = 2;
/** Checkpoints that may wait for one. */
const MOST_QUEUED = 5_000;
/** Checkpoints of one chain that may be under way. */
const MOST_OF_CHAIN = 2;

/** What is under way of one chain: one after the other. */
interface Lane {
  /** Checkpoints of it. */
  saving: number;
  /** Resolves when all so far has ended, however it did. */
  tail: Promise<unknown>;
}

/** The checkpoint of a chain that has its result. */
interface Ended {
  readonly key: ChainKey;
  readonly resolve: () => void;
}

interface Queued {
  readonly row: CheckpointRow;
  readonly resolve: (saved: Saved) => void;
  readonly reject: (error: unknown) => void;
}

export class Checkpoints {
  readonly #store: CheckpointStore;
  readonly #values: EngineValues | undefined;
  readonly #counters: WorkerCounters;
  readonly #lanes = new Map<string, Lane>();
  readonly #queue: Queued[] = [];
  readonly #ended: Ended[] = [];
  #inFlight = 0;

  /** @param values where large ones go; without it, they stay where they are */
  constructor(store: CheckpointStore, counters: WorkerCounters, values?: EngineValues) {
    this.#store = store;
    this.#counters = counters;
    this.#values = values;
  }

  /** Reads the latest checkpoints of tasks of which they are not known. @throws {StoreError} */
  async know(tasks: readonly Task[]): Promise<void> {
    await Promise.all(tasks.map(async (task) => this.#lanes.get(chainOf(task))?.tail));
    const unknown = tasks.filter(({ checkpoint }) => checkpoint === undefined);
    if (unknown.length === 0) return;
    const found = await this.#store.load(unknown.map(keyOf));
    for (const task of unknown) learn(task, found.get(chainOf(task)));
  }

  /**
   * Resolves when it is durable.
   * @param held whether the worker that gave it has the task still
   * @throws {WorkerError}
   */
  async save(task: Task, given: NewCheckpoint, held: () => boolean): Promise<Checkpoint> {
    const lane = this.#lanes.get(chainOf(task));
    if (lane !== undefined && lane.saving >= MOST_OF_CHAIN)
      throw new WorkerError(
        "too-fast",
        "the task's checkpoints before this one are not written yet",
      );
    if (this.#queue.length >= MOST_QUEUED)
      throw new WorkerError("overloaded", `${MOST_QUEUED} checkpoints wait to be written`);
    return this.#inTurn(task, 1, () => this.#save(task, given, held));
  }

  /**
   * The chain has its result: its checkpoint goes, before a repetition of the task could see it. What a crash leaves of it, the
   * sweeper takes.
   */
  end(task: Task): void {
    const nothing = task.checkpoint === null && task.expiries === 0;
    if (nothing && !this.#lanes.has(chainOf(task))) return;
    const gone = async (): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#ended.push({ key: keyOf(task), resolve });
      this.#flush();
      await promise;
    };
    void this.#inTurn(task, 0, gone);
  }

  /** Another lease of the task has ended. What cannot be written counts as long as this node delivers the task. */
  expired(task: Task): void {
    const { expiries: count, request } = task;
    const { tenant, activityId, attempt } = request;
    const expiries = { ...keyOf(task), tenant, activityId, attempt, count };
    void this.#inTurn(task, 0, () => this.#store.expired(expiries)).catch(() => {});
  }

  /** After what is under way of the chain. */
  async #inTurn<T>(task: Task, saving: 0 | 1, work: () => Promise<T>): Promise<T> {
    const chain = chainOf(task);
    const lane = this.#lanes.get(chain) ?? { saving: 0, tail: Promise.resolve() };
    this.#lanes.set(chain, lane);
    lane.saving += saving;
    const mine = lane.tail.then(work);
    const tail = mine.catch(() => {});
    lane.tail = tail;
    try {
      return await mine;
    } finally {
      lane.saving -= saving;
      if (lane.tail === tail) this.#lanes.delete(chain);
    }
  }

  async #save(task: Task, given: NewCheckpoint, held: () => boolean): Promise<Checkpoint> {
    try {
      const value = await this.#valueOf(task, given);
      if (task.checkpoint === undefined)
        learn(task, (await this.#store.load([keyOf(task)])).get(chainOf(task)));
      // Its turn came late: another worker may have the task by now, and has seen what it goes on from.
      if (!held()) throw new WorkerError("task-lost", "the lease has ended");
      const saved = await this.#write(rowOf(task, given, value));
      if (saved.kind === "saved") {
        task.checkpoint = saved.checkpoint;
        return saved.checkpoint;
      }
      if (saved.kind === "stale")
        throw new WorkerError("task-lost", "another attempt goes on with the task");
      throw new WorkerError("no-such-payload", `there is no payload ${given.digest ?? ""}`);
    } catch (error) {
      // It may be written or not: whoever needs to know reads it.
      if (error instanceof StoreError) task.checkpoint = undefined;
      throw explained(error);
    }
  }

  async #valueOf(
    { request }: Task,
    { level, value, digest }: NewCheckpoint,
  ): Promise<Pick<CheckpointRow, "data" | "digest">> {
    if (level === "progress") return {};
    if (digest !== undefined) return { digest };
    const data = JSON.stringify(value ?? null);
    const bytes = Buffer.from(data);
    if (this.#values === undefined || bytes.length <= INLINE) return { data };
    const own = createHash("sha256").update(bytes).digest("hex");
    await this.#values.store(request.tenant, [{ digest: own, bytes }]);
    return { digest: own };
  }

  #write(row: CheckpointRow): Promise<Saved> {
    const { promise, resolve, reject } = Promise.withResolvers<Saved>();
    this.#queue.push({ row, resolve, reject });
    this.#flush();
    return promise;
  }

  #flush(): void {
    if (this.#inFlight >= MOST_IN_FLIGHT) return;
    if (this.#queue.length === 0 && this.#ended.length === 0) return;
    this.#inFlight += 1;
    void this.#commit().finally(() => {
      this.#inFlight -= 1;
      this.#flush();
    });
  }

  async #commit(): Promise<void> {
    // What comes in this turn of the loop goes along.
    await Promise.resolve();
    const group = this.#next();
    const ended = this.#ended.splice(0, MOST_ROWS);
    // What stays is swept when the instance has ended.
    if (ended.length > 0) await this.#store.delete(ended.map(({ key }) => key)).catch(() => {});
    for (const { resolve } of ended) resolve();
    try {
      if (group.length > 0) {
        const saved = await this.#store.save(group.map(({ row }) => row));
        this.#counters.checkpointCommits += 1;
        for (const [index, { resolve }] of group.entries())
          resolve(saved[index] ?? { kind: "stale" });
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  #next(): readonly Queued[] {
    let bytes = 0;
    let count = 0;
    for (const { row } of this.#queue) {
      bytes += (row.data?.length ?? 0) + (row.note?.length ?? 0);
      if (count > 0 && bytes > MOST_BYTES) break;
      count += 1;
      if (count === MOST_ROWS) break;
    }
    return this.#queue.splice(0, count);
  }
}

function learn(task: Task, chain: Chain | undefined): void {
  task.checkpoint = chain?.checkpoint ?? null;
  // A run by `try`, or a retry, begins anew: it is another activity of the chain.
  if (chain?.activityId === task.request.activityId)
    task.expiries = Math.max(task.expiries, chain.expiries);
}

function keyOf(task: Task): ChainKey {
  const { partition, request } = task;
  return { partition, instanceId: request.instanceId, chain: chainOf(task) };
}

function rowOf(
  task: Task,
  { level, percent, note }: NewCheckpoint,
  value: Pick<CheckpointRow, "data" | "digest">,
): CheckpointRow {
  const { request, checkpoint } = task;
  return {
    ...keyOf(task),
    tenant: request.tenant,
    attempt: request.attempt,
    number: (checkpoint?.number ?? 0) + 1,
    level,
    ...(percent === undefined ? {} : { percent }),
    ...(note === undefined ? {} : { note }),
    ...value,
  };
}

function explained(error: unknown): unknown {
  if (error instanceof StoreError)
    return new WorkerError(
      "unavailable",
      "it is not known whether the checkpoint is written",
      error,
    );
  if (!(error instanceof Error) || error.name !== "PayloadError") return error;
  const { kind, message } = error as PayloadError;
  if (kind === "too-large") return new WorkerError("too-large", message, error);
  return new WorkerError("unavailable", message, error);
}
