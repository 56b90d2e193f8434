/** Tokens of tasks that ended while a worker had them: for those who ask again, or are to be told. */

/**
 * `taken`: the instance has the result that came with it. `withdrawn`: the instance waits no longer. `moved`: another server
 * delivers the task again.
 */
export type End = "taken" | "withdrawn" | "moved";

/** Tokens that are remembered; older ones are as unknown as any. */
const MOST = 10_000;

export class EndedTokens {
  /** In the order in which they ended. */
  readonly #ends = new Map<string, { readonly end: End; readonly worker: string }>();
  /** Tokens of withdrawn tasks, by worker, until it was told in the answer to a poll. */
  readonly #news = new Map<string, Set<string>>();

  /** @param worker who had it */
  add(token: string, end: End, worker: string): void {
    this.#ends.set(token, { end, worker });
    if (end === "withdrawn") {
      const news = this.#news.get(worker) ?? new Set();
      this.#news.set(worker, news.add(token));
    }
    if (this.#ends.size > MOST) this.#forgetOldest();
  }

  of(token: string): End | undefined {
    return this.#ends.get(token)?.end;
  }

  /** What was withdrawn from a worker since it was told last. */
  news(worker: string): readonly string[] {
    const news = [...(this.#news.get(worker) ?? [])];
    this.#news.delete(worker);
    return news;
  }

  #forgetOldest(): void {
    for (const [token, { worker }] of this.#ends) {
      this.#ends.delete(token);
      const news = this.#news.get(worker);
      news?.delete(token);
      if (news?.size === 0) this.#news.delete(worker);
      return;
    }
  }
}
