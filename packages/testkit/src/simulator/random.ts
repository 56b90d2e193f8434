/** Seeded randomness: sfc32 (Chris Doty-Humphrey, PractRand), one independent stream for each purpose. */

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** The same seed and purpose give the same numbers for ever. */
  constructor(seed: number, purpose: string) {
    let hash = 0x811c9dc5;
    for (const each of `${seed}/${purpose}`)
      hash = Math.imul(hash ^ (each.codePointAt(0) ?? 0), 0x01000193);
    this.#a = hash | 0;
    this.#b = seed | 0;
    this.#c = Math.imul(hash, 0x9e3779b1) | 0;
    for (let round = 0; round < 15; round += 1) this.next32();
  }

  next32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    this.#c |= 0;
    return result >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    return this.next32() / 4_294_967_296;
  }
  /** True with this probability; draws also when that is 0, so a plan's figures do not move the stream. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }
  /** Integer in [from, to]. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }
  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.next() * from.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.next32() & 0xff);
  }
}
