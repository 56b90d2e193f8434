/**
 * The executor of `call: worker`, and what remote workers ask of it. Tasks wait in this node's memory; the truth is the
 * activity's row: when the node ends, the next owner delivers the activity again, one attempt higher.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "@millrace/language";
import { partitionOf } from "@millrace/protocol";
import type { ActivityName, ActivityRequest, RemoteWork } from "../activities/executor.ts";
import type { ActivityFailure } from "../activities/failure.ts";
import type { Clock } from "../clock.ts";
import type { Checkpoint, NewCheckpoint } from "./checkpoint.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { WorkerCounters } from "./counters.ts";
import { EndedTokens } from "./ended.ts";
import { Queues, type Waiter, type Wanted } from "./queues.ts";
import { type Lease, pauseOf, type Task, taskName, tokenOf } from "./task.ts";
import { type Work, workOf } from "./work.ts";
import { WorkerError } from "./worker-error.ts";

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

/** Milliseconds in which a result is durable, or whoever gave it is told to try again. */
const PATIENCE = 8_000;

export interface WorkersConfig {
  readonly clock: Clock;
  readonly maxPolls?: number;
}

export class Workers implements RemoteWork {
  readonly counters = new WorkerCounters();
  /** Polls that may wait at the same time. */
  readonly maxPolls: number;
  readonly #clock: Clock;
  readonly #queues: Queues;
  readonly #ended = new EndedTokens();
  readonly #tasks = new Map<string, Task>();
  readonly #byToken = new Map<string, Task>();
  readonly #polls = new Map<string, Set<Waiter>>();
  #checkpoints: Checkpoints | undefined;

  constructor({ clock, maxPolls = 10_000 }: WorkersConfig) {
    this.#clock = clock;
    this.maxPolls = maxPolls;
    this.#queues = new Queues(clock);
  }

  /** Without this, checkpoints are refused. */
  attach(checkpoints: Checkpoints): void {
    this.#checkpoints = checkpoints;
  }

  get waiting(): number {
    return this.#queues.waiting;
  }
  /** Tasks that workers have. */
  get leased(): number {
    return this.#byToken.size;
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
      for (const token of tokens) this.#giveBack(token);
      throw new WorkerError("unavailable", "the latest checkpoints cannot be read now", error);
    }
    const handed = await Promise.all(
      tasks.map((task, index) => this.#handed(task, tokens[index] ?? "")),
    );
    return { tasks: handed.flat(), cancelled };
  }

