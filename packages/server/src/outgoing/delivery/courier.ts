/**
 * The courier of one endpoint, on the node that owns its partition: reads its queue, sends what is due, writes down what became
 * of it. Events of one key go one after the other; those of different keys at the same time.
 *
 * **Circuit.** The endpoint is *working*, *failing* or *off*. After {@link TRIPS} failures in a row, or when the receiver asks to be
 * left alone (`Retry-After`), it is failing: nothing is sent until a time that grows with the failures, and then one event to see.
 * If that arrives it works again, and all that failed meanwhile is due. An endpoint that has been failing for as long as an event
 * may wait gives up what has waited that long.
 *
 * **Fence.** What became of events is written under the epoch of the endpoint's partition. When that is stale the courier
 * stops; the new owner sends again what this one could not write down (at least once).
 */
import type { Logger } from "../../logger.ts";
import { type Epoch, StoreError } from "../../store/store.ts";
import { type Circuit, CLOSED, type Endpoint } from "../endpoint.ts";
import { MOST_BYTES, type OutgoingStore, type Settled } from "../outgoing-store.ts";
import { Backlog, type Item } from "./backlog.ts";
import type { Sender, Sent } from "./sender.ts";

export interface CourierConfig {
  readonly store: Pick<OutgoingStore, "due" | "waiting" | "settle">;
  readonly sender: Pick<Sender, "send">;
  readonly log: Logger;
  /** Epoch milliseconds of the database. */
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
  readonly random: () => number;
  /** Called when another node owns the partition. */
  readonly onStale: () => void;
}

/** Sent at the same time. */
const MOST_UNDER_WAY = 64;
/** In memory besides the blocked ones; read again below the half. */
const MOST_IN_MEMORY = 1_000;
const MOST_BLOCKED = 10_000;
/** Bytes of blocked events: with more, nothing is read. */
const MOST_BLOCKED_BYTES = 64 * 1024 * 1024;
const TRIPS = 5;
/** Milliseconds until what could not be read or written is tried again. */
const AGAIN = 1_000;
/** Longest text kept of what went wrong. */
const MOST_TEXT = 1_000;

interface Pending {
  delivered: number[];
  retried: Settled["retried"][number][];
  dead: Settled["dead"][number][];
  circuit?: Circuit;
  disabled?: string;
  revive?: boolean;
  deadBefore?: NonNullable<Settled["deadBefore"]>;
}
const nothingPending = (): Pending => ({ delivered: [], retried: [], dead: [] });

export class Courier {
  readonly #config: CourierConfig;
  readonly #epoch: Epoch;
  readonly #ending = new AbortController();
  #backlog = new Backlog();
  #endpoint: Endpoint;
  #circuit: Circuit;
  #underWay = 0;
  /** An event under way that shows whether the endpoint works again. */
  #probing = false;
  #pending = nothingPending();
  /** What waited too long is to go: until it has, nothing is read or sent. */
  #burying = false;
  #writing: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  /** There may be events that were not read. */
  #more = true;
  #begun = false;
  #cancelTimer = (): void => {};
  #idle: (() => void)[] = [];

  constructor(config: CourierConfig, endpoint: Endpoint, epoch: Epoch) {
    this.#config = config;
    this.#endpoint = endpoint;
    this.#circuit = endpoint.circuit;
    this.#epoch = epoch;
  }

  get epoch(): number {
    return this.#epoch.epoch;
  }
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** The endpoint was changed by a user: it is tried at once, whatever was before. */
  change(endpoint: Endpoint): void {
    const changed = endpoint.version !== this.#endpoint.version;
    this.#endpoint = endpoint;
    if (changed && this.#circuit.failures > 0) this.#close();
    this.nudge();
  }

  /** There is something new in its queue. */
  nudge(): void {
    this.#more = true;
    this.#step();
  }

  /** Cuts short what is under way; resolves when it has ended and, unless another node `took` over, is written down. */
  async stop(took: boolean): Promise<void> {
    this.#cancelTimer();
    this.#ending.abort(new Error("the server stops, or another node takes over"));
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#reading;
    await this.#writing;
    if (!took) await this.#write().catch(() => {});
  }

  get #halted(): boolean {
    const { disabled, settings } = this.#endpoint;
    return this.#ending.signal.aborted || disabled !== undefined || settings.paused;
  }

