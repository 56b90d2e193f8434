/** A task in the hands of a {@link Worker}: what its function is given, and what becomes of it. */
import { parseDuration, type FailTask, type Json, type WorkerTask } from "@millrace/protocol";
import type { MillraceError } from "./error.ts";
import type { Transport } from "./transport.ts";
import { type CheckpointOptions, TaskCheckpoints } from "./worker-checkpoints.ts";
import { Workers } from "./workers.ts";

/** What the function of a worker is given beside its arguments. */
export interface Task {
  readonly instanceId: string;
  readonly activityId: string;
  /** 1, and one more each time that a server delivers the activity again. */
  readonly attempt: number;
  /** The same for every attempt at this piece of work: with it, a receiver can tell a repetition. */
  readonly idempotencyKey: string;
  readonly function: string;
  readonly workflow: WorkerTask["workflow"];
  /** The task's name and reference in the definition. */
  readonly name: string;
  readonly reference: string;
  readonly deadline: Date | undefined;
  /** W3C Trace Context of this attempt. */
  readonly traceparent: string | undefined;
  /**
   * Aborts when the result is not wanted any more (cancelled, timed out), the task is in another worker's hands, or this worker
   * stops and gives it back. The reason is a {@link TaskEndedError}.
   */
  readonly signal: AbortSignal;
  /** What an earlier attempt left to go on from. */
  readonly lastCheckpoint: LastCheckpoint | undefined;
  /**
   * Says how far the work is. Sent when the last was sent 30 s ago, at every 10 % of progress, or with `now` at once; what is
   * held back meanwhile is merged. Resolves with true when it is durable, with false when it is held back, or could not be sent.
   */
  checkpoint(checkpoint: CheckpointOptions): Promise<boolean>;
}

export interface LastCheckpoint {
  readonly level: "progress" | "data" | "state";
  readonly percent?: number;
  readonly note?: string;
  readonly data?: Json;
  readonly state?: Json;
  /** The payload that holds it, where one does. */
  readonly digest?: string;
  readonly number: number;
  readonly attempt: number;
  readonly at: Date;
}

/** Why the work on a task can stop. */
export type TaskEnd = "cancelled" | "lost" | "stopping";

export class TaskEndedError extends Error {
  override readonly name = "TaskEndedError";
  readonly end: TaskEnd;
  constructor(end: TaskEnd) {
    super(WHY[end]);
    this.end = end;
  }
}
const WHY: Readonly<Record<TaskEnd, string>> = {
  cancelled: "nobody waits for the result any more",
  lost: "the task is not in this worker's hands any more",
  stopping: "the worker is stopping: the task goes back",
};

/** Thrown by a function: the error that the workflow gets, which `catch` can name by its type. */
export class TaskFailure extends Error {
  override readonly name = "TaskFailure";
  readonly failure: FailTask;
  constructor(failure: FailTask) {
    super(failure.detail ?? failure.title ?? failure.type ?? "the task failed");
    this.failure = failure;
  }
}

/** Largest payload that is loaded as a checkpoint, in bytes. */
const MAX_CHECKPOINT = 64 * 1024 * 1024;
/** Milliseconds that a function has to end when the worker stops, before its task is given back without it. */
const PATIENCE = 5_000;
/** Signs of life in the time of a lease. */
const BEATS = 3;
/** Tries, in the time from one to the next, of one that was not heard. */
const TRIES = 4;

/** What became of a task. */
export type Outcome = "completed" | "failed" | "released" | TaskEnd | "unreported";

export type WorkerFunction = (args: never, task: Task) => unknown;

export interface RunParts {
  /** For results and checkpoints: patient. */
  readonly transport: Transport;
  /** For heartbeats, which are better late than patient: it tries once. */
  readonly asking: Transport;
  readonly report: (error: unknown, task: WorkerTask) => void;
}

type Ended = { readonly output: unknown } | { readonly error: unknown };

