/** Runs many seeds, spread over processes, and adds up what they met. */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Figures, SimulationReport } from "./simulation.ts";
import { addTally, newTally, type Tally } from "./sometimes.ts";

export interface Seeds {
  readonly first: number;
  readonly count: number;
  /** Default: one for each processor. */
  readonly processes?: number;
  /** After the first violation no further seed is begun. */
  readonly stopAtFirst?: boolean;
  /** Called now and then with the number of seeds that are through. */
  readonly onProgress?: (done: number) => void;
  /** Called as soon as an invariant did not hold. */
  readonly onFailure?: (report: SimulationReport) => void;
}

export interface SeedsReport {
  readonly seeds: number;
  readonly tally: Tally;
  /** Sums. */
  readonly figures: Figures;
  /** Seeds in which an invariant did not hold, the lowest first. */
  readonly failures: readonly SimulationReport[];
}

/** What a process tells: some seeds of its share are through. */
export interface Share {
  readonly seeds: number;
  readonly tally: Tally;
  readonly figures: Figures;
  readonly failures: readonly SimulationReport[];
}

/** @throws {Error} when a process ends without an answer */
export async function runSeeds(seeds: Seeds): Promise<SeedsReport> {
  const processes = Math.min(seeds.processes ?? availableParallelism(), seeds.count);
  const total = {
    seeds: 0,
    tally: newTally(),
    figures: noFigures(),
    failures: [] as SimulationReport[],
  };
  const add = (share: Share): void => {
    total.seeds += share.seeds;
    addTally(total.tally, share.tally);
    addFigures(total.figures, share.figures);
    total.failures.push(...share.failures);
    for (const failure of share.failures) seeds.onFailure?.(failure);
    seeds.onProgress?.(total.seeds);
  };
  const children = Array.from({ length: processes }, (_, n) =>
    fork(
      join(import.meta.dirname, "worker.ts"),
      [seeds.first + n, seeds.first + seeds.count, processes].map(String),
      { execArgv: ["--max-old-space-size=1024"] },
    ),
  );
  const stopAll = (): void => {
    for (const each of children) each.kill();
  };
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve, reject) => {
          child.on("message", (share: Share) => {
            add(share);
            if (share.failures.length > 0 && seeds.stopAtFirst === true) stopAll();
          });
          child.on("exit", (code) => {
            if (code === 0 || total.failures.length > 0) return resolve();
            stopAll();
            reject(new Error(`a process of the simulator ended with ${code}`));
          });
        }),
    ),
  );
  return { ...total, failures: total.failures.toSorted((a, b) => a.seed - b.seed) };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function noFigures(): Mutable<Figures> {
  return { instances: 0, happened: 0, elapsed: 0 };
}

export function addFigures(to: Mutable<Figures>, from: Figures): void {
  to.instances += from.instances;
  to.happened += from.happened;
  to.elapsed += from.elapsed;
}
