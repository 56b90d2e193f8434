/** What goes wrong in one simulation, and how often: drawn from the seed, so that seeds differ in kind, not only in order. */
import type { Random } from "./random.ts";

/** Probabilities are for each call of the database unless said otherwise. Milliseconds. */
export interface Plan {
  readonly nodes: number;
  readonly partitions: number;
  readonly concurrency: number;
  readonly clients: number;
  /** Nothing more goes wrong from here on; clients have begun long before. */
  readonly calmAt: number;
  /** Longest way of a message. */
  readonly latency: number;
  readonly refuse: number;
  readonly loseRequest: number;
  readonly loseAnswer: number;
  /** The answer is "unknown", and the write happens afterwards. */
  readonly late: number;
  readonly conflict: number;
  readonly killAtCall: number;
  readonly pauseAtCall: number;
  /** Means between two of them. */
  readonly killEvery: number;
  readonly pauseEvery: number;
  readonly longestPause: number;
  readonly databaseCrashEvery: number;
  /** Of those killed, how many are stopped in order instead. */
  readonly orderly: number;
  readonly exclusive: boolean;
  /** For each activity. */
  readonly slowAnswer: number;
  readonly noAnswer: number;
  /** For each start. */
  readonly keyed: number;
  readonly twice: number;
  readonly signalled: number;
  /** Whether somebody retries what is faulted. */
  readonly retries: boolean;
  /** Mean between two settings of the database's clock, or of a node's. */
  readonly clockJumpEvery: number;
  readonly schedules: number;
  /** Instances that listen, each with the events of an order. */
  readonly orders: number;
  /** Bytes that a value may have and stay where it is. */
  readonly large: number;
  /** For which what was stored is safe though nothing refers to it. */
  readonly grace: number;
}

export function drawPlan(random: Random): Plan {
  const sometimes = (probability: number, value: () => number): number =>
    random.chance(probability) ? value() : 0;
  const often = (probability: number, from: number, to: number): number =>
    random.chance(probability) ? random.between(from, to) : Number.POSITIVE_INFINITY;
  const nodes = random.pick([1, 2, 2, 2, 3]);
  return {
    nodes,
    partitions: random.pick([1, 2, 4, 8]),
    concurrency: random.pick([1, 3, 100]),
    clients: random.integer(6, 16),
    calmAt: random.between(30_000, 90_000),
    latency: random.pick([1, 5, 5, 100]),
    refuse: sometimes(0.4, () => random.between(0, 0.05)),
    loseRequest: sometimes(0.5, () => random.between(0, 0.05)),
    loseAnswer: sometimes(0.5, () => random.between(0, 0.05)),
    late: sometimes(0.5, () => random.between(0, 0.05)),
    conflict: sometimes(0.3, () => random.between(0, 0.05)),
    killAtCall: sometimes(0.4, () => random.between(0, 0.02)),
    pauseAtCall: sometimes(0.3, () => random.between(0, 0.01)),
    killEvery: often(0.5, 5000, 40_000),
    pauseEvery: often(0.4, 5000, 40_000),
    longestPause: random.pick([500, 9000, 30_000]),
    databaseCrashEvery: often(0.3, 10_000, 60_000),
    orderly: random.pick([0, 0.3, 1]),
    exclusive: nodes === 1 && random.chance(0.5),
    slowAnswer: sometimes(0.5, () => random.between(0, 0.3)),
    noAnswer: sometimes(0.5, () => random.between(0, 0.5)),
    keyed: random.pick([0, 0.8, 1]),
    twice: sometimes(0.6, () => random.between(0, 0.5)),
    signalled: sometimes(0.6, () => random.between(0, 0.6)),
    retries: random.chance(0.6),
    clockJumpEvery: often(0.5, 3000, 30_000),
    schedules: random.pick([0, 1, 2, 3]),
    orders: random.pick([0, 0, 2, 5]),
    large: random.pick([64, 64, 200, 32_768]),
    grace: random.pick([20, 1000, 5000]),
  };
}
