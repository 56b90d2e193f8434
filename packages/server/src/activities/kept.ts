/** What executors keep from one call to the next (connections, caches): made with the first use, closed with the services. */
export interface Kept {
  close(): void | Promise<void>;
}

export class KeptThings<Services> implements Kept {
  readonly #things = new Map<unknown, Kept>();

  /** What `open` made for these services; each function is called once. */
  get<T extends Kept>(open: (services: Services) => T, services: Services): T {
    const kept = this.#things.get(open) as T | undefined;
    if (kept !== undefined) return kept;
    const opened = open(services);
    this.#things.set(open, opened);
    return opened;
  }

  /** Closes everything, also when one of them fails to. @throws {AggregateError} */
  async close(): Promise<void> {
    const things = [...this.#things.values()];
    this.#things.clear();
    const results = await Promise.allSettled(things.map(async (thing) => thing.close()));
    const failed = results.filter((result) => result.status === "rejected");
    if (failed.length > 0) {
      const reasons = failed.map(({ reason }) => reason as unknown);
      throw new AggregateError(reasons, "some connections could not be closed");
    }
  }
}
