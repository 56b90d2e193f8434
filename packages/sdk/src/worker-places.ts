/** Places for tasks, shared by the loops of one worker: first come, first served. */
export class Places {
  readonly all: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(all: number) {
    this.all = all;
    this.#free = all;
  }

  /** Resolves with 1 to `most` of them, as soon as one is free; with 0 when the signal has aborted. */
  async take(most: number, signal: AbortSignal): Promise<number> {
    while (this.#free === 0 && !signal.aborted) await this.#next(signal);
    if (signal.aborted) return 0;
    const taken = Math.min(most, this.#free);
    this.#free -= taken;
    return taken;
  }

  free(places: number): void {
    this.#free += places;
    if (this.#free > 0) this.#waiting.shift()?.();
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      this.#waiting.push(done);
    });
  }
}
