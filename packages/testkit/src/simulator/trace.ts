/** What happened, line by line: the last lines for who reads a failure, and a digest of all of them. */
import { createHash } from "node:crypto";
import type { Loop } from "./loop.ts";

const KEPT = 1000;

export class Trace {
  readonly #loop: Loop;
  readonly #hash = createHash("sha256");
  readonly #last: string[] = [];
  #next = 0;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  add(text: string): void {
    const line = `${this.#loop.now.toFixed(2).padStart(10)} ${text}`;
    this.#hash.update(line);
    this.#last[this.#next % KEPT] = line;
    this.#next += 1;
  }

  last(): readonly string[] {
    const from = this.#next % KEPT;
    return [...this.#last.slice(from), ...this.#last.slice(0, from)];
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
