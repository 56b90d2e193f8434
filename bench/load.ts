/**
 * The load that every contender, ours and the peers, is put under by the same code.
 *
 * - *closed*: `concurrency` callers, each starts a piece of work as soon as its last one has ended: throughput at
 *   saturation.
 * - *open*: a piece starts every 1/rate seconds whether or not earlier ones have ended, and its time runs from the instant
 *   it was due: a stall is felt by all that were due meanwhile (no coordinated omission).
 * - *count*: `concurrency` callers until `total` pieces have ended.
 */
import { setTimeout } from "node:timers/promises";
import { percentile } from "./figure.ts";

export type Load =
  | {
      readonly kind: "closed";
      readonly concurrency: number;
      /** Seconds before the measurement, and of it. */
      readonly warmUp: number;
      readonly measure: number;
    }
  | {
      readonly kind: "open";
      /** Per second. */
      readonly rate: number;
      /** Seconds of a few callers at full speed: at a low rate a process would stay cold for minutes. */
      readonly warmUp: number;
      readonly measure: number;
    }
  | {
      readonly kind: "count";
      readonly concurrency: number;
      readonly total: number;
      /** Seconds after which nothing more is started, however few that were. */
      readonly atMost?: number;
    };

export interface Measured {
  /** Pieces that ended while it was measured, and the seconds that took. */
  readonly count: number;
  readonly seconds: number;
  /** Milliseconds from the instant a piece was due to its end; of an open load alone. */
  readonly latency?: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Pieces of an open load that had not ended {@link GRACE} seconds after the last was due. */
  readonly unfinished?: number;
}

/** One piece of work from its start to its known end; `n` counts them. */
export type Work = (n: number) => Promise<void>;

/** Called at the first and the last instant of the measurement. */
export interface Marks {
  begin(): void;
  end(): void;
}

/** A closed load is measured until each caller has ended so many pieces, if that takes at most so many times as long. */
const WAVES = 5;
const PATIENCE = 3;
/** Callers of an open load's warm-up. */
const WARMERS = 10;
/** Seconds after its end that an open load waits for what is under way. */
const GRACE = 10;

export function apply(load: Load, work: Work, marks: Marks): Promise<Measured> {
  switch (load.kind) {
    case "closed":
      return closed(load, work, marks);
    case "open":
      return open(load, work, marks);
    case "count":
      return counted(load, work, marks);
  }
}

type Of<K extends Load["kind"]> = Extract<Load, { kind: K }>;

async function closed(load: Of<"closed">, work: Work, marks: Marks): Promise<Measured> {
  const run = { started: 0, ended: 0, stopped: false };
  const caller = async (): Promise<void> => {
    while (!run.stopped) {
      await work((run.started += 1));
      run.ended += 1;
    }
  };
  const callers = Promise.all(Array.from({ length: load.concurrency }, caller));
  const measured = (async (): Promise<Measured> => {
    await pause(load.warmUp * 1000);
    const [before, since] = [run.ended, performance.now()];
    marks.begin();
    const elapsed = (): number => (performance.now() - since) / 1000;
    await pause(load.measure * 1000);
    // Callers tend to move in step: where few pieces end, a whole wave more or less would make the rate.
    const enough = before + WAVES * load.concurrency;
    while (run.ended < enough && elapsed() < PATIENCE * load.measure) await pause(50);
    const count = run.ended - before;
    const seconds = elapsed();
    marks.end();
    return { count, seconds };
  })();
  // A failed caller ends the wait at once; callers never end by themselves before the measurement does.
  await Promise.race([measured, callers]);
  run.stopped = true;
  await callers;
  return measured;
}

async function counted(load: Of<"count">, work: Work, marks: Marks): Promise<Measured> {
  let next = 0;
  const since = performance.now();
  const until = since + (load.atMost ?? Number.POSITIVE_INFINITY) * 1000;
  const caller = async (): Promise<void> => {
    while (next < load.total && performance.now() < until) await work((next += 1));
  };
  marks.begin();
  await Promise.all(Array.from({ length: load.concurrency }, caller));
  marks.end();
  return { count: next, seconds: (performance.now() - since) / 1000 };
}

async function open(load: Of<"open">, work: Work, marks: Marks): Promise<Measured> {
  await warm(load, work);
  const total = Math.round(load.rate * load.measure);
  const times: number[] = [];
  const running = new Set<Promise<void>>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  marks.begin();
  const origin = performance.now();
  const dueAt = (n: number): number => origin + (n * 1000) / load.rate;
  for (let next = 0; next < total; ) {
    await Promise.race([pause(dueAt(next) - performance.now()), failure.promise]);
    for (; next < total && dueAt(next) <= performance.now(); next++) {
      const piece = timed(work(next), dueAt(next), times)
        .catch(failure.reject)
        .finally(() => running.delete(piece));
      running.add(piece);
    }
  }
  // Unreferenced: it must keep nobody waiting when all has ended.
  const grace = setTimeout(GRACE * 1000, undefined, { ref: false });
  await Promise.race([Promise.all(running), grace, failure.promise]);
  marks.end();
  times.sort((a, b) => a - b);
  const [p50, p99, max] = [0.5, 0.99, 1].map((fraction) => percentile(times, fraction));
  return {
    count: times.length,
    seconds: load.measure,
    latency: { p50: p50 ?? 0, p99: p99 ?? 0, max: max ?? 0 },
    unfinished: running.size,
  };
}

async function warm({ warmUp }: Of<"open">, work: Work): Promise<void> {
  const until = performance.now() + warmUp * 1000;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < until) await work((next -= 1));
  };
  await Promise.all(Array.from({ length: WARMERS }, caller));
}

async function timed(work: Promise<void>, due: number, times: number[]): Promise<void> {
  await work;
  times.push(performance.now() - due);
}

function pause(ms: number): Promise<void> {
  return setTimeout(Math.max(0, ms));
}
