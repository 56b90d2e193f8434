/** What a worker can act on. */
export type WorkerErrorKind =
  /** The lease has ended, or the task has: nothing of what was sent has an effect. */
  | "task-lost"
  /** More polls wait than the server holds. */
  | "overloaded"
  /** The task's checkpoints come faster than they can be written. */
  | "too-fast"
  /** A checkpoint names a payload that is not there. */
  | "no-such-payload"
  | "too-large"
  /** It is not known whether it has an effect: try again. */
  | "unavailable";

export class WorkerError extends Error {
  override readonly name = "WorkerError";
  readonly kind: WorkerErrorKind;
  constructor(kind: WorkerErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}
