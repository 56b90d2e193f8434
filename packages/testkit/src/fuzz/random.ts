/** Seeded randomness: the same seed gives the same fuzzing, case by case. */

/** A small generator (SplitMix32, of the family in Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators"). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** The generator of one case: cases can be made again one by one. */
  static of(seed: number, index: number): Random {
    return new Random(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** True this often, of 1. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of them; throws when there is none. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error("nothing to pick from");
    return items[this.below(items.length)] as T;
  }

  /** Small numbers often, large ones now and then: at most `most`. */
  small(most: number): number {
    return Math.floor(this.next() ** 3 * (most + 1));
  }

  /** So many values. */
  list<T>(length: number, make: (index: number) => T): T[] {
    return Array.from({ length }, (_, index) => make(index));
  }
}
