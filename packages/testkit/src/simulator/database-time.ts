/** The clock of the database: it runs evenly, and now and then somebody sets it, forward or back. */
import type { Loop } from "./loop.ts";
import { EPOCH } from "./machine.ts";

/** Milliseconds by which it is wrong at most, either way. */
const FURTHEST = 7_200_000;

export class DatabaseTime {
  /** Milliseconds by which it has been set forward altogether: after the last change, and after the one furthest ahead. */
  #offset = 0;
  #furthest = 0;
  /** When it was set forward last, in milliseconds of the simulation. */
  setForwardAt = Number.NEGATIVE_INFINITY;
  wasSetBack = false;
  readonly #loop: Loop;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  /** Epoch milliseconds, whole. */
  get now(): number {
    return Math.floor(EPOCH + this.#loop.now + this.#offset);
  }

  /** What it would say had it never been set back: nobody can have read more than this. */
  get highest(): number {
    return Math.floor(EPOCH + this.#loop.now + this.#furthest);
  }

  /** Sets it by so many milliseconds. @returns by how many it was set */
  jump(by: number): number {
    const before = this.#offset;
    this.#offset = Math.min(FURTHEST, Math.max(-FURTHEST, before + by));
    this.#furthest = Math.max(this.#furthest, this.#offset);
    if (this.#offset < before) this.wasSetBack = true;
    if (this.#offset > before) this.setForwardAt = this.#loop.now;
    return this.#offset - before;
  }

  /** Sets it to where it was furthest ahead: what was put off until then comes now. */
  settle(): void {
    this.jump(this.#furthest - this.#offset);
  }
}
