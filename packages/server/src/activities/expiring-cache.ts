/**
 * A bounded cache of things that are dear to get: each key is loaded once for all who ask at the same time, kept until it
 * expires, and dropped, oldest first, when there is no room. A failed load is not kept.
 */
import type { Clock } from "../clock.ts";

export interface Loaded<T> {
  readonly value: T;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** In the unit of `maxWeight`; 1 unless given. */
  readonly weight?: number;
}

export interface ExpiringCacheConfig {
  readonly clock: Pick<Clock, "now">;
  readonly maxWeight: number;
}

export class ExpiringCache<T> {
  readonly #clock: Pick<Clock, "now">;
  readonly #maxWeight: number;
  /** In order of insertion, which is the order of eviction. */
  readonly #entries = new Map<string, Loaded<T>>();
  readonly #loading = new Map<string, Promise<Loaded<T>>>();
  #weight = 0;

  constructor(config: ExpiringCacheConfig) {
    this.#clock = config.clock;
    this.#maxWeight = config.maxWeight;
  }

  /**
   * The value of `key`, from the cache or from `load`. The load belongs to all who wait for it, so `signal` ends only this
   * caller's wait, with its reason.
   */
  async get(key: string, load: () => Promise<Loaded<T>>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.expiresAt > this.#clock.now()) return entry.value;
    this.delete(key);
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#load(key, load);
      this.#loading.set(key, loading);
    }
    return (await orAborted(loading, signal)).value;
  }

  /** Drops an entry; with `value`, only when it is still that one. */
  delete(key: string, value?: T): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || (value !== undefined && entry.value !== value)) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight ?? 1;
  }

  async #load(key: string, load: () => Promise<Loaded<T>>): Promise<Loaded<T>> {
    try {
      const loaded = await load();
      this.#keep(key, loaded);
      return loaded;
    } finally {
      this.#loading.delete(key);
    }
  }

  #keep(key: string, loaded: Loaded<T>): void {
    this.delete(key);
    const weight = loaded.weight ?? 1;
    if (weight > this.#maxWeight || loaded.expiresAt <= this.#clock.now()) return;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight + weight <= this.#maxWeight) break;
      this.delete(oldest);
    }
    this.#entries.set(key, loaded);
    this.#weight += weight;
  }
}

/** Waits for the promise, or for the signal, whose reason it then throws. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    // The reason is what the caller aborted with; it need not be an Error.
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
