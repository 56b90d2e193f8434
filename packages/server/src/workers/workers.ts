/**
 * The executor of `call: worker`, and what remote workers ask of it. Tasks wait in this node's memory; the truth is the
 * activity's row: when the node ends, the next owner delivers the activity again, one attempt higher.
 */
import type { Json } from "@millrace/language";
import { partitionOf } from "@millrace/protocol";
import type { ActivityName, ActivityRequest, RemoteWork } from "../activities/executor.ts";
import type { ActivityFailure } from "../activities/failure.ts";
import type { Clock } from "../clock.ts";
import type { Checkpoint, NewCheckpoint } from "./checkpoint.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { WorkerCounters } from "./counters.ts";
import { EndedTokens } from "./ended.ts";
import { type PollAnswer, workerKey } from "./handed.ts";
import { Leases } from "./leases.ts";
import { Queues, type Waiter, type Wanted } from "./queues.ts";
import { Roster, type WorkerView } from "./roster.ts";
import { partitionOfToken, type State, type Task, taskName, tokenOf } from "./task.ts";
import { workOf } from "./work.ts";
import { WorkerError } from "./worker-error.ts";

/** Milliseconds in which a result is durable, or whoever gave it is told to try again. */
const PATIENCE = 8_000;

/** Leases of a task that may end without a sign of life, unless the task or the server's settings say otherwise. */
export const MAX_DELIVERIES = 5;
const ELSEWHERE = "another server has the task, or will have it in a moment";

export interface WorkersConfig {
  readonly clock: Clock;
  readonly maxPolls?: number;
  /** 0 for no limit; {@link MAX_DELIVERIES} unless given. */
  readonly maxDeliveries?: number;
}

/** The node that the tasks come from. */
export interface TasksOf {
  /** Whether it owns this partition; without one, whether it owns any. */
  owns(partition?: number): boolean;
}

export class Workers implements RemoteWork {
  readonly counters = new WorkerCounters();
  /** Polls that may wait at the same time. */
  readonly maxPolls: number;
  readonly #clock: Clock;
  readonly #queues: Queues;
  readonly #ended = new EndedTokens();
  readonly #tasks = new Map<string, Task>();
  readonly #leases: Leases;
  readonly #polls = new Map<string, Set<Waiting>>();
  readonly #roster: Roster;
  #checkpoints: Checkpoints | undefined;
  #node: TasksOf = { owns: () => true };
  #stopping = false;

  constructor({ clock, maxPolls = 10_000, maxDeliveries = MAX_DELIVERIES }: WorkersConfig) {
    this.#clock = clock;
    this.maxPolls = maxPolls;
    this.#queues = new Queues(clock);
    const { counters } = this;
    const onExpired = (task: Task): void => this.#checkpoints?.expired(task);
    this.#leases = new Leases({ clock, counters, queues: this.#queues, maxDeliveries, onExpired });
    this.#roster = new Roster(clock);
  }

  /** Without this, checkpoints are refused, and all tasks count as this node's. */
  attach(checkpoints: Checkpoints, node: TasksOf): void {
    this.#checkpoints = checkpoints;
    this.#node = node;
  }

  get waiting(): number {
    return this.#queues.waiting;
  }
  /** Tasks that workers have. */
  get leased(): number {
    return this.#leases.size;
  }
  get polls(): number {
    return this.#queues.polls;
  }
  /** Milliseconds that the first waiting task has waited. */
  get oldest(): number {
    return this.#queues.oldest();
  }