  /** Does whatever can be done now. */
  #step(): void {
    this.#flush();
    this.#cancelTimer();
    if (this.#halted) return;
    this.#read();
    const now = this.#config.now();
    const next = this.#backlog.release(now);
    const { openUntil } = this.#circuit;
    if (openUntil !== undefined) return this.#probe(now, openUntil);
    while (this.#underWay < MOST_UNDER_WAY) {
      const item = this.#backlog.take();
      if (item === undefined) break;
      void this.#send(item);
    }
    if (next !== undefined) this.#wake(next - now);
  }

  #probe(now: number, openUntil: number): void {
    if (this.#probing || this.#burying || this.#underWay > 0) return;
    if (now < openUntil) return this.#wake(openUntil - now);
    const item = this.#backlog.takeFirst();
    if (item === undefined) return;
    this.#probing = true;
    void this.#send(item);
  }

  #wake(ms: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#config.after(ms, () => this.#step());
  }

  /** One reading at a time, so that a line is never read out of order. */
  #read(): void {
    if (this.#reading !== undefined || this.#burying || !this.#more) return;
    if (this.#backlog.size > MOST_IN_MEMORY / 2 || this.#backlog.bytes > MOST_BYTES / 2) return;
    if (this.#backlog.blockedBytes > MOST_BLOCKED_BYTES) return;
    if (this.#backlog.blockedKeys.length > MOST_BLOCKED) return;
    this.#more = false;
    this.#reading = this.#readOn();
  }

  async #readOn(): Promise<void> {
    let failed = false;
    try {
      await this.#readSome();
    } catch (error) {
      failed = true;
      this.#config.log.warn({ err: error }, "the queue of an endpoint could not be read");
      this.#more = true;
    }
    this.#reading = undefined;
    if (!failed) this.#step();
    else if (!this.#ending.signal.aborted) this.#wake(AGAIN);
  }

  async #readSome(): Promise<void> {
    const { store } = this.#config;
    const { id } = this.#endpoint;
    if (!this.#begun) {
      for (const queued of await store.waiting(id, MOST_IN_MEMORY)) this.#backlog.add(queued);
      this.#begun = true;
    }
    const { known, blockedKeys } = this.#backlog;
    const rows = await store.due(id, known, blockedKeys, MOST_IN_MEMORY);
    let bytes = 0;
    for (const queued of rows) {
      this.#backlog.add(queued);
      bytes += Buffer.byteLength(queued.event);
    }
    if (rows.length === MOST_IN_MEMORY || bytes >= MOST_BYTES) this.#more = true;
  }

  async #send(item: Item): Promise<void> {
    this.#underWay += 1;
    const probe = this.#probing;
    let sent: Sent;
    try {
      sent = await this.#config.sender.send(this.#endpoint, item, this.#ending.signal);
    } catch (error) {
      sent = { kind: "failed", error: error instanceof Error ? error.message : String(error) };
    }
    this.#underWay -= 1;
    if (probe) this.#probing = false;
    if (this.#ending.signal.aborted && sent.kind !== "delivered") this.#backlog.putBack(item);
    else this.#done(item, sent, probe);
    if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.#step();
  }

  #done(item: Item, sent: Sent, probe: boolean): void {
    if (sent.kind === "delivered") {
      this.#backlog.settled(item);
      this.#pending.delivered.push(item.seq);
      // What was behind it may have been left out while it was blocked.
      if (item.attempts > 0) this.#more = true;
      if (this.#circuit.failures > 0) this.#close();
      return;
    }
    if (sent.kind === "gone") {
      this.#backlog.putBack(item);
      this.#pending.disabled = shortened(sent.error);
      this.#endpoint = { ...this.#endpoint, disabled: shortened(sent.error) };
      return;
    }
    this.#failed(item, shortened(sent.error), sent.retryAfter, probe);
  }

  #failed(item: Item, error: string, retryAfter: number | undefined, probe: boolean): void {
    const now = this.#config.now();
    const { retry } = this.#endpoint.settings;
    item.attempts += 1;
    item.firstAt ??= now;
    const { seq, attempts } = item;
    if (now - item.firstAt >= retry.giveUpAfter) {
      this.#backlog.settled(item);
      this.#pending.dead.push({ seq, attempts, error });
      this.#more = true;
    } else {
      item.nextAt = now + Math.max(this.#pause(attempts), retryAfter ?? 0, 1);
      this.#backlog.failed(item);
      const { firstAt, nextAt } = item;
      this.#pending.retried.push({ seq, attempts, firstAt, nextAt, error });
    }
    this.#countFailure(now, error, retryAfter, probe);
  }

  #countFailure(
    now: number,
    lastError: string,
    retryAfter: number | undefined,
    probe: boolean,
  ): void {
    const { failures: before, failingSince = now, openUntil: open } = this.#circuit;
    // Those that were under way when it began to fail tell nothing new.
    if (open !== undefined && !probe && retryAfter === undefined) return;
    const failures = before + 1;
    const trips = failures >= TRIPS || retryAfter !== undefined;
    const pause = Math.max(this.#pause(failures - TRIPS + 1), retryAfter ?? 0);
    const openUntil = trips ? Math.max(now + pause, open ?? 0) : undefined;
    this.#circuit = {
      failures,
      failingSince,
      lastError,
      ...(openUntil === undefined ? {} : { openUntil }),
    };
    this.#pending.circuit = this.#circuit;
    const { giveUpAfter } = this.#endpoint.settings.retry;
    if (!probe || now - failingSince < giveUpAfter) return;
    this.#pending.deadBefore = { at: now - giveUpAfter, error: lastError };
    this.#burying = true;
  }

  /** Exponential back-off with full jitter, at least a tenth of the longest first pause. */
  #pause(failures: number): number {
    const { minDelay, maxDelay } = this.#endpoint.settings.retry;
    const longest = Math.min(maxDelay, minDelay * 2 ** Math.min(40, Math.max(0, failures - 1)));
    return Math.ceil(Math.max(minDelay / 10, longest * this.#config.random()));
  }

  /** It works: what failed because it did not is due. */
  #close(): void {
    if (this.#circuit.openUntil !== undefined) {
      this.#backlog.releaseAll();
      this.#pending.revive = true;
      this.#more = true;
    }
    this.#circuit = CLOSED;
    this.#pending.circuit = CLOSED;
  }

  /** Writes down what has become of events since; more gathers while that is under way. */
  #flush(): void {
    if (this.#writing !== undefined || !hasAny(this.#pending)) return;
    this.#writing = this.#writeOn();
  }

  async #writeOn(): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.#write();
    } catch (error) {
      failure = { error };
    }
    this.#writing = undefined;
    if (failure === undefined) this.#step();
    else this.#notWritten(failure.error);
  }

  async #write(): Promise<void> {
    const pending = this.#pending;
    if (!hasAny(pending)) return;
    this.#pending = nothingPending();
    try {
      // What is being read may be among what goes.
      if (pending.deadBefore !== undefined) await this.#reading;
      await this.#config.store.settle(this.#endpoint.id, this.#epoch, pending);
    } catch (error) {
      this.#pending = merged(pending, this.#pending);
      throw error;
    }
    if (pending.deadBefore !== undefined) {
      this.#burying = false;
      this.#backlog = new Backlog();
      this.#begun = false;
      this.#more = true;
    }
    this.#backlog.written(pending.delivered);
    this.#backlog.written(pending.dead.map(({ seq }) => seq));
  }

  #notWritten(error: unknown): void {
    if (error instanceof StoreError && error.kind === "stale-epoch") return this.#config.onStale();
    this.#config.log.warn({ err: error }, "what became of events could not be written");
    if (!this.#ending.signal.aborted) this.#wake(AGAIN);
  }
}

function shortened(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD").slice(0, MOST_TEXT);
}

function hasAny(pending: Pending): boolean {
  const { delivered, retried, dead } = pending;
  if (delivered.length + retried.length + dead.length > 0) return true;
  return pending.circuit !== undefined || pending.disabled !== undefined;
}

/** What was not written, and what came since. */
function merged(first: Pending, then: Pending): Pending {
  return {
    ...first,
    ...then,
    delivered: [...first.delivered, ...then.delivered],
    retried: [...first.retried, ...then.retried],
    dead: [...first.dead, ...then.dead],
  };
}
