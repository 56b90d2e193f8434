/**
 * SHA-256 (FIPS 180-4) of bytes that come piece by piece, which the Web Crypto API has not: the platform's own where there is one
 * (Node.js, Deno, Bun), else this one's.
 */

export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** In lower-case hexadecimal; nothing can be added any more. */
  hex(): string;
}

interface NodeHash {
  update(bytes: Uint8Array): unknown;
  digest(encoding: "hex"): string;
}
interface Builtins {
  readonly getBuiltinModule?: (
    name: string,
  ) => { createHash(algorithm: string): NodeHash } | undefined;
}

export function sha256(): Sha256 {
  const { process } = globalThis as { readonly process?: Builtins };
  const native = process?.getBuiltinModule?.("node:crypto")?.createHash("sha256");
  if (native === undefined) return new PlainSha256();
  return { update: (bytes) => void native.update(bytes), hex: () => native.digest("hex") };
}

const BLOCK = 64;
const primes = firstPrimes(64);
/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of the first 8. */
const K = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const INITIAL = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

export class PlainSha256 implements Sha256 {
  readonly #state = INITIAL.slice();
  readonly #schedule = new Int32Array(64);
  readonly #block = new Uint8Array(BLOCK);
  readonly #view = new DataView(this.#block.buffer);
  #filled = 0;
  #length = 0;

  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + BLOCK - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === BLOCK) this.#compress();
    }
  }

  hex(): string {
    const bits = this.#length * 8;
    this.#block.fill(0, this.#filled);
    this.#block[this.#filled] = 0x80;
    if (this.#filled >= BLOCK - 8) {
      this.#compress();
      this.#block.fill(0);
    }
    this.#view.setUint32(BLOCK - 8, Math.floor(bits / 2 ** 32));
    this.#view.setUint32(BLOCK - 4, bits % 2 ** 32);
    this.#compress();
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  /** Section 6.2.2. */
  #compress(): void {
    const w = this.#schedule;
    for (let t = 0; t < 16; t++) w[t] = this.#view.getInt32(t * 4);
    for (let t = 16; t < 64; t++) {
      const a = w[t - 15] as number;
      const b = w[t - 2] as number;
      const small0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const small1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      w[t] = (small1 + (w[t - 7] as number) + small0 + (w[t - 16] as number)) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.#state as unknown as Words;
    for (let t = 0; t < 64; t++) {
      const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const first = (h + big1 + ((e & f) ^ (~e & g)) + (K[t] as number) + (w[t] as number)) | 0;
      const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e] = [g, f, e, (d + first) | 0];
      [d, c, b, a] = [c, b, a, (first + second) | 0];
    }
    const words = [a, b, c, d, e, f, g, h];
    for (let at = 0; at < 8; at++)
      this.#state[at] = ((this.#state[at] as number) + (words[at] as number)) | 0;
    this.#filled = 0;
  }
}

type Words = [number, number, number, number, number, number, number, number];

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function fraction(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32) | 0;
}

function firstPrimes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    if (found.every((prime) => n % prime !== 0)) found.push(n);
  }
  return found;
}