  /** Resolves with what a worker gives; rejects with the worker's failure, or with the reason of the signal. */
  readonly execute = async (
    request: ActivityRequest,
    _services: unknown,
    signal: AbortSignal,
  ): Promise<Json> => {
    const work = workOf(request);
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Json>();
    const task: Task = {
      request,
      work,
      partition: partitionOf(request.instanceId),
      deliveries: 0,
      failures: 0,
      expiries: 0,
      state: { kind: "waiting" },
      checkpoint: undefined,
      queued: undefined,
      resolve,
      reject,
    };
    const withdraw = (): void => this.#withdraw(task, signal.reason);
    signal.addEventListener("abort", withdraw, { once: true });
    this.#tasks.set(taskName(request), task);
    this.#queues.add(task);
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", withdraw);
    }
  };

  /**
   * Tasks for a worker: at once when there are any, else as soon as there are, at most `wait` milliseconds later.
   * @param signal aborts when the worker is gone, or is to be answered now
   * @throws {WorkerError} `overloaded`, `unavailable`
   */
  async poll(wanted: Wanted, wait: number, signal: AbortSignal): Promise<PollAnswer> {
    this.#mustHaveTasks();
    this.#roster.asks(wanted);
    let tasks = this.#take(wanted);
    let cancelled = this.#ended.news(workerKey(wanted));
    if (tasks.length === 0 && cancelled.length === 0 && wait > 0 && !signal.aborted) {
      if (this.#queues.polls >= this.maxPolls)
        throw new WorkerError("overloaded", `${this.maxPolls} polls wait already`);
      tasks = await this.#waitFor(wanted, wait, signal);
      cancelled = this.#ended.news(workerKey(wanted));
    }
    const tokens = tasks.map((task) => tokenOf(task) ?? "");
    try {
      await this.#checkpoints?.know(tasks);
    } catch (error) {
      for (const token of tokens) this.#leases.giveBack(token);
      throw new WorkerError("unavailable", "the latest checkpoints cannot be read now", error);
    }
    const works = await Promise.all(
      tasks.map((task, index) => this.#leases.load(task, tokens[index] ?? "")),
    );
    const handed = tasks.flatMap((task, index) =>
      this.#leases.hand(task, tokens[index] ?? "", works[index]),
    );
    return { tasks: handed, cancelled };
  }

  /**
   * Who asks this node for tasks, by name, after `after`.
   * @throws {WorkerError} `unavailable` where another node has all tasks: it knows the workers
   */
  list(tenant: string, after: string, limit: number): readonly WorkerView[] {
    this.#mustHaveTasks();
    return this.#roster.list({ tenant, after, limit }, this.#tasks.values(), (key) =>
      this.#polls.has(key),
    );
  }

  /** What a poll was to be answered with did not reach the worker. */
  unreached(answer: PollAnswer): void {
    for (const { token } of answer.tasks) this.#leases.giveBack(token);
  }

  /**
   * A sign of life: the lease begins anew.
   * @returns its milliseconds; undefined when the worker can stop, because nobody waits for the task any more
   * @throws {WorkerError} `task-lost`
   */
  heartbeat(tenant: string, token: string): number | undefined {
    const task = this.#leases.of(token);
    if (task === undefined && this.#ended.of(token) === "withdrawn") return undefined;
    const { work, state } = this.#held(tenant, token);
    if (state.kind === "leased") this.#leases.renew(state, work);
    return work.lease;
  }

  /** Resolves when the checkpoint is durable. @throws {WorkerError} */
  async checkpoint(tenant: string, token: string, given: NewCheckpoint): Promise<Checkpoint> {
    this.heartbeat(tenant, token);
    const task = this.#held(tenant, token);
    if (this.#checkpoints === undefined)
      throw new WorkerError("unavailable", "this server keeps no checkpoints");
    const held = (): boolean => task.state.kind === "leased" && task.state.token === token;
    if (!held()) throw this.#refused("its result was given already");
    try {
      const saved = await this.#checkpoints.save(task, given, held);
      this.counters.checkpoints[given.level] += 1;
      return saved;
    } catch (error) {
      if (error instanceof WorkerError && error.kind === "task-lost") this.counters.refused += 1;
      throw error;
    }
  }

  /** Resolves when the instance has the output durably; so does a repetition. @throws {WorkerError} `task-lost`, `unavailable` */
  async complete(tenant: string, token: string, output: Json): Promise<void> {
    await this.#report(tenant, token, true, (task) => task.resolve(output));
  }

  /** As {@link complete}, with an error of the workflow. */
  async fail(tenant: string, token: string, failure: ActivityFailure): Promise<void> {
    await this.#report(tenant, token, false, (task) => task.reject(failure));
  }

  /** The task waits for a worker again. @throws {WorkerError} `task-lost` */
  release(tenant: string, token: string): void {
    if (this.#held(tenant, token).state.kind !== "leased")
      throw this.#refused("its result was given already");
    this.counters.released += 1;
    this.#leases.giveBack(token);
  }

  holds(activity: ActivityName): boolean {
    const task = this.#tasks.get(taskName(activity));
    return task !== undefined && HOLDING.has(task.state.kind);
  }

  settled(activity: ActivityName & { readonly attempt: number }, taken: boolean): void {
    const task = this.#tasks.get(taskName(activity));
    if (task?.request.attempt === activity.attempt) this.#settle(task, taken);
  }

  lost(partitions: ReadonlySet<number>): void {
    for (const task of this.#tasks.values())
      if (partitions.has(task.partition)) this.#settle(task, false);
    if (this.#node.owns()) return;
    for (const waiting of this.#polls.values()) for (const { leave } of waiting) leave();
  }

  stopping(): void {
    this.#stopping = true;
  }

  #settle(task: Task, taken: boolean): void {
    const { state } = task;
    if (state.kind === "given-up") this.#forget(task);
    if (state.kind !== "reported") return;
    this.#forget(task);
    if (taken) this.#ended.add(state.token, "taken", state.worker);
    if (taken && state.completed) this.#checkpoints?.end(task);
    state.settle(taken);
  }

  async #report(
    tenant: string,
    token: string,
    completed: boolean,
    give: (task: Task) => void,
  ): Promise<void> {
    if (this.#ended.of(token) === "taken") return;
    const task = this.#held(tenant, token);
    if (task.state.kind === "leased") {
      const { worker, cancelTimer } = task.state;
      cancelTimer();
      const { promise: settled, resolve: settle } = Promise.withResolvers<boolean>();
      task.state = { kind: "reported", token, worker, completed, settled, settle };
      if (completed) this.counters.completed += 1;
      else this.counters.failed += 1;
      give(task);
    }
    if (task.state.kind === "reported" && (await this.#inTime(task.state.settled))) return;
    throw this.#refused("its instance waits for it no longer");
  }

  /** @throws {WorkerError} `unavailable` when it takes too long */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.after(PATIENCE, () =>
      late.reject(new WorkerError("unavailable", "the result is not durable yet")),
    );
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      cancel();
    }
  }

  #waitFor(wanted: Wanted, wait: number, signal: AbortSignal): Promise<Task[]> {
    const { promise, resolve } = Promise.withResolvers<Task[]>();
    const key = workerKey(wanted);
    const leave = (): void => end([]);
    const waiter: Waiting = { wanted, wake: () => end(this.#take(wanted)), leave };
    const cancel = this.#clock.after(wait, leave);
    const mine = this.#polls.get(key) ?? new Set();
    const end = (tasks: Task[]): void => {
      this.#queues.leave(waiter);
      mine.delete(waiter);
      if (mine.size === 0) this.#polls.delete(key);
      cancel();
      signal.removeEventListener("abort", leave);
      this.#roster.asks(wanted);
      resolve(tasks);
    };
    this.#queues.wait(waiter);
    this.#polls.set(key, mine.add(waiter));
    signal.addEventListener("abort", leave, { once: true });
    return promise;
  }

  #take(wanted: Wanted): Task[] {
    const tasks = this.#queues.take(wanted);
    for (const task of tasks) this.#leases.begin(task, workerKey(wanted));
    return tasks;
  }

  /** The instance waits no longer. */
  #withdraw(task: Task, reason: unknown): void {
    const { state } = task;
    // What becomes of a result that was given is said by `settled`.
    if (state.kind === "reported" || state.kind === "given-up") return;
    if (state.kind === "waiting") this.#queues.remove(task);
    else if (state.kind === "aside") state.cancelTimer();
    else {
      const moved = this.#stopping || !this.#node.owns(task.partition);
      state.cancelTimer();
      this.counters.withdrawn += 1;
      this.#ended.add(state.token, moved ? "moved" : "withdrawn", state.worker);
    }
    this.#forget(task);
    task.reject(reason);
    if (state.kind === "leased")
      for (const waiter of this.#polls.get(state.worker) ?? []) waiter.wake();
  }

  #forget(task: Task): void {
    const name = taskName(task.request);
    if (this.#tasks.get(name) === task) this.#tasks.delete(name);
    const token = tokenOf(task);
    if (token !== undefined) this.#leases.forget(token);
  }

  /** @throws {WorkerError} `task-lost`, `unavailable` */
  #held(tenant: string, token: string): Task {
    const task = this.#leases.of(token);
    if (task?.request.tenant === tenant) {
      if (task.state.kind === "leased") this.#roster.seen(task.state.worker);
      return task;
    }
    const end = this.#ended.of(token);
    if (end === undefined && !this.#node.owns(partitionOfToken(token)))
      throw new WorkerError("unavailable", ELSEWHERE);
    throw this.#refused(WHY[end ?? "expired"]);
  }

  /** @throws {WorkerError} `unavailable` */
  #mustHaveTasks(): void {
    if (this.#node.owns()) return;
    const detail = "this server has no tasks: another one runs the workflows, or none does yet";
    throw new WorkerError("unavailable", detail);
  }

  #refused(why: string): WorkerError {
    this.counters.refused += 1;
    return new WorkerError("task-lost", `nobody has the task under this token: ${why}`);
  }
}

const HOLDING: ReadonlySet<State["kind"]> = new Set(["leased", "reported", "given-up"]);
const WHY = {
  taken: "its result was given already",
  withdrawn: "its instance waits for it no longer",
  moved: "another server delivers it again",
  expired: "its lease has ended, or the server that gave it has restarted",
} as const;

interface Waiting extends Waiter {
  /** Answers without tasks. */
  readonly leave: () => void;
}
