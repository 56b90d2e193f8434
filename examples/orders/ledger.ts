/** The shop's books: which effects were applied, under which idempotency key, and what was asked for. */

export const KINDS = ["reserve", "charge", "pack", "release", "notify"] as const;
export type Kind = (typeof KINDS)[number];

export interface Counts {
  /** Requests received. */
  calls: number;
  /** Answered with 503 before anything happened. */
  unavailable: number;
  /** Applied (or recognised), but the answer never sent. */
  lost: number;
  /** Answered late. */
  slow: number;
  /** Refused for good: 402. */
  refused: number;
  /** Recognised by their key: applied before, and not again. */
  repeated: number;
  /** Effects that happened. */
  applied: number;
}

export class Ledger {
  readonly counts: Readonly<Record<Kind, Counts>>;
  /** Receipt by idempotency key. */
  readonly #receipts = new Map<string, string>();
  /** How often each effect, such as `order-7/charge`, was asked for and applied. */
  readonly #calls = new Map<string, number>();
  readonly #applied = new Map<string, number>();

  constructor() {
    const none = (): Counts => ({
      calls: 0,
      unavailable: 0,
      lost: 0,
      slow: 0,
      refused: 0,
      repeated: 0,
      applied: 0,
    });
    this.counts = {
      reserve: none(),
      charge: none(),
      pack: none(),
      release: none(),
      notify: none(),
    };
  }

  /** @returns the number of this call among those for the same effect, from 1 */
  called(order: string, kind: Kind): number {
    const effect = `${order}/${kind}`;
    const call = (this.#calls.get(effect) ?? 0) + 1;
    this.#calls.set(effect, call);
    this.counts[kind].calls += 1;
    return call;
  }

  /** Applies an effect unless its key is known. @returns the receipt, the same for the same key */
  apply(order: string, kind: Kind, key: string): string {
    const known = this.#receipts.get(`${kind} ${key}`);
    if (known !== undefined) {
      this.counts[kind].repeated += 1;
      return known;
    }
    const times = this.applied(order, kind) + 1;
    const receipt = `${kind}-${order}-${times}`;
    this.#receipts.set(`${kind} ${key}`, receipt);
    this.#applied.set(`${order}/${kind}`, times);
    this.counts[kind].applied += 1;
    return receipt;
  }

  /** How often the effect happened: a second time only under a second key, which is what must never be. */
  applied(order: string, kind: Kind): number {
    return this.#applied.get(`${order}/${kind}`) ?? 0;
  }

  /** Effects of the kind that happened more than once. */
  doubled(kind: Kind): number {
    let doubled = 0;
    for (const [effect, times] of this.#applied) {
      if (times > 1 && effect.endsWith(`/${kind}`)) doubled += 1;
    }
    return doubled;
  }
}
