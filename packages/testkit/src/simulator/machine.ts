/**
 * One process with clocks of its own: it runs one thing at a time, takes time for it, is paused and goes on without knowing,
 * and is killed at any instant, after which nothing it asked for comes back to it.
 */
import type { Clock } from "@millrace/server/ports";
import type { Loop } from "./loop.ts";
import type { Random } from "./random.ts";

/** The instant at which every simulation begins, in epoch milliseconds of the database. */
export const EPOCH = Date.UTC(2026, 0, 1);

export interface MachineOptions {
  readonly name: string;
  readonly loop: Loop;
  readonly random: Random;
  /** Milliseconds by which its wall clock is wrong at first. */
  readonly skew: number;
  /** Its milliseconds for one of the database's: a quartz is off by up to 200 in a million. */
  readonly rate: number;
}

export class Machine {
  readonly name: string;
  readonly clock: Clock;
  alive = true;
  /** When its last halt ends, or has ended. */
  haltedUntil = 0;
  /** Milliseconds that reading the clock once takes: how slowly it computes just now. */
  pace = 0.002;
  readonly #loop: Loop;
  readonly #random: Random;
  #skew: number;
  /** What it runs now has lasted until then; the next thing waits so long. */
  #busyUntil = 0;

  constructor({ name, loop, random, skew, rate }: MachineOptions) {
    this.name = name;
    this.#loop = loop;
    this.#random = random;
    this.#skew = skew;
    const origin = random.between(1000, 100_000);
    this.clock = {
      now: () => Math.floor(EPOCH + this.#skew + this.time),
      monotonic: () => {
        this.#busyUntil = this.time + this.pace;
        return origin + this.time * rate;
      },
      after: (ms, run) => this.enter(this.time + Math.max(0, ms) / rate, run),
      defer: (run) => void this.enter(this.time + random.between(0, 0.3), run),
    };
  }

  /** The simulation's time as far as this machine has got in what it runs. */
  get time(): number {
    return Math.max(this.#busyUntil, this.#loop.now);
  }

  /** Runs something at an instant, or when it is free again. */
  enter(at: number, run: () => void): () => void {
    let cancel = this.#loop.at(at, () => {
      if (!this.alive) return;
      if (this.#busyUntil > this.#loop.now) {
        cancel = this.enter(this.#busyUntil, run);
        return;
      }
      // Now and then it computes as slowly as a machine that swaps.
      this.pace = this.#random.chance(0.01) ? 2 : 0.002;
      run();
    });
    return () => cancel();
  }

  /** It does nothing for so long, wherever it is, and does not notice. */
  pause(ms: number): void {
    this.#busyUntil = this.time + ms;
    this.haltedUntil = this.#busyUntil;
  }

  /** Somebody sets its wall clock by so many milliseconds. */
  setClock(by: number): void {
    this.#skew += by;
  }

  kill(): void {
    this.alive = false;
  }
}
