/**
 * Group commit: what many callers ask for goes in one call.
 *
 * A call is *gathering* until it is sent; callers that come while others are *running* fill the next one. It is sent when what has
 * already arrived has been taken in and none is running; beside others, when it has gathered `enough`, or when one of those is
 * large or slow: for each call costs as much as twenty items, and what waits for a slow one should not. Callers that ask for the
 * same in one call share the answer.
 *
 * When a call is refused, though not for an outage, each of its items is tried by itself: one that cannot be stored must not
 * spoil the others.
 */
import type { Clock } from "../clock.ts";
import { PayloadError } from "./payloads.ts";

export interface Item {
  /** What it is about: items of one call have different keys. */
  readonly key: string;
  /** Bytes that a call carries for it. */
  readonly bytes: number;
}

/** An item with the callers that wait for it. */
export interface Waiting<I extends Item, R> {
  readonly item: I;
  /** What was asked for has changed since the call was sent: not to be remembered. */
  stale: boolean;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
  /** Others that asked for the same. */
  others: { resolve(result: R): void; reject(error: unknown): void }[] | undefined;
}

export interface GroupsConfig<I extends Item, R> {
  /** One result for each item, in their order. */
  readonly run: (waiting: readonly Waiting<I, R>[]) => Promise<readonly R[]>;
  /** Order of the items of a call. */
  readonly compare: (a: I, b: I) => number;
  /** What the second of several callers gets that asked for the same. */
  readonly again: (result: R) => R;
  /** An item that asks for the same as both. */
  readonly merge: (first: I, next: I) => I;
  /** True for an error that every other call would meet as well. */
  readonly isOutage: (error: unknown) => boolean;
  readonly clock: Pick<Clock, "defer" | "monotonic">;
  readonly limits: GroupLimits;
}

export interface GroupLimits {
  /** Calls at a time. */
  readonly inFlight: number;
  /** Items for which a call is worth sending beside others. */
  readonly enough: number;
  /** Items and bytes of one call (of bytes, more when a single item has more). */
  readonly items: number;
  readonly bytes: number;
  /** Items and bytes that may wait: who comes then is turned away. */
  readonly queuedItems: number;
  readonly queuedBytes: number;
}

interface Group<I extends Item, R> {
  readonly entries: Map<string, Waiting<I, R>>;
  bytes: number;
  /** When it was sent: milliseconds of the monotonic clock. */
  sentAt: number;
}

/** Bytes, and milliseconds, of a call that nobody waits for any longer. */
const LARGE = 256 * 1024;
const SLOW = 10;

export class Groups<I extends Item, R> {
  readonly #config: GroupsConfig<I, R>;
  readonly #queue: Group<I, R>[] = [];
  readonly #running = new Set<Group<I, R>>();
  #items = 0;
  #bytes = 0;
  #deferred = false;

  constructor(config: GroupsConfig<I, R>) {
    this.#config = config;
  }

  /** @throws {PayloadError} `unavailable` when too much waits, and whatever the call throws */
  submit(item: I): Promise<R> {
    const { queuedItems, queuedBytes } = this.#config.limits;
    if (this.#items >= queuedItems || (this.#items > 0 && this.#bytes + item.bytes > queuedBytes))
      return Promise.reject(
        new PayloadError("unavailable", "more payloads are waiting than can be taken on"),
      );
    return new Promise((resolve, reject) => this.#add(item, resolve, reject));
  }

  /** What calls under way bring of this key is out of date. */
  outdate(key: string): void {
    for (const { entries } of this.#running) {
      const found = entries.get(key);
      if (found !== undefined) found.stale = true;
    }
  }

  #add(item: I, resolve: (result: R) => void, reject: (error: unknown) => void): void {
    const { limits, merge } = this.#config;
    let last = this.#queue.at(-1);
    if (
      last === undefined ||
      last.entries.size >= limits.items ||
      (last.bytes > 0 && last.bytes + item.bytes > limits.bytes)
    ) {
      last = { entries: new Map(), bytes: 0, sentAt: 0 };
      this.#queue.push(last);
    }
    const found = last.entries.get(item.key);
    if (found === undefined) {
      last.entries.set(item.key, { item, stale: false, resolve, reject, others: undefined });
      last.bytes += item.bytes;
      this.#items += 1;
      this.#bytes += item.bytes;
    } else {
      (found as { item: I }).item = merge(found.item, item);
      (found.others ??= []).push({ resolve, reject });
    }
    if (!this.#deferred && this.#maySend()) this.#soon();
  }

  #maySend(): boolean {
    const [first] = this.#queue;
    if (first === undefined) return false;
    if (this.#running.size === 0) return true;
    const { inFlight, enough } = this.#config.limits;
    if (this.#running.size >= inFlight) return false;
    if (first.entries.size >= enough || first.bytes >= LARGE) return true;
    const now = this.#config.clock.monotonic();
    for (const { bytes, sentAt } of this.#running)
      if (bytes >= LARGE || now - sentAt >= SLOW) return true;
    return false;
  }

  #soon(): void {
    this.#deferred = true;
    this.#config.clock.defer(() => {
      this.#deferred = false;
      while (this.#maySend()) void this.#send();
    });
  }

  async #send(): Promise<void> {
    const group = this.#queue.shift();
    if (group === undefined) return;
    group.sentAt = this.#config.clock.monotonic();
    this.#running.add(group);
    const { compare } = this.#config;
    const waiting = [...group.entries.values()];
    if (waiting.length > 1) waiting.sort((a, b) => compare(a.item, b.item));
    await this.#call(waiting);
    this.#running.delete(group);
    this.#items -= waiting.length;
    this.#bytes -= group.bytes;
    if (!this.#deferred && this.#maySend()) this.#soon();
  }

  async #call(waiting: readonly Waiting<I, R>[]): Promise<void> {
    try {
      const results = await this.#config.run(waiting);
      for (let at = 0; at < waiting.length; at++) this.#answer(waiting[at]!, results[at]!);
    } catch (error) {
      if (waiting.length === 1 || this.#config.isOutage(error)) {
        for (const each of waiting) fail(each, error);
        return;
      }
      for (const each of waiting) await this.#call([each]);
    }
  }

  #answer({ resolve, others }: Waiting<I, R>, result: R): void {
    resolve(result);
    if (others === undefined) return;
    const shared = this.#config.again(result);
    for (const other of others) other.resolve(shared);
  }
}

function fail<I extends Item, R>({ reject, others }: Waiting<I, R>, error: unknown): void {
  reject(error);
  for (const other of others ?? []) other.reject(error);
}