/** Works on one task until it has ended, one way or the other. */
export class RunningTask {
  readonly token: string;
  readonly #wire: WorkerTask;
  readonly #parts: RunParts;
  readonly #api: Workers;
  readonly #beats: Workers;
  /** Milliseconds. */
  readonly #lease: number;
  /** What the function is told. */
  readonly #ending = new AbortController();
  /** Ends what is asked of the server: it would be refused. */
  readonly #gone = new AbortController();
  #aliveUntil: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param asked when the task was asked for, by the monotonic clock: its lease began later */
  constructor(wire: WorkerTask, asked: number, parts: RunParts) {
    this.token = wire.token;
    this.#wire = wire;
    this.#parts = parts;
    this.#api = new Workers(parts.transport);
    this.#beats = new Workers(parts.asking);
    this.#lease = parseDuration(wire.lease) ?? 30_000;
    this.#aliveUntil = asked + this.#lease;
  }

  end(why: TaskEnd): void {
    this.#ending.abort(new TaskEndedError(why));
    if (why !== "stopping") this.#gone.abort(new TaskEndedError(why));
  }

  async run(work: WorkerFunction): Promise<Outcome> {
    this.#beatLater();
    let checkpoints: TaskCheckpoints | undefined;
    try {
      const last = await this.#lastCheckpoint();
      const own = this.#checkpoints(last);
      checkpoints = own;
      return await this.#told(await this.#ended(work, this.#task(last, own)), own);
    } catch (error) {
      if (this.#gone.signal.aborted) return (this.#gone.signal.reason as TaskEndedError).end;
      this.#parts.report(error, this.#wire);
      return "unreported";
    } finally {
      checkpoints?.end();
      clearTimeout(this.#timer);
    }
  }

  /** The end of the function; one that does not heed that the worker stops is left behind. */
  async #ended(work: WorkerFunction, task: Task): Promise<Ended> {
    const { signal } = this.#ending;
    const late = Promise.withResolvers<Ended>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = (): void => {
      if ((signal.reason as TaskEndedError).end === "stopping")
        timer = setTimeout(() => late.resolve({ error: signal.reason }), PATIENCE);
    };
    signal.addEventListener("abort", leave, { once: true });
    const call = async (): Promise<Ended> => {
      try {
        return { output: await work(this.#wire.arguments as never, task) };
      } catch (error) {
        return { error };
      }
    };
    try {
      return await Promise.race([call(), late.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      clearTimeout(timer);
    }
  }

  /** Tells the server. */
  async #told(ended: Ended, checkpoints: TaskCheckpoints): Promise<Outcome> {
    this.#gone.signal.throwIfAborted();
    if ("output" in ended) {
      const output = (ended.output ?? null) as Json;
      try {
        await this.#guarded(async () => this.#api.complete(this.token, output, this.#gone.signal));
        return "completed";
      } catch (error) {
        // An output that cannot be sent will not be sent by the next worker either.
        if (!isRefused(error)) throw error;
        return this.#failed(error, { detail: `the output cannot be sent: ${detailOf(error)}` });
      }
    }
    // Whoever tries again goes on from what was held back.
    await checkpoints.flush();
    if (this.#ending.signal.aborted) {
      await this.#guarded(() => this.#api.release(this.token, this.#gone.signal));
      return "released";
    }
    const { error } = ended;
    if (!(error instanceof TaskFailure)) return this.#failed(error, failureOf(error));
    try {
      return await this.#failed(error, error.failure);
    } catch (refusal) {
      if (!isRefused(refusal)) throw refusal;
      return this.#failed(refusal, failureOf(error));
    }
  }

  async #failed(error: unknown, failure: FailTask): Promise<Outcome> {
    this.#parts.report(error, this.#wire);
    await this.#guarded(async () => this.#api.fail(this.token, failure, this.#gone.signal));
    return "failed";
  }

  #checkpoints(last: LastCheckpoint | undefined): TaskCheckpoints {
    return new TaskCheckpoints({
      send: (content) =>
        this.#guarded(async () => this.#api.checkpoint(this.token, content, this.#gone.signal)),
      isRefused: (error) => {
        if (!isRefused(error)) return false;
        this.#parts.report(error, this.#wire);
        return true;
      },
      now: () => performance.now(),
      after: (milliseconds, run) => {
        const timer = setTimeout(run, milliseconds);
        return () => clearTimeout(timer);
      },
      percent: last?.percent,
    });
  }

  #task(lastCheckpoint: LastCheckpoint | undefined, checkpoints: TaskCheckpoints): Task {
    const wire = this.#wire;
    const { instanceId, activityId, attempt, idempotencyKey, workflow, name, reference } = wire;
    const { deadline, traceparent } = wire;
    return {
      instanceId,
      activityId,
      attempt,
      idempotencyKey,
      function: wire.function,
      workflow,
      name,
      reference,
      deadline: deadline === undefined ? undefined : new Date(deadline),
      traceparent,
      signal: this.#ending.signal,
      lastCheckpoint,
      checkpoint: (checkpoint) => checkpoints.give(checkpoint),
    };
  }

  /** A refusal because the task is lost ends the work on it. */
  async #guarded<T>(request: () => Promise<T>): Promise<T> {
    const asked = performance.now();
    try {
      const answer = await request();
      this.#aliveUntil = asked + this.#lease;
      return answer;
    } catch (error) {
      if (isLost(error)) this.end("lost");
      throw error;
    }
  }