  /** With its large values, which are not kept here: of many tasks that wait, they are more than there is room for. */
  async #handed(task: Task, token: string): Promise<readonly Handed[]> {
    const { request } = task;
    if (request.whole === undefined) return handedAs(task, token, task.work);
    let work: Work;
    try {
      work = workOf(await request.whole());
    } catch {
      this.#putAside(task, token);
      return [];
    }
    task.failures = 0;
    // The time that it took is not the worker's.
    if (tokenOf(task) === token) this.#renew(task);
    return handedAs(task, token, work);
  }

  #putAside(task: Task, token: string): void {
    if (task.state.kind !== "leased" || task.state.token !== token) return;
    task.state.cancelTimer();
    this.#byToken.delete(token);
    task.deliveries -= 1;
    task.failures += 1;
    const cancelTimer = this.#clock.after(pauseOf(task), () => {
      task.state = { kind: "waiting" };
      this.#queues.add(task);
    });
    task.state = { kind: "aside", cancelTimer };
  }

  /** What a poll was to be answered with did not reach the worker. */
  unreached(answer: PollAnswer): void {
    for (const { token } of answer.tasks) this.#giveBack(token);
  }

  /**
   * A sign of life: the lease begins anew.
   * @returns its milliseconds; undefined when the worker can stop, because nobody waits for the task any more
   * @throws {WorkerError} `task-lost`
   */
  heartbeat(tenant: string, token: string): number | undefined {
    const task = this.#byToken.get(token);
    if (task === undefined && this.#ended.of(token) === "withdrawn") return undefined;
    return this.#renew(this.#held(tenant, token));
  }

  #renew({ work, state }: Task): number {
    if (state.kind === "leased") state.until = this.#clock.monotonic() + work.lease;
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
    this.#giveBack(token);
  }

  holds(activity: ActivityName): boolean {
    const task = this.#tasks.get(taskName(activity));
    return task !== undefined && (task.state.kind === "leased" || task.state.kind === "reported");
  }

  settled(activity: ActivityName & { readonly attempt: number }, taken: boolean): void {
    const task = this.#tasks.get(taskName(activity));
    if (task?.request.attempt === activity.attempt) this.#settle(task, taken);
  }

  lost(partitions: ReadonlySet<number>): void {
    for (const task of this.#tasks.values())
      if (partitions.has(task.partition)) this.#settle(task, false);
  }

  #settle(task: Task, taken: boolean): void {
    const { state } = task;
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
    const waiter: Waiter = { wanted, wake: () => end(this.#take(wanted)) };
    const leave = (): void => end([]);
    const cancel = this.#clock.after(wait, leave);
    const mine = this.#polls.get(key) ?? new Set();
    const end = (tasks: Task[]): void => {
      this.#queues.leave(waiter);
      mine.delete(waiter);
      if (mine.size === 0) this.#polls.delete(key);
      cancel();
      signal.removeEventListener("abort", leave);
      resolve(tasks);
    };
    this.#queues.wait(waiter);
    this.#polls.set(key, mine.add(waiter));
    signal.addEventListener("abort", leave, { once: true });
    return promise;
  }

  #take(wanted: Wanted): Task[] {
    const tasks = this.#queues.take(wanted);
    for (const task of tasks) this.#lease(task, workerKey(wanted));
    return tasks;
  }

  #lease(task: Task, worker: string): void {
    const token = randomBytes(16).toString("base64url");
    const { lease } = task.work;
    task.deliveries += 1;
    this.counters.delivered += 1;
    if (task.deliveries > 1) this.counters.redelivered += 1;
    else if (task.queued !== undefined)
      this.counters.waited.observe(this.#clock.monotonic() - task.queued.queuedAt);
    const now = this.#clock.monotonic();
    const state: Lease = { kind: "leased", token, worker, until: now + lease, cancelTimer() {} };
    const look = (): void => {
      const left = state.until - this.#clock.monotonic();
      if (left > 0) state.cancelTimer = this.#clock.after(left, look);
      else {
        this.counters.expired += 1;
        this.#giveBack(token);
      }
    };
    state.cancelTimer = this.#clock.after(lease, look);
    task.state = state;
    this.#byToken.set(token, task);
  }

  /** The lease ends; the task is the next of its queue. */
  #giveBack(token: string): void {
    const task = this.#byToken.get(token);
    if (task?.state.kind !== "leased") return;
    task.state.cancelTimer();
    this.#byToken.delete(token);
    task.state = { kind: "waiting" };
    this.#queues.add(task);
  }

  /** The instance waits no longer. */
  #withdraw(task: Task, reason: unknown): void {
    const { state } = task;
    // What becomes of a result that was given is said by `settled`.
    if (state.kind === "reported") return;
    if (state.kind === "waiting") this.#queues.remove(task);
    else if (state.kind === "aside") state.cancelTimer();
    else {
      state.cancelTimer();
      this.counters.withdrawn += 1;
      this.#ended.add(state.token, "withdrawn", state.worker);
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
    if (token !== undefined) this.#byToken.delete(token);
  }

  /** @throws {WorkerError} `task-lost` */
  #held(tenant: string, token: string): Task {
    const task = this.#byToken.get(token);
    if (task?.request.tenant === tenant) return task;
    throw this.#refused(
      this.#ended.of(token) === "withdrawn"
        ? "its instance waits for it no longer"
        : "its lease has ended, or the server that gave it has restarted",
    );
  }

  #refused(why: string): WorkerError {
    this.counters.refused += 1;
    return new WorkerError("task-lost", `nobody has the task under this token: ${why}`);
  }
}

/** Workers of different tenants are different ones, whatever they call themselves. */
function workerKey({ tenant, worker }: Wanted): string {
  return `${tenant}\n${worker}`;
}

/** Nothing when it was withdrawn meanwhile, or its lease has ended. */
function handedAs(task: Task, token: string, work: Work): readonly Handed[] {
  const { request, deliveries, checkpoint } = task;
  if (tokenOf(task) !== token) return [];
  const latest = checkpoint === undefined || checkpoint === null ? {} : { checkpoint };
  return [{ token, request, work, delivery: deliveries, ...latest }];
}
