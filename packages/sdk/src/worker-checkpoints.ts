/**
 * When a worker's checkpoints are sent: 30 s after the last one, at every 10 % of progress, or at once when asked to. What is
 * held back meanwhile is merged, the latest word on each thing: percent and note, and what there is to go on from.
 */
import type { Checkpoint, Json } from "@millrace/protocol";

export interface CheckpointOptions {
  /** Of the work that is done, 0 to 100. */
  readonly percent?: number;
  /** For people: up to 1,024 characters. */
  readonly note?: string;
  /** Something to go on from. */
  readonly data?: Json;
  /** All that there is to go on from. Of `data`, `state` and `digest` one at most. */
  readonly state?: Json;
  /** A payload in place of `data` or `state`, as `level` says. */
  readonly digest?: string;
  readonly level?: "data" | "state";
  /** Send it at once. */
  readonly now?: boolean;
}

type Content = Omit<CheckpointOptions, "now">;

/** Milliseconds, and percent, between checkpoints. */
export const INTERVAL = 30_000;
export const STEP = 10;

export interface CheckpointsParts {
  /** Resolves when it is durable. */
  readonly send: (content: Content) => Promise<Checkpoint>;
  /** Whether what was sent is at fault: it is not sent again. */
  readonly isRefused: (error: unknown) => boolean;
  /** Milliseconds that only rise. */
  readonly now: () => number;
  /** Calls once, later; gives what cancels it. */
  readonly after: (milliseconds: number, run: () => void) => () => void;
  /** Percent of the checkpoint that the work goes on from. */
  readonly percent?: number | undefined;
}

export class TaskCheckpoints {
  readonly #parts: CheckpointsParts;
  #pending: Content | undefined;
  #sending: Promise<boolean> | undefined;
  #sentAt: number;
  #sentPercent: number;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
    this.#sentAt = parts.now();
    this.#sentPercent = parts.percent ?? 0;
  }

  /**
   * Resolves with true when the checkpoint is durable, and with false when it is held back for now, could not be sent, or was
   * refused. It never rejects: what is wrong with the task itself shows elsewhere.
   */
  async give({ now = false, ...content }: CheckpointOptions): Promise<boolean> {
    this.#pending = merged(this.#pending, content);
    if (now || this.#isDue()) return this.flush();
    this.#arm();
    return false;
  }

  /** Sends what is held back; true when it is durable. */
  async flush(): Promise<boolean> {
    // One at a time. Whoever comes meanwhile goes along with the next.
    let durable = true;
    while (this.#sending !== undefined) durable = await this.#sending;
    const content = this.#pending;
    if (content === undefined) return durable;
    this.#pending = undefined;
    this.#sending = this.#send(content);
    return this.#sending;
  }

  /** Sends nothing more by itself. */
  end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#pending = undefined;
  }

  async #send(content: Content): Promise<boolean> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sentAt = this.#parts.now();
    this.#sentPercent = content.percent ?? this.#sentPercent;
    try {
      await this.#parts.send(content);
      return true;
    } catch (error) {
      if (this.#parts.isRefused(error)) return false;
      // It goes with the next, unless that has newer words; not sooner, as the server may be down.
      this.#pending = merged(content, this.#pending ?? {});
      this.#arm();
      return false;
    } finally {
      this.#sending = undefined;
      if (this.#pending !== undefined) this.#arm();
    }
  }

  #isDue(): boolean {
    const { percent } = this.#pending ?? {};
    if (percent !== undefined && Math.abs(percent - this.#sentPercent) >= STEP) return true;
    return this.#parts.now() - this.#sentAt >= INTERVAL;
  }

  #arm(): void {
    const left = Math.max(0, this.#sentAt + INTERVAL - this.#parts.now());
    this.#cancelTimer ??= this.#parts.after(left, () => {
      this.#cancelTimer = undefined;
      void this.flush();
    });
  }
}

/** What a later one says counts; what it does not speak of stays. */
function merged(earlier: Content | undefined, later: Content): Content {
  if (earlier === undefined) return later;
  const { data: _data, state: _state, digest: _digest, level: _level, ...words } = earlier;
  const speaks = "data" in later || "state" in later || "digest" in later;
  return speaks ? { ...words, ...later } : { ...earlier, ...later };
}