  #beatLater(milliseconds = this.#lease / BEATS): void {
    this.#timer = setTimeout(() => void this.#beat(), milliseconds);
  }

  async #beat(): Promise<void> {
    const { signal } = this.#gone;
    if (signal.aborted) return;
    const asked = performance.now();
    const left = Math.max(1, this.#aliveUntil - asked);
    let isHeard = false;
    try {
      // One that hangs leaves time for others.
      const patience = Math.min(left, Math.max(1_000, this.#lease / BEATS));
      const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
      const { cancelled } = await this.#beats.heartbeat(this.token, limit);
      isHeard = true;
      if (cancelled) this.end("cancelled");
      else this.#aliveUntil = asked + this.#lease;
    } catch (error) {
      if (isLost(error)) this.end("lost");
    }
    // Without an answer for so long, another worker has it by now.
    if (performance.now() >= this.#aliveUntil) this.end("lost");
    if (!signal.aborted) this.#beatLater(isHeard ? undefined : this.#lease / BEATS / TRIES);
  }

  async #lastCheckpoint(): Promise<LastCheckpoint | undefined> {
    const { checkpoint } = this.#wire;
    if (checkpoint === undefined) return undefined;
    const last = { ...checkpoint, at: new Date(checkpoint.at) };
    if (checkpoint.digest === undefined) return last;
    const value = await this.#load(checkpoint.digest);
    if (value === undefined) return last;
    return { ...last, [checkpoint.level === "state" ? "state" : "data"]: value };
  }

  /** The value of a payload; undefined when it is no JSON, or too large to be taken whole. */
  async #load(digest: string): Promise<Json | undefined> {
    const { signal } = this.#gone;
    const path = `/v1/payloads/${digest}`;
    const response = await this.#parts.transport.open({ method: "GET", path, signal });
    const json = /^application\/(?:json|[\w.-]+\+json)\b/.test(
      response.headers.get("content-type") ?? "",
    );
    if (json && Number(response.headers.get("content-length") ?? 0) <= MAX_CHECKPOINT)
      return (await response.json()) as Json;
    await response.body?.cancel();
    return undefined;
  }
}

function failureOf(error: unknown): FailTask {
  return { detail: detailOf(error) };
}

function detailOf(error: unknown): string {
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return detail.slice(0, MAX_DETAIL);
}

function isOfServer(error: unknown): error is MillraceError {
  return error instanceof Error && error.name === "MillraceError";
}

function isLost(error: unknown): boolean {
  return isOfServer(error) && error.code === "task-lost";
}

/** What was sent is at fault: it would be refused again. What comes from no server could not be written as JSON. */
function isRefused(error: unknown): boolean {
  if (isOfServer(error)) return AT_FAULT.has(error.status);
  return !(error instanceof TaskEndedError);
}
/** Bad request, too large, and not to be processed. */
const AT_FAULT: ReadonlySet<number> = new Set([400, 413, 422]);
/** Characters of a failure's detail, with room for words before it. */
const MAX_DETAIL = 8_000;
